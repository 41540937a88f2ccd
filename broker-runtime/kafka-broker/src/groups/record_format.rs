//! Keys and values of `__consumer_offsets`, in Kafka's own formats, so that Kafka's tools read our log and our groups
//! survive a move. A record begins with its version, 2 bytes big-endian; a key of version 0 or 1 is an offset, of version
//! 2 a classic group, of the others see `consumer/record_format.rs` (`OffsetCommitKey.json`, `OffsetCommitValue.json`, `GroupMetadataKey.json`, `GroupMetadataValue.json`).
//! Written: offset value 4 (1 where the client asked for a retention of its own, which only 1 can hold), as Kafka 4.3 does;
//! group value 3. Read: offset values 0 to 4, group values 0 to 4.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use uuid::Uuid;

use super::{
    consumer::{self, ConsumerRecord},
    ids::{GroupId, InstanceId, MemberId},
};
use crate::coordinator::{
    CoordinatorRecord, Reader, RecordFormatError, put_bytes, put_compact_string, put_nullable_string, put_string,
};

const OFFSET_KEY_VERSION: i16 = 1;
const GROUP_KEY_VERSION: i16 = 2;
const OFFSET_VALUE_VERSION: i16 = 4;
const OFFSET_VALUE_VERSION_WITH_EXPIRY: i16 = 1;
const GROUP_VALUE_VERSION: i16 = 3;

/// A partition of a topic, by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TopicPartition {
    pub(crate) topic: Arc<str>,
    pub(crate) partition: i32,
}

/// An offset somebody committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommittedOffset {
    pub(crate) offset: i64,
    /// Epoch of the record before, `-1` when the client does not know it (KIP-320).
    pub(crate) leader_epoch: i32,
    pub(crate) metadata: Arc<str>,
    pub(crate) commit_timestamp_ms: i64,
    /// Set by old clients that ask for a retention of their own.
    pub(crate) expire_timestamp_ms: Option<i64>,
    /// Nil when it is not known (KIP-848).
    pub(crate) topic_id: Uuid,
}

/// A group as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupMetadata {
    pub(crate) protocol_type: Arc<str>,
    pub(crate) generation: i32,
    pub(crate) protocol: Option<Arc<str>>,
    pub(crate) leader: Option<MemberId>,
    pub(crate) current_state_timestamp_ms: i64,
    pub(crate) members: Vec<GroupMetadataMember>,
}

/// A member as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupMetadataMember {
    pub(crate) member_id: MemberId,
    pub(crate) group_instance_id: Option<InstanceId>,
    pub(crate) client_id: Arc<str>,
    pub(crate) client_host: Arc<str>,
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) session_timeout_ms: i32,
    pub(crate) subscription: Bytes,
    pub(crate) assignment: Bytes,
}

/// What a record of the offsets topic says; `None` is a tombstone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GroupRecord {
    Offset {
        group_id: GroupId,
        topic_partition: TopicPartition,
        value: Option<CommittedOffset>,
    },
    Group {
        group_id: GroupId,
        value: Option<GroupMetadata>,
    },
    /// Of a group of the consumer protocol.
    Consumer { group_id: GroupId, record: ConsumerRecord },
}

impl GroupRecord {
    /// The group the record belongs to.
    pub(crate) fn group_id(&self) -> &GroupId {
        match self {
            Self::Offset { group_id, .. } | Self::Group { group_id, .. } | Self::Consumer { group_id, .. } => group_id,
        }
    }
}

impl CoordinatorRecord for GroupRecord {
    fn encode(&self) -> (Bytes, Option<Bytes>) {
        match self {
            Self::Offset {
                group_id,
                topic_partition,
                value,
            } => (
                encode_offset_key(group_id, topic_partition),
                value.as_ref().map(encode_offset_value),
            ),
            Self::Group { group_id, value } => (encode_group_key(group_id), value.as_ref().map(encode_group_value)),
            Self::Consumer { group_id, record } => consumer::encode(group_id, record),
        }
    }

    fn decode(key: Option<&[u8]>, value: Option<&[u8]>) -> Result<Option<Self>, RecordFormatError> {
        let mut reader = Reader::new(key.ok_or(RecordFormatError::NoKey)?);
        match reader.i16()? {
            0 | OFFSET_KEY_VERSION => {
                let group_id = GroupId::new(reader.string()?);
                let topic = Arc::from(reader.string()?);
                let partition = reader.i32()?;
                Ok(Some(Self::Offset {
                    group_id,
                    topic_partition: TopicPartition { topic, partition },
                    value: value.map(decode_offset_value).transpose()?,
                }))
            }
            GROUP_KEY_VERSION => Ok(Some(Self::Group {
                group_id: GroupId::new(reader.string()?),
                value: value.map(decode_group_value).transpose()?,
            })),
            kind => {
                let found = consumer::decode(kind, reader, value)?;
                Ok(found.map(|(group_id, record)| Self::Consumer { group_id, record }))
            }
        }
    }
}

fn encode_offset_key(group_id: &GroupId, topic_partition: &TopicPartition) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i16(OFFSET_KEY_VERSION);
    put_string(&mut out, group_id.as_str());
    put_string(&mut out, &topic_partition.topic);
    out.put_i32(topic_partition.partition);
    out.freeze()
}

fn encode_group_key(group_id: &GroupId) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i16(GROUP_KEY_VERSION);
    put_string(&mut out, group_id.as_str());
    out.freeze()
}

