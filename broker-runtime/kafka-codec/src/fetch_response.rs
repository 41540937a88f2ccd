//! The Fetch response, written by hand: the frame comes out in pieces, and the records are pieces of their own that
//! are never copied. Everything but the records is at most a few kilobytes.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_wire::{
    FetchResponse, KafkaMessage, KafkaResponse,
    fetch_response::{FetchableTopicResponse, PartitionData},
};
use kafka_wire_core::{ApiVersion, EncodeError, Encoder, KafkaEncode, StrBytes};

use crate::frame::{put_response_header, set_length_prefix};

/// Records up to this size are copied next to what surrounds them: a piece of its own costs more.
const COPIED_RECORDS_BYTES_MAX: usize = 512;

/// A piece of the frame of a Fetch response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchPiece {
    /// These bytes.
    Bytes(Bytes),
    /// The records of the partition with this index, counted over all topics, which lie elsewhere.
    Elsewhere(usize),
}

/// Makes the frame of a Fetch response as pieces to be written one after the other; the length prefix is in the first.
///
/// The bytes are those of [`encode_response`](crate::encode_response). `records: None` is sent as null: Kafka sends
/// empty records instead, and some clients want that, so handlers set `Some(Bytes::new())`.
///
/// `elsewhere` has an entry for each partition, counted over all topics: how many bytes of records it has that are not in `response`
/// and that whoever writes the frame puts in their place. Partitions beyond its end have none.
pub fn encode_fetch_response(
    correlation_id: i32,
    version: i16,
    response: &FetchResponse,
    elsewhere: &[Option<usize>],
) -> Result<Vec<FetchPiece>, EncodeError> {
    let version = ApiVersion::new(version);
    if !FetchResponse::supports(version) {
        let (message, supported) = (FetchResponse::NAME, FetchResponse::SUPPORTED_VERSIONS);
        return Err(EncodeError::UnsupportedVersion {
            message,
            version,
            supported,
        });
    }
    let flexible = FetchResponse::is_flexible(version);
    let mut frame = SegmentedFrame {
        version,
        flexible,
        elsewhere,
        partitions: 0,
        pieces: Vec::new(),
        current: BytesMut::with_capacity(256),
    };
    put_response_header(
        &mut frame.current,
        FetchResponse::API_KEY,
        version,
        flexible,
        correlation_id,
    );
    frame.put_response(response)?;
    frame.finish()
}

struct SegmentedFrame<'a> {
    version: ApiVersion,
    flexible: bool,
    elsewhere: &'a [Option<usize>],
    /// How many have been put.
    partitions: usize,
    pieces: Vec<FetchPiece>,
    current: BytesMut,
}

