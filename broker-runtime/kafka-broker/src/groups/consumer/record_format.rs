//! Keys and values of consumer groups in `__consumer_offsets`, in Kafka's own formats (`ConsumerGroup…Key.json`,
//! `ConsumerGroup…Value.json` of Kafka 4.3): the version of a key says what it is, values have version 0 and are flexible.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use uuid::Uuid;

use super::{
    partitions::{HeldPartitions, Partitions},
    record::{
        ClassicMember, ConsumerRecord, CurrentAssignment, GroupEpoch, MemberMetadata, MemberState, ResolvedRegex,
        TargetEpoch,
    },
};
use crate::{
    coordinator::{Reader, RecordFormatError, put_compact_bytes, put_compact_string, put_string, put_unsigned_varint},
    groups::{
        ids::{GroupId, InstanceId, MemberId},
        member::MemberProtocol,
    },
};

const GROUP_KEY: i16 = 3;
const MEMBER_KEY: i16 = 5;
const TARGET_EPOCH_KEY: i16 = 6;
const TARGET_KEY: i16 = 7;
const CURRENT_KEY: i16 = 8;
const REGEX_KEY: i16 = 16;

/// The only version of all values.
const VALUE_VERSION: i16 = 0;

/// Key and value of a record.
pub(crate) fn encode(group_id: &GroupId, record: &ConsumerRecord) -> (Bytes, Option<Bytes>) {
    let key = |kind, name: Option<&str>| key_of(kind, group_id, name);
    match record {
        ConsumerRecord::Group(value) => (key(GROUP_KEY, None), value.as_ref().map(encode_group)),
        ConsumerRecord::Member(member, value) => (
            key(MEMBER_KEY, Some(member.as_str())),
            value.as_ref().map(encode_member),
        ),
        ConsumerRecord::TargetEpoch(value) => (key(TARGET_EPOCH_KEY, None), value.as_ref().map(encode_target_epoch)),
        ConsumerRecord::Target(member, value) => (
            key(TARGET_KEY, Some(member.as_str())),
            value.as_ref().map(encode_target),
        ),
        ConsumerRecord::Current(member, value) => (
            key(CURRENT_KEY, Some(member.as_str())),
            value.as_ref().map(encode_current),
        ),
        ConsumerRecord::Regex(regex, value) => (key(REGEX_KEY, Some(regex)), value.as_ref().map(encode_regex)),
    }
}

/// Reads a record whose key has version `kind`, which was read already; `None` for another kind.
pub(crate) fn decode(
    kind: i16,
    mut key: Reader<'_>,
    value: Option<&[u8]>,
) -> Result<Option<(GroupId, ConsumerRecord)>, RecordFormatError> {
    if ![
        GROUP_KEY,
        MEMBER_KEY,
        TARGET_EPOCH_KEY,
        TARGET_KEY,
        CURRENT_KEY,
        REGEX_KEY,
    ]
    .contains(&kind)
    {
        return Ok(None);
    }
    let group_id = GroupId::new(key.string()?);
    let mut value = value.map(Reader::new);
    if let Some(value) = &mut value {
        let version = value.i16()?;
        if version != VALUE_VERSION {
            let kind = "consumer group value";
            return Err(RecordFormatError::UnknownVersion { kind, version });
        }
    }
    let record = match kind {
        GROUP_KEY => ConsumerRecord::Group(value.map(|mut value| decode_group(&mut value)).transpose()?),
        MEMBER_KEY => ConsumerRecord::Member(
            MemberId::new(key.string()?),
            value.map(|mut value| decode_member(&mut value)).transpose()?,
        ),
        TARGET_EPOCH_KEY => {
            ConsumerRecord::TargetEpoch(value.map(|mut value| decode_target_epoch(&mut value)).transpose()?)
        }
        TARGET_KEY => ConsumerRecord::Target(
            MemberId::new(key.string()?),
            value.map(|value| with_tags(value, decode_target)).transpose()?,
        ),
        CURRENT_KEY => ConsumerRecord::Current(
            MemberId::new(key.string()?),
            value.map(|value| with_tags(value, decode_current)).transpose()?,
        ),
        _ => ConsumerRecord::Regex(
            Arc::from(key.string()?),
            value.map(|value| with_tags(value, decode_regex)).transpose()?,
        ),
    };
    Ok(Some((group_id, record)))
}

/// Reads a value whose tagged fields say nothing that is kept.
fn with_tags<T>(
    mut value: Reader<'_>,
    decode: impl FnOnce(&mut Reader<'_>) -> Result<T, RecordFormatError>,
) -> Result<T, RecordFormatError> {
    let decoded = decode(&mut value)?;
    value.tagged_fields(|_, _| {})?;
    Ok(decoded)
}

fn key_of(kind: i16, group_id: &GroupId, name: Option<&str>) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i16(kind);
    put_string(&mut out, group_id.as_str());
    if let Some(name) = name {
        put_string(&mut out, name);
    }
    out.freeze()
}