fn encode_offset_value(value: &CommittedOffset) -> Bytes {
    let mut out = BytesMut::new();
    if let Some(expire_timestamp_ms) = value.expire_timestamp_ms {
        out.put_i16(OFFSET_VALUE_VERSION_WITH_EXPIRY);
        out.put_i64(value.offset);
        put_string(&mut out, &value.metadata);
        out.put_i64(value.commit_timestamp_ms);
        out.put_i64(expire_timestamp_ms);
        return out.freeze();
    }
    out.put_i16(OFFSET_VALUE_VERSION);
    out.put_i64(value.offset);
    out.put_i32(value.leader_epoch);
    put_compact_string(&mut out, &value.metadata);
    out.put_i64(value.commit_timestamp_ms);
    if value.topic_id.is_nil() {
        out.put_u8(0);
    } else {
        // One tagged field: number 0, 16 bytes.
        out.put_slice(&[1, 0, 16]);
        out.put_slice(value.topic_id.as_bytes());
    }
    out.freeze()
}

fn decode_offset_value(bytes: &[u8]) -> Result<CommittedOffset, RecordFormatError> {
    let mut reader = Reader::new(bytes);
    let version = reader.i16()?;
    if !(0..=OFFSET_VALUE_VERSION).contains(&version) {
        return Err(RecordFormatError::UnknownVersion {
            kind: "offset value",
            version,
        });
    }
    let flexible = version >= 4;
    let offset = reader.i64()?;
    let leader_epoch = if version >= 3 { reader.i32()? } else { -1 };
    let metadata = Arc::from(if flexible {
        reader.compact_string()?
    } else {
        reader.string()?
    });
    let commit_timestamp_ms = reader.i64()?;
    let expire_timestamp_ms = if version == 1 {
        Some(reader.i64()?).filter(|expiry| *expiry >= 0)
    } else {
        None
    };
    let mut topic_id = Uuid::nil();
    if flexible {
        reader.tagged_fields(|tag, content| {
            if tag == 0
                && let Ok(id) = Uuid::from_slice(content)
            {
                topic_id = id;
            }
        })?;
    }
    Ok(CommittedOffset {
        offset,
        leader_epoch,
        metadata,
        commit_timestamp_ms,
        expire_timestamp_ms,
        topic_id,
    })
}

fn encode_group_value(value: &GroupMetadata) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i16(GROUP_VALUE_VERSION);
    put_string(&mut out, &value.protocol_type);
    out.put_i32(value.generation);
    put_nullable_string(&mut out, value.protocol.as_deref());
    put_nullable_string(&mut out, value.leader.as_ref().map(MemberId::as_str));
    out.put_i64(value.current_state_timestamp_ms);
    out.put_u32(u32::try_from(value.members.len()).expect("group.max.size is an int"));
    for member in &value.members {
        put_string(&mut out, member.member_id.as_str());
        put_nullable_string(&mut out, member.group_instance_id.as_ref().map(InstanceId::as_str));
        put_string(&mut out, &member.client_id);
        put_string(&mut out, &member.client_host);
        out.put_i32(member.rebalance_timeout_ms);
        out.put_i32(member.session_timeout_ms);
        put_bytes(&mut out, &member.subscription);
        put_bytes(&mut out, &member.assignment);
    }
    out.freeze()
}

fn decode_group_value(bytes: &[u8]) -> Result<GroupMetadata, RecordFormatError> {
    let mut reader = Reader::new(bytes);
    let version = reader.i16()?;
    if !(0..=4).contains(&version) {
        return Err(RecordFormatError::UnknownVersion {
            kind: "group value",
            version,
        });
    }
    let flexible = version >= 4;
    let protocol_type = Arc::from(reader.any_string(flexible)?);
    let generation = reader.i32()?;
    let protocol = reader.any_nullable_string(flexible)?.map(Arc::from);
    let leader = reader.any_nullable_string(flexible)?.map(MemberId::new);
    let current_state_timestamp_ms = if version >= 2 { reader.i64()? } else { -1 };
    let count = reader.array_length(flexible)?;
    let mut members = Vec::new();
    for _ in 0..count {
        members.push(decode_member(&mut reader, version)?);
    }
    if flexible {
        reader.tagged_fields(|_, _| {})?;
    }
    Ok(GroupMetadata {
        protocol_type,
        generation,
        protocol,
        leader,
        current_state_timestamp_ms,
        members,
    })
}

fn decode_member(reader: &mut Reader<'_>, version: i16) -> Result<GroupMetadataMember, RecordFormatError> {
    let flexible = version >= 4;
    let member_id = MemberId::new(reader.any_string(flexible)?);
    let group_instance_id = if version >= 3 {
        reader.any_nullable_string(flexible)?.map(InstanceId::new)
    } else {
        None
    };
    let client_id = Arc::from(reader.any_string(flexible)?);
    let client_host = Arc::from(reader.any_string(flexible)?);
    let rebalance_timeout_ms = if version >= 1 { Some(reader.i32()?) } else { None };
    let session_timeout_ms = reader.i32()?;
    let member = GroupMetadataMember {
        member_id,
        group_instance_id,
        client_id,
        client_host,
        // Before version 1 one timeout served both; before 2 some writers left it at -1.
        rebalance_timeout_ms: rebalance_timeout_ms
            .filter(|timeout| *timeout >= 0)
            .unwrap_or(session_timeout_ms),
        session_timeout_ms,
        subscription: Bytes::copy_from_slice(reader.any_bytes(flexible)?),
        assignment: Bytes::copy_from_slice(reader.any_bytes(flexible)?),
    };
    if flexible {
        reader.tagged_fields(|_, _| {})?;
    }
    Ok(member)
}

#[cfg(test)]
mod tests;
