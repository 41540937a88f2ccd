//! Records in batches, between the control records that make a file of them a snapshot (KIP-630, KIP-853;
//! `RecordsSnapshotWriter`).

use base64::DecodeError;
use bytes::{Bytes, BytesMut};
use kafka_codec::record_batch::{BuildError, RecordBatchBuilder, control_batch};
use kafka_metadata::MetadataImage;
use thiserror::Error;

use crate::{KraftLayout, Voter, records::records, wire::Message};

/// The folder, in the `metadata.log.dir` of every controller, that the snapshot belongs into.
pub const METADATA_FOLDER: &str = "__cluster_metadata-0";

/// Numbers of `ControlRecordType`.
const SNAPSHOT_HEADER: i16 = 3;
const SNAPSHOT_FOOTER: i16 = 4;
const KRAFT_VERSION: i16 = 5;
const KRAFT_VOTERS: i16 = 6;

/// The only version of the records with these.
const CONTROL_VERSION: i16 = 0;

/// `kraft.version` of a quorum that may change.
const DYNAMIC_QUORUM: i16 = 1;

/// Bytes of records in a batch, about; below Kafka's own limit of 8 MiB.
const BATCH_BYTES: usize = 512 * 1024;

/// Why there is no snapshot.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// A key of a password is damaged.
    #[error("a SCRAM credential of the metadata is not base64")]
    Credential(#[from] DecodeError),
    /// A batch cannot be made.
    #[error("the records of the metadata do not fit into a batch")]
    Batch(#[from] BuildError),
}

/// A snapshot: a file for [`METADATA_FOLDER`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The name of the file.
    pub file_name: String,
    /// What is in it.
    pub bytes: Bytes,
}

/// The snapshot that Apache Kafka, as `layout` says, starts from with the metadata of `image`.
pub fn snapshot(image: &MetadataImage, layout: &KraftLayout) -> Result<Snapshot, SnapshotError> {
    let mut file = File {
        bytes: BytesMut::new(),
        next_offset: 0,
        layout,
    };
    let header = Message::new().i16(CONTROL_VERSION).i64(layout.timestamp_ms).finish();
    let mut first = vec![(SNAPSHOT_HEADER, header)];
    if !layout.voters.is_empty() {
        let version = Message::new().i16(CONTROL_VERSION).i16(DYNAMIC_QUORUM).finish();
        first.extend([(KRAFT_VERSION, version), (KRAFT_VOTERS, voters(&layout.voters))]);
    }
    file.control(&first)?;
    file.data(&records(image, layout)?)?;
    let footer = Message::new().i16(CONTROL_VERSION).finish();
    file.control(&[(SNAPSHOT_FOOTER, footer)])?;
    // Whoever reads it goes on behind everything that it holds.
    let end_offset = image.next_offset().0.max(1);
    Ok(Snapshot {
        file_name: format!("{end_offset:020}-{:010}.checkpoint", layout.epoch),
        bytes: file.bytes.freeze(),
    })
}

fn voters(voters: &[Voter]) -> Bytes {
    let message = Message::new().i16(CONTROL_VERSION);
    let message = message.array(voters.iter(), |message, voter| {
        let message = message.i32(voter.node_id).uuid(voter.directory_id);
        let message = message.array(voter.endpoints.iter(), |message, endpoint| {
            let message = message.string(&endpoint.listener).string(&endpoint.host);
            message.u16(endpoint.port).no_tags()
        });
        // The versions of the quorum that it supports: both.
        message.i16(0).i16(DYNAMIC_QUORUM).no_tags().no_tags()
    });
    message.finish()
}

/// A file in the making.
struct File<'a> {
    bytes: BytesMut,
    next_offset: i64,
    layout: &'a KraftLayout,
}

impl File<'_> {
    fn control(&mut self, records: &[(i16, Bytes)]) -> Result<(), BuildError> {
        let builder = self.builder();
        let batch = control_batch(builder, records, self.layout.timestamp_ms)?;
        self.push(&batch, records.len());
        Ok(())
    }

    fn data(&mut self, records: &[Bytes]) -> Result<(), BuildError> {
        let mut rest = records.iter().peekable();
        while rest.peek().is_some() {
            let mut builder = self.builder();
            let mut count = 0;
            while builder.body_bytes() < BATCH_BYTES
                && let Some(record) = rest.next()
            {
                builder.append(self.layout.timestamp_ms, None, Some(record), &[]);
                count += 1;
            }
            let batch = builder.build()?;
            self.push(&batch, count);
        }
        Ok(())
    }

    fn builder(&self) -> RecordBatchBuilder {
        RecordBatchBuilder::new()
            .base_offset(self.next_offset)
            .leader_epoch(self.layout.epoch)
    }

    fn push(&mut self, batch: &[u8], records: usize) {
        self.bytes.extend_from_slice(batch);
        self.next_offset += i64::try_from(records).expect("records are counted in 32 bits");
    }
}