fn value() -> BytesMut {
    let mut out = BytesMut::new();
    out.put_i16(VALUE_VERSION);
    out
}

fn put_count(out: &mut BytesMut, count: usize) {
    put_unsigned_varint(out, count + 1);
}

fn put_no_tags(out: &mut BytesMut) {
    out.put_u8(0);
}

fn put_nullable(out: &mut BytesMut, text: Option<&str>) {
    match text {
        Some(text) => put_compact_string(out, text),
        None => out.put_u8(0),
    }
}

/// One tagged field, number 0.
fn put_tagged(out: &mut BytesMut, content: &[u8]) {
    out.put_slice(&[1, 0]);
    put_unsigned_varint(out, content.len());
    out.put_slice(content);
}

/// A 64-bit field that is left out at its default.
fn put_tagged_i64(out: &mut BytesMut, number: i64) {
    if number == 0 {
        put_no_tags(out);
    } else {
        put_tagged(out, &number.to_be_bytes());
    }
}

fn read_tagged_i64(value: &mut Reader<'_>) -> Result<i64, RecordFormatError> {
    let mut number = 0;
    value.tagged_fields(|tag, content| {
        if tag == 0
            && let Ok(bytes) = content.try_into()
        {
            number = i64::from_be_bytes(bytes);
        }
    })?;
    Ok(number)
}

fn encode_group(group: &GroupEpoch) -> Bytes {
    let mut out = value();
    out.put_i32(group.epoch);
    put_tagged_i64(&mut out, group.metadata_hash);
    out.freeze()
}

fn decode_group(value: &mut Reader<'_>) -> Result<GroupEpoch, RecordFormatError> {
    Ok(GroupEpoch {
        epoch: value.i32()?,
        metadata_hash: read_tagged_i64(value)?,
    })
}

fn encode_target_epoch(target: &TargetEpoch) -> Bytes {
    let mut out = value();
    out.put_i32(target.epoch);
    put_tagged_i64(&mut out, target.timestamp_ms);
    out.freeze()
}

fn decode_target_epoch(value: &mut Reader<'_>) -> Result<TargetEpoch, RecordFormatError> {
    Ok(TargetEpoch {
        epoch: value.i32()?,
        timestamp_ms: read_tagged_i64(value)?,
    })
}

fn encode_member(member: &MemberMetadata) -> Bytes {
    let mut out = value();
    put_nullable(&mut out, member.instance_id.as_ref().map(InstanceId::as_str));
    put_nullable(&mut out, member.rack_id.as_deref());
    put_compact_string(&mut out, &member.client_id);
    put_compact_string(&mut out, &member.client_host);
    put_count(&mut out, member.topics.len());
    for topic in &member.topics {
        put_compact_string(&mut out, topic);
    }
    put_nullable(&mut out, member.regex.as_deref());
    out.put_i32(member.rebalance_timeout_ms);
    put_nullable(&mut out, member.server_assignor.as_deref());
    match &member.classic {
        Some(classic) => put_tagged(&mut out, &encode_classic(classic)),
        None => put_no_tags(&mut out),
    }
    out.freeze()
}

/// A structure that may be missing: a byte says that it is there.
fn encode_classic(classic: &ClassicMember) -> BytesMut {
    let mut out = BytesMut::new();
    out.put_i8(1);
    out.put_i32(classic.session_timeout_ms);
    put_count(&mut out, classic.protocols.len());
    for protocol in &classic.protocols {
        put_compact_string(&mut out, &protocol.name);
        put_compact_bytes(&mut out, &protocol.metadata);
        put_no_tags(&mut out);
    }
    put_no_tags(&mut out);
    out
}

fn decode_classic(content: &[u8]) -> Result<Option<ClassicMember>, RecordFormatError> {
    let mut content = Reader::new(content);
    if content.i8()? < 0 {
        return Ok(None);
    }
    let session_timeout_ms = content.i32()?;
    let mut protocols = Vec::new();
    for _ in 0..content.array_length(true)? {
        protocols.push(MemberProtocol {
            name: Arc::from(content.compact_string()?),
            metadata: Bytes::copy_from_slice(content.any_bytes(true)?),
        });
        content.tagged_fields(|_, _| {})?;
    }
    Ok(Some(ClassicMember {
        session_timeout_ms,
        protocols,
    }))
}

fn decode_member(value: &mut Reader<'_>) -> Result<MemberMetadata, RecordFormatError> {
    let instance_id = value.any_nullable_string(true)?.map(InstanceId::new);
    let rack_id = value.any_nullable_string(true)?.map(Arc::from);
    let client_id = Arc::from(value.compact_string()?);
    let client_host = Arc::from(value.compact_string()?);
    let count = value.array_length(true)?;
    let topics = (0..count)
        .map(|_| Ok(Arc::from(value.compact_string()?)))
        .collect::<Result<_, _>>()?;
    let mut member = MemberMetadata {
        instance_id,
        rack_id,
        client_id,
        client_host,
        topics,
        regex: some_text(value)?,
        rebalance_timeout_ms: value.i32()?,
        server_assignor: some_text(value)?,
        classic: None,
    };
    let mut classic = Ok(None);
    value.tagged_fields(|tag, content| {
        if tag == 0 {
            classic = decode_classic(content);
        }
    })?;
    member.classic = classic?;
    Ok(member)
}

