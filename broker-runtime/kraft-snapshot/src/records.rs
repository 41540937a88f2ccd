//! The image as metadata records of Kafka (`common/metadata/*.json` of Kafka 4.3), in an order in which each finds what it
//! refers to.

use base64::{DecodeError, Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use kafka_metadata::{
    BrokerId, ConfigResource, MetadataImage, PartitionState, ScramCredential, ScramMechanism, TopicImage,
    acl::AclBinding,
    instructions,
    quota::{QuotaEntity, QuotaName},
};
use uuid::Uuid;

use crate::{KraftLayout, wire::Message};

const TOPIC: u32 = 2;
const PARTITION: u32 = 3;
const CONFIG: u32 = 4;
const USER_SCRAM_CREDENTIAL: u32 = 11;
const FEATURE_LEVEL: u32 = 12;
const CLIENT_QUOTA: u32 = 14;
const PRODUCER_IDS: u32 = 15;
const ACCESS_CONTROL_ENTRY: u32 = 18;

/// The version of partitions that says in which directories their replicas are.
const PARTITION_VERSION: u32 = 1;

/// The leader of a partition that has none.
const NO_LEADER: i32 = -1;

/// Directory of a replica of which only its broker knows where it is (`DirectoryId.UNASSIGNED`).
const UNASSIGNED: Uuid = Uuid::nil();

/// Who was given the producer ids that are gone: none of the brokers that will be.
const NO_BROKER: i32 = -1;
const NO_BROKER_EPOCH: i64 = -1;

/// The upper half of the ids of access control lists, which have none with us.
const ACL_IDS: u64 = 0x6f70_656e_6d73_6b00;

/// All records.
pub(crate) fn records(image: &MetadataImage, layout: &KraftLayout) -> Result<Vec<Bytes>, DecodeError> {
    let features = layout.features.iter();
    let mut records: Vec<Bytes> = features.map(|(name, level)| feature(name, *level)).collect();
    let mut topics: Vec<&TopicImage> = image.topics.values().map(AsRef::as_ref).collect();
    topics.sort_by(|left, right| left.name.cmp(&right.name));
    for topic in topics {
        records.push(
            Message::framed(TOPIC, 0)
                .string(&topic.name)
                .uuid(topic.topic_id.0)
                .finish(),
        );
        let partitions = (0..).zip(&topic.partitions);
        records.extend(partitions.map(|(index, state)| partition(topic, index, state, layout)));
    }
    for (resource, values) in image.configs.iter() {
        let names = values.iter().filter(|(name, _)| !instructions::is_instruction(name));
        records.extend(names.map(|(name, value)| config(resource, name, value)));
    }
    for ((user, mechanism), credential) in image.scram.iter() {
        records.push(scram(user, *mechanism, credential)?);
    }
    records.extend((0..).zip(image.acls.iter()).map(|(index, binding)| acl(index, binding)));
    for (entity, values) in image.quotas.iter() {
        records.extend(values.iter().map(|(key, value)| quota(entity, key.name(), value.get())));
    }
    if image.next_producer_id > 0 {
        let record = Message::framed(PRODUCER_IDS, 0).i32(NO_BROKER).i64(NO_BROKER_EPOCH);
        records.push(record.i64(image.next_producer_id).finish());
    }
    Ok(records)
}

fn feature(name: &str, level: i16) -> Bytes {
    Message::framed(FEATURE_LEVEL, 0).string(name).i16(level).finish()
}

/// A partition without a leader: its brokers are not there yet. The first in-sync one that is gets it, in the next epoch.
fn partition(topic: &TopicImage, index: i32, state: &PartitionState, layout: &KraftLayout) -> Bytes {
    let ids = |message: Message, ids: &[BrokerId]| message.array(ids.iter(), |message, id| message.i32(id.0));
    let record = Message::framed(PARTITION, PARTITION_VERSION)
        .i32(index)
        .uuid(topic.topic_id.0);
    let record = [&state.replicas, &state.isr, &state.removing, &state.adding]
        .into_iter()
        .fold(record, |message, list| ids(message, list));
    record
        .i32(NO_LEADER)
        .i32(state.leader_epoch.0)
        .i32(state.partition_epoch.0)
        .array(state.replicas.iter(), |message, replica| {
            message.uuid(layout.directories.get(replica).copied().unwrap_or(UNASSIGNED))
        })
        .finish()
}

/// The numbers are those of `ConfigResource.Type`.
fn config(resource: &ConfigResource, name: &str, value: &str) -> Bytes {
    let record = Message::framed(CONFIG, 0);
    let record = match resource {
        ConfigResource::Topic(topic) => record.i8(2).string(topic),
        ConfigResource::Broker(broker_id) => record.i8(4).string(&broker_id.to_string()),
        ConfigResource::Brokers => record.i8(4).string(""),
        ConfigResource::Group(group_id) => record.i8(32).string(group_id),
    };
    record.string(name).nullable_string(Some(value)).finish()
}

/// The numbers are those of `ScramMechanism`.
fn scram(user: &str, mechanism: ScramMechanism, credential: &ScramCredential) -> Result<Bytes, DecodeError> {
    let mechanism = match mechanism {
        ScramMechanism::Sha256 => 1,
        ScramMechanism::Sha512 => 2,
    };
    let iterations = i32::try_from(credential.iterations).unwrap_or(i32::MAX);
    Ok(Message::framed(USER_SCRAM_CREDENTIAL, 0)
        .string(user)
        .i8(mechanism)
        .bytes(&STANDARD.decode(&credential.salt)?)
        .bytes(&STANDARD.decode(&credential.stored_key)?)
        .bytes(&STANDARD.decode(&credential.server_key)?)
        .i32(iterations)
        .finish())
}

fn acl(index: u64, binding: &AclBinding) -> Bytes {
    Message::framed(ACCESS_CONTROL_ENTRY, 0)
        .uuid(Uuid::from_u64_pair(ACL_IDS, index))
        .i8(binding.resource_type.code())
        .string(&binding.resource_name)
        .i8(binding.pattern_type.code())
        .string(&binding.principal)
        .string(&binding.host)
        .i8(binding.operation.code())
        .i8(binding.permission.code())
        .finish()
}

fn quota(entity: &QuotaEntity, key: &str, value: f64) -> Bytes {
    let parts = [
        ("user", &entity.user),
        ("client-id", &entity.client_id),
        ("ip", &entity.ip),
    ];
    let parts: Vec<(&str, &QuotaName)> = parts
        .into_iter()
        .filter_map(|(kind, name)| Some((kind, name.as_ref()?)))
        .collect();
    Message::framed(CLIENT_QUOTA, 0)
        .array(parts.into_iter(), |message, (kind, name)| {
            let name = match name {
                QuotaName::Default => None,
                QuotaName::Named(name) => Some(name.as_str()),
            };
            message.string(kind).nullable_string(name).no_tags()
        })
        .string(key)
        .f64(value)
        // It is not a removal.
        .i8(0)
        .finish()
}
