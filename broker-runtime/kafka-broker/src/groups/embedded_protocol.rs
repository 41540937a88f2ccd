//! What consumers of the classic protocol put into JoinGroup and SyncGroup: subscriptions and assignments in the formats of
//! `ConsumerProtocolSubscription.json` and `ConsumerProtocolAssignment.json`. The coordinator reads and writes them where
//! members of both protocols are in one group (KIP-848). What is newer than version 3 is read as that version, as Kafka does; the
//! codec's readers refuse it.

use std::{collections::BTreeSet, sync::Arc};

use bytes::{BufMut, Bytes, BytesMut};

use crate::coordinator::{Reader, RecordFormatError, put_string};

/// The newest version of both formats. What a newer one adds stands behind what these have.
const VERSION_MAX: i16 = 3;

/// First version of a subscription that says what the member owns.
const OWNED_VERSION: i16 = 1;

/// First version of a subscription with the generation in which it got that.
const GENERATION_VERSION: i16 = 2;

/// First version of a subscription with a rack.
const RACK_VERSION: i16 = 3;

/// Length of data that is not there.
const NO_DATA: i32 = -1;

/// Partitions by the names of their topics.
pub(crate) type NamedPartitions = Vec<(Arc<str>, i32)>;

/// What a member of the classic protocol says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EmbeddedSubscription {
    pub(crate) version: i16,
    pub(crate) topics: BTreeSet<Arc<str>>,
    /// What it still reads; empty where it gives up everything before it joins again.
    pub(crate) owned: NamedPartitions,
    pub(crate) rack_id: Option<Arc<str>>,
}

impl EmbeddedSubscription {
    /// Reads what a member sent with a protocol.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, RecordFormatError> {
        let mut reader = Reader::new(bytes);
        let version = read_version(&mut reader)?;
        let mut topics = BTreeSet::new();
        for _ in 0..reader.array_length(false)? {
            topics.insert(Arc::from(reader.string()?));
        }
        let _user_data = reader.nullable_bytes()?;
        let owned = if version >= OWNED_VERSION {
            read_partitions(&mut reader)?
        } else {
            Vec::new()
        };
        if version >= GENERATION_VERSION {
            let _generation = reader.i32()?;
        }
        let rack_id = if version >= RACK_VERSION {
            reader.any_nullable_string(false)?.map(Arc::from)
        } else {
            None
        };
        Ok(Self {
            version,
            topics,
            owned,
            rack_id,
        })
    }
}

/// Reads what a leader assigned; nothing where it has not assigned anything.
pub(crate) fn read_assignment(bytes: &[u8]) -> Result<NamedPartitions, RecordFormatError> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let mut reader = Reader::new(bytes);
    read_version(&mut reader)?;
    read_partitions(&mut reader)
}

/// An assignment as a leader writes it, in the version that the member speaks.
pub(crate) fn write_assignment<'a>(
    version: i16,
    topics: impl ExactSizeIterator<Item = (&'a str, &'a BTreeSet<i32>)>,
) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i16(version.clamp(0, VERSION_MAX));
    put_length(&mut out, topics.len());
    for (topic, partitions) in topics {
        put_string(&mut out, topic);
        put_length(&mut out, partitions.len());
        partitions.iter().for_each(|partition| out.put_i32(*partition));
    }
    out.put_i32(NO_DATA);
    out.freeze()
}

fn read_version(reader: &mut Reader<'_>) -> Result<i16, RecordFormatError> {
    let version = reader.i16()?;
    if version < 0 {
        let kind = "consumer protocol";
        return Err(RecordFormatError::UnknownVersion { kind, version });
    }
    Ok(version)
}

fn read_partitions(reader: &mut Reader<'_>) -> Result<NamedPartitions, RecordFormatError> {
    let mut partitions = Vec::new();
    for _ in 0..reader.array_length(false)? {
        let topic: Arc<str> = Arc::from(reader.string()?);
        for _ in 0..reader.array_length(false)? {
            partitions.push((Arc::clone(&topic), reader.i32()?));
        }
    }
    Ok(partitions)
}

fn put_length(out: &mut BytesMut, length: usize) {
    out.put_i32(i32::try_from(length).expect("topics and partitions are counted in 32 bits"));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Printed by `ConsumerProtocol.serializeSubscription` of Apache Kafka 4.3.1: topics `t` and `u`, owned `t-1` and `t-2`,
    /// generation 5, rack `r`.
    const SUBSCRIPTION: &str = "000300000002000174000175ffffffff0000000100017400000002000000010000000200000005000172";

    /// Printed by `ConsumerProtocol.serializeAssignment` of Apache Kafka 4.3.1: `t-0` and `t-2`, version 3.
    const ASSIGNMENT: &str = "000300000001000174000000020000000000000002ffffffff";

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn subscriptions_of_kafka_are_read() {
        let read = EmbeddedSubscription::read(&unhex(SUBSCRIPTION)).unwrap();
        assert_eq!(read.version, 3);
        assert_eq!(read.topics, BTreeSet::from(["t".into(), "u".into()]));
        assert_eq!(read.owned, [("t".into(), 1), ("t".into(), 2)]);
        assert_eq!(read.rack_id.as_deref(), Some("r"));
        let mut cut = unhex(SUBSCRIPTION);
        cut.truncate(cut.len() - 4);
        assert!(EmbeddedSubscription::read(&cut).is_err());
    }

    #[test]
    fn assignments_are_written_as_kafka_does() {
        let partitions = BTreeSet::from([0, 2]);
        let written = write_assignment(3, [("t", &partitions)].into_iter());
        assert_eq!(&written[..], &unhex(ASSIGNMENT)[..]);
        assert_eq!(read_assignment(&written).unwrap(), [("t".into(), 0), ("t".into(), 2)]);
        assert_eq!(read_assignment(&[]).unwrap(), []);
    }
}