/// Kafka writes the empty text, too, where there is none.
fn some_text(value: &mut Reader<'_>) -> Result<Option<Arc<str>>, RecordFormatError> {
    let text = value.any_nullable_string(true)?;
    Ok(text.filter(|text| !text.is_empty()).map(Arc::from))
}

fn encode_target(target: &Partitions) -> Bytes {
    let mut out = value();
    let topics = target.topics();
    put_count(&mut out, topics.len());
    for (topic_id, partitions) in topics {
        out.put_slice(topic_id.as_bytes());
        put_count(&mut out, partitions.len());
        partitions.iter().for_each(|partition| out.put_i32(*partition));
        put_no_tags(&mut out);
    }
    put_no_tags(&mut out);
    out.freeze()
}

fn decode_target(value: &mut Reader<'_>) -> Result<Partitions, RecordFormatError> {
    let mut target = Partitions::default();
    for _ in 0..value.array_length(true)? {
        let topic_id = Uuid::from_bytes(value.array()?);
        for _ in 0..value.array_length(true)? {
            target.insert(topic_id, value.i32()?);
        }
        value.tagged_fields(|_, _| {})?;
    }
    Ok(target)
}

fn encode_current(current: &CurrentAssignment) -> Bytes {
    let mut out = value();
    out.put_i32(current.epoch);
    out.put_i32(current.previous_epoch);
    out.put_i8(current.state.code());
    put_held(&mut out, &current.assigned);
    put_held(&mut out, &current.revoking);
    put_no_tags(&mut out);
    out.freeze()
}

fn put_held(out: &mut BytesMut, held: &HeldPartitions) {
    let topics = held.topics();
    put_count(out, topics.len());
    for (topic_id, partitions) in topics {
        out.put_slice(topic_id.as_bytes());
        put_count(out, partitions.len());
        partitions.keys().for_each(|partition| out.put_i32(*partition));
        let mut epochs = BytesMut::new();
        put_count(&mut epochs, partitions.len());
        partitions.values().for_each(|epoch| epochs.put_i32(*epoch));
        put_tagged(out, &epochs);
    }
}

fn decode_current(value: &mut Reader<'_>) -> Result<CurrentAssignment, RecordFormatError> {
    let (epoch, previous_epoch) = (value.i32()?, value.i32()?);
    Ok(CurrentAssignment {
        epoch,
        previous_epoch,
        state: MemberState::from_code(value.i8()?),
        assigned: read_held(value, epoch)?,
        revoking: read_held(value, epoch)?,
    })
}

/// Partitions without an epoch of their own, as before Kafka 4.3, were got in the member's.
fn read_held(value: &mut Reader<'_>, member_epoch: i32) -> Result<HeldPartitions, RecordFormatError> {
    let mut held = HeldPartitions::default();
    for _ in 0..value.array_length(true)? {
        let topic_id = Uuid::from_bytes(value.array()?);
        let count = value.array_length(true)?;
        let partitions = (0..count).map(|_| value.i32()).collect::<Result<Vec<_>, _>>()?;
        let mut epochs = Vec::new();
        value.tagged_fields(|tag, content| {
            if tag == 0 {
                epochs = read_epochs(content).unwrap_or_default();
            }
        })?;
        for (index, partition) in partitions.into_iter().enumerate() {
            held.insert(topic_id, partition, epochs.get(index).copied().unwrap_or(member_epoch));
        }
    }
    Ok(held)
}

fn read_epochs(content: &[u8]) -> Result<Vec<i32>, RecordFormatError> {
    let mut content = Reader::new(content);
    let count = content.array_length(true)?;
    (0..count).map(|_| content.i32()).collect()
}

fn encode_regex(found: &ResolvedRegex) -> Bytes {
    let mut out = value();
    put_count(&mut out, found.topics.len());
    for topic in &found.topics {
        put_compact_string(&mut out, topic);
    }
    out.put_i64(found.version);
    out.put_i64(found.timestamp_ms);
    put_no_tags(&mut out);
    out.freeze()
}

fn decode_regex(value: &mut Reader<'_>) -> Result<ResolvedRegex, RecordFormatError> {
    let count = value.array_length(true)?;
    Ok(ResolvedRegex {
        topics: (0..count)
            .map(|_| Ok(Arc::from(value.compact_string()?)))
            .collect::<Result<_, _>>()?,
        version: value.i64()?,
        timestamp_ms: value.i64()?,
    })
}

#[cfg(test)]
mod tests;