impl SegmentedFrame<'_> {
    fn put_response(&mut self, response: &FetchResponse) -> Result<(), EncodeError> {
        self.current.put_i32(response.throttle_time_ms);
        if self.version.value() >= 7 {
            self.current.put_i16(response.error_code);
            self.current.put_i32(response.session_id);
        }
        self.put_length(Some(response.responses.len()))?;
        for topic in &response.responses {
            self.put_topic(topic)?;
        }
        if !self.flexible {
            return Ok(());
        }
        if self.version.value() < 16 || response.node_endpoints.is_empty() {
            return self.put_tags(&[]);
        }
        let mut endpoints = BytesMut::new();
        put_unsigned_varint(&mut endpoints, compact_length(response.node_endpoints.len())?);
        for endpoint in &response.node_endpoints {
            endpoint.encode_into(&mut endpoints, self.version)?;
        }
        self.put_tags(&[(0, endpoints)])
    }

    fn put_topic(&mut self, topic: &FetchableTopicResponse) -> Result<(), EncodeError> {
        if self.version.value() >= 13 {
            self.current.put_slice(topic.topic_id.as_bytes());
        } else {
            self.put_string(&topic.topic)?;
        }
        self.put_length(Some(topic.partitions.len()))?;
        for partition in &topic.partitions {
            self.put_partition(partition)?;
        }
        if self.flexible { self.put_tags(&[]) } else { Ok(()) }
    }

    fn put_partition(&mut self, partition: &PartitionData) -> Result<(), EncodeError> {
        let version = self.version;
        self.current.put_i32(partition.partition_index);
        self.current.put_i16(partition.error_code);
        self.current.put_i64(partition.high_watermark);
        self.current.put_i64(partition.last_stable_offset);
        if version.value() >= 5 {
            self.current.put_i64(partition.log_start_offset);
        }
        let aborted = partition.aborted_transactions.as_deref();
        self.put_length(aborted.map(<[_]>::len))?;
        for transaction in aborted.unwrap_or_default() {
            transaction.encode_into(&mut self.current, version)?;
        }
        if version.value() >= 11 {
            self.current.put_i32(partition.preferred_read_replica);
        }
        self.put_records(partition.records.as_ref())?;
        if !self.flexible {
            return Ok(());
        }
        let mut tags = Vec::new();
        if partition.diverging_epoch != Default::default() {
            tags.push((0, encoded(&partition.diverging_epoch, version)?));
        }
        if partition.current_leader != Default::default() {
            tags.push((1, encoded(&partition.current_leader, version)?));
        }
        if partition.snapshot_id != Default::default() {
            tags.push((2, encoded(&partition.snapshot_id, version)?));
        }
        self.put_tags(&tags)
    }

    fn put_records(&mut self, records: Option<&Bytes>) -> Result<(), EncodeError> {
        let index = self.partitions;
        self.partitions += 1;
        if let Some(length) = self.elsewhere.get(index).copied().flatten() {
            self.put_length(Some(length))?;
            self.put_piece(FetchPiece::Elsewhere(index));
            return Ok(());
        }
        let Some(records) = records else {
            return self.put_length(None);
        };
        self.put_length(Some(records.len()))?;
        if records.len() <= COPIED_RECORDS_BYTES_MAX {
            self.current.put_slice(records);
        } else {
            self.put_piece(FetchPiece::Bytes(records.clone()));
        }
        Ok(())
    }

    /// After what has been put until now.
    fn put_piece(&mut self, piece: FetchPiece) {
        self.pieces.push(FetchPiece::Bytes(self.current.split().freeze()));
        self.pieces.push(piece);
    }

    fn put_string(&mut self, text: &StrBytes) -> Result<(), EncodeError> {
        let mut encoder = Encoder::new(&mut self.current);
        if self.flexible {
            encoder.write_compact_string(text)
        } else {
            encoder.write_string(text)
        }
    }

    /// A nullable length: one more than it as a varint in flexible versions, else 32 bits.
    fn put_length(&mut self, length: Option<usize>) -> Result<(), EncodeError> {
        if self.flexible {
            let length = length.map_or(Ok(0), compact_length)?;
            put_unsigned_varint(&mut self.current, length);
            return Ok(());
        }
        let length = match length {
            Some(length) => i32::try_from(length).map_err(|_| too_long(length))?,
            None => -1,
        };
        self.current.put_i32(length);
        Ok(())
    }

    fn put_tags(&mut self, tags: &[(u32, BytesMut)]) -> Result<(), EncodeError> {
        put_unsigned_varint(
            &mut self.current,
            u32::try_from(tags.len()).map_err(|_| too_long(tags.len()))?,
        );
        for (tag, value) in tags {
            put_unsigned_varint(&mut self.current, *tag);
            put_unsigned_varint(
                &mut self.current,
                u32::try_from(value.len()).map_err(|_| too_long(value.len()))?,
            );
            self.current.put_slice(value);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<FetchPiece>, EncodeError> {
        if !self.current.is_empty() {
            self.pieces.push(FetchPiece::Bytes(self.current.split().freeze()));
        }
        let lengths = self.pieces.iter().map(|piece| match piece {
            FetchPiece::Bytes(bytes) => bytes.len(),
            FetchPiece::Elsewhere(index) => self.elsewhere[*index].unwrap_or_default(),
        });
        let frame_bytes = lengths.sum();
        if let Some(FetchPiece::Bytes(first)) = self.pieces.first_mut() {
            // The head is short: it ends where the first large records begin.
            let mut head = BytesMut::from(std::mem::take(first));
            set_length_prefix(&mut head, frame_bytes)?;
            *first = head.freeze();
        }
        Ok(self.pieces)
    }
}

fn encoded(value: &impl KafkaEncode, version: ApiVersion) -> Result<BytesMut, EncodeError> {
    let mut bytes = BytesMut::new();
    value.encode_into(&mut bytes, version)?;
    Ok(bytes)
}

fn too_long(length: usize) -> EncodeError {
    EncodeError::LengthOverflow {
        kind: "fetch response field",
        length,
        maximum: 0x7fff_ffff,
    }
}

fn compact_length(length: usize) -> Result<u32, EncodeError> {
    u32::try_from(length)
        .ok()
        .and_then(|length| length.checked_add(1))
        .ok_or_else(|| too_long(length))
}

fn put_unsigned_varint(out: &mut BytesMut, mut value: u32) {
    loop {
        let [low, ..] = (value & 0x7f).to_le_bytes();
        value >>= 7;
        if value == 0 {
            out.put_u8(low);
            return;
        }
        out.put_u8(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use kafka_wire::fetch_response::{AbortedTransaction, NodeEndpoint};
    use proptest::prelude::*;

    use super::*;
    use crate::encode_response;

    fn partition(index: i32, records: Option<Vec<u8>>, version: i16, tags: u8) -> PartitionData {
        let mut partition = PartitionData::default();
        partition.partition_index = index;
        partition.error_code = 3;
        partition.high_watermark = 1 << 40;
        partition.last_stable_offset = 99;
        partition.records = records.map(Bytes::from);
        if version >= 5 {
            partition.log_start_offset = 7;
        }
        if tags & 1 != 0 {
            partition.aborted_transactions = Some(vec![AbortedTransaction::default()]);
        }
        if version >= 12 && tags & 2 != 0 {
            partition.diverging_epoch.epoch = 3;
            partition.diverging_epoch.end_offset = 30;
        }
        if version >= 12 && tags & 4 != 0 {
            partition.current_leader.leader_id = 1;
            partition.current_leader.leader_epoch = 4;
        }
        if version >= 12 && tags & 8 != 0 {
            partition.snapshot_id.end_offset = 1;
        }
        partition
    }

    fn joined(pieces: &[FetchPiece], elsewhere: &[Bytes]) -> Vec<u8> {
        let bytes = pieces.iter().map(|piece| match piece {
            FetchPiece::Bytes(bytes) => bytes,
            FetchPiece::Elsewhere(index) => &elsewhere[*index],
        });
        bytes.flatten().copied().collect()
    }

    proptest! {
        #[test]
        fn pieces_are_the_bytes_of_the_generated_encoder(
            version in 4_i16..=18,
            partitions in prop::collection::vec((prop::option::of(0_usize..3000), any::<u8>()), 0..5),
            endpoints in any::<bool>(),
        ) {
            let mut topic = FetchableTopicResponse::default();
            if version >= 13 {
                topic.topic_id = kafka_wire_core::Uuid::from_bytes([9; 16]);
            } else {
                topic.topic = StrBytes::from("orders");
            }
            for (index, (length, tags)) in (0..).zip(partitions) {
                topic.partitions.push(partition(index, length.map(|length| vec![0xab; length]), version, tags));
            }
            let mut response = FetchResponse::default();
            response.throttle_time_ms = 5;
            if version >= 7 {
                response.session_id = 77;
            }
            response.responses = vec![topic.clone(), topic];
            if version >= 16 && endpoints {
                let mut endpoint = NodeEndpoint::default();
                endpoint.host = StrBytes::from("localhost");
                response.node_endpoints = vec![endpoint];
            }
            let expected = encode_response(42, version, &response).unwrap();
            let pieces = encode_fetch_response(42, version, &response, &[]).unwrap();
            prop_assert_eq!(joined(&pieces, &[]), expected.to_vec());
            // Some of the records lie elsewhere, and the frame is the same.
            let (mut records, mut lengths) = (Vec::new(), Vec::new());
            for (index, partition) in response.responses.iter_mut().flat_map(|topic| &mut topic.partitions).enumerate() {
                let taken = partition.records.take_if(|_| index % 2 == 0);
                lengths.push(taken.as_ref().map(Bytes::len));
                records.push(taken.unwrap_or_default());
            }
            let pieces = encode_fetch_response(42, version, &response, &lengths).unwrap();
            prop_assert_eq!(joined(&pieces, &records), expected.to_vec());
        }
    }

    #[test]
    fn large_records_are_not_copied() {
        let records = Bytes::from(vec![1; 4096]);
        let mut data = PartitionData::default();
        data.records = Some(records.clone());
        let mut topic = FetchableTopicResponse::default();
        topic.partitions = vec![data];
        let mut response = FetchResponse::default();
        response.responses = vec![topic];
        let pieces = encode_fetch_response(1, 12, &response, &[]).unwrap();
        assert_eq!(pieces.len(), 3);
        assert!(matches!(&pieces[1], FetchPiece::Bytes(bytes) if bytes.as_ptr() == records.as_ptr()));
    }

    #[test]
    fn version_out_of_range_is_an_error() {
        for version in [i16::MIN, -1, 3, 19, i16::MAX] {
            assert!(encode_fetch_response(1, version, &FetchResponse::default(), &[]).is_err());
        }
    }
}
