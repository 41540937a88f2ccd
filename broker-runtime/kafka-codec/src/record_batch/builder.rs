//! Makes batches: for the records of the group coordinator, for our own client and for tests.

use bytes::{BufMut, BytesMut};
use thiserror::Error;

use super::{
    BatchHeader, Compression, CompressionError, HEADER_BYTES, LENGTH_PREFIX_BYTES, NO_PARTITION_LEADER_EPOCH,
    NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, NO_TIMESTAMP,
    header::{CONTROL, TRANSACTIONAL},
    varint::put_varlong,
};

/// A record header: key and value.
pub type RecordHeaderRef<'a> = (&'a [u8], Option<&'a [u8]>);

/// Why a batch cannot be made.
#[derive(Debug, Error)]
pub enum BuildError {
    /// A batch has at least one record.
    #[error("batch has no records")]
    Empty,
    /// A batch has at most 2 GiB.
    #[error("batch of {0} bytes is too large")]
    TooLarge(usize),
    /// The compressor failed.
    #[error("records cannot be compressed")]
    Compression(#[from] CompressionError),
}

/// A batch in the making.
#[derive(Clone, Debug)]
pub struct RecordBatchBuilder {
    header: BatchHeader,
    compression: Compression,
    body: Vec<u8>,
}

impl Default for RecordBatchBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl RecordBatchBuilder {
    /// An empty batch at offset 0, uncompressed, of a producer that is not idempotent.
    pub fn new() -> Self {
        let header = BatchHeader {
            base_offset: 0,
            batch_length: 0,
            partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
            crc: 0,
            attributes: 0,
            last_offset_delta: -1,
            base_timestamp: NO_TIMESTAMP,
            max_timestamp: NO_TIMESTAMP,
            producer_id: NO_PRODUCER_ID,
            producer_epoch: NO_PRODUCER_EPOCH,
            base_sequence: NO_SEQUENCE,
            records_count: 0,
        };
        Self {
            header,
            compression: Compression::None,
            body: Vec::new(),
        }
    }

    /// Sets the offset of the first record.
    #[must_use]
    pub fn base_offset(mut self, base_offset: i64) -> Self {
        self.header.base_offset = base_offset;
        self
    }

    /// Sets the epoch of the leader.
    #[must_use]
    pub fn leader_epoch(mut self, leader_epoch: i32) -> Self {
        self.header.partition_leader_epoch = leader_epoch;
        self
    }

    /// Makes it the batch of an idempotent producer.
    #[must_use]
    pub fn producer(mut self, producer_id: i64, producer_epoch: i16, base_sequence: i32) -> Self {
        self.header.producer_id = producer_id;
        self.header.producer_epoch = producer_epoch;
        self.header.base_sequence = base_sequence;
        self
    }

    /// Makes it part of a transaction of its producer.
    #[must_use]
    pub fn transactional(mut self) -> Self {
        self.header.attributes |= TRANSACTIONAL;
        self
    }

    /// Makes its records control records.
    #[must_use]
    pub(super) fn control(mut self) -> Self {
        self.header.attributes |= CONTROL;
        self
    }

    /// Compresses the records.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Appends a record.
    pub fn append(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[RecordHeaderRef<'_>],
    ) {
        let delta = self.header.records_count;
        if delta == 0 {
            self.header.base_timestamp = timestamp;
        }
        let mut record = vec![0];
        put_varlong(&mut record, timestamp - self.header.base_timestamp);
        put_varlong(&mut record, i64::from(delta));
        put_slice(&mut record, key);
        put_slice(&mut record, value);
        put_varlong(&mut record, signed_length(headers.len()));
        for (key, value) in headers {
            put_slice(&mut record, Some(key));
            put_slice(&mut record, *value);
        }
        put_varlong(&mut self.body, signed_length(record.len()));
        self.body.append(&mut record);
        self.header.max_timestamp = self.header.max_timestamp.max(timestamp);
        self.header.last_offset_delta = delta;
        self.header.records_count = delta + 1;
    }

    /// Bytes of the records so far, before compression.
    pub fn body_bytes(&self) -> usize {
        self.body.len()
    }

    /// Number of records so far.
    pub fn records_count(&self) -> i32 {
        self.header.records_count
    }

    /// The finished batch.
    pub fn build(self) -> Result<BytesMut, BuildError> {
        if self.header.records_count == 0 {
            return Err(BuildError::Empty);
        }
        let body = match self.compression {
            Compression::None => self.body,
            compression => compression.compress(&self.body)?,
        };
        let size = HEADER_BYTES + body.len();
        let mut header = self.header.with_compression(self.compression);
        header.batch_length = i32::try_from(size - LENGTH_PREFIX_BYTES).map_err(|_| BuildError::TooLarge(size))?;
        let header = header.with_computed_crc(&body);
        let mut batch = BytesMut::with_capacity(size);
        batch.put_slice(&header.to_bytes());
        batch.put_slice(&body);
        Ok(batch)
    }
}

fn signed_length(length: usize) -> i64 {
    i64::try_from(length).expect("no slice is longer than i64::MAX")
}

fn put_slice(out: &mut Vec<u8>, slice: Option<&[u8]>) {
    match slice {
        Some(slice) => {
            put_varlong(out, signed_length(slice.len()));
            out.extend_from_slice(slice);
        }
        None => put_varlong(out, -1),
    }
}
