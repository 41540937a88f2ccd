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

/// A partition without a leader: its brokers are not there yet. The first in-sync one that is gets it, in the next epoch. Where nobody
/// is in sync, those are that may lead.
fn partition(topic: &TopicImage, index: i32, state: &PartitionState, layout: &KraftLayout) -> Bytes {
    let in_sync = if state.isr.is_empty() { &state.elr } else { &state.isr };
    let ids = |message: Message, ids: &[BrokerId]| message.array(ids.iter(), |message, id| message.i32(id.0));
    let record = Message::framed(PARTITION, PARTITION_VERSION)
        .i32(index)
        .uuid(topic.topic_id.0);
    let record = [&state.replicas, in_sync, &state.removing, &state.adding]
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

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use kafka_metadata::{
        LeaderEpoch, MetadataOffset, MetadataRecord, PartitionEpoch, TopicId,
        acl::{AclOperation, AclPatternType, AclPermission, AclResourceType},
        quota::{QuotaKey, QuotaValue},
    };

    use super::*;

    /// Printed by `MetadataRecordSerde` of Apache Kafka 4.3.1 for what `image` has.
    const RECORDS: [&str; 8] = [
        "010c00116d657461646174612e76657273696f6e001e00",
        "01020002740000000000000001000000000000000200",
        "010301000000000000000000000001000000000000000203000000010000000202000000020101ffffffff0000000500000007030000000\
         00000000300000000000000040000000000000000000000000000000000",
        "0104000202740d726574656e74696f6e2e6d73032d3100",
        "010b000275020301020203040405060000100000",
        "0112006f70656e6d736b0000000000000000000202740307557365723a75022a030300",
        "010e0003057573657200000a636c69656e742d69640263001370726f64756365725f627974655f7261746540900000000000000000",
        "010f00ffffffffffffffffffffffff0000000000000bb800",
    ];

    fn records_of_a_cluster() -> Vec<MetadataRecord> {
        let topic_id = TopicId(Uuid::from_u64_pair(1, 2));
        let state = PartitionState {
            replicas: vec![BrokerId(1), BrokerId(2)],
            isr: vec![BrokerId(2)],
            leader: Some(BrokerId(2)),
            leader_epoch: LeaderEpoch(5),
            partition_epoch: PartitionEpoch(7),
            adding: Vec::new(),
            removing: Vec::new(),
            elr: Vec::new(),
        };
        let config = |resource, name: &str, value: &str| MetadataRecord::Config {
            resource,
            name: name.to_owned(),
            value: Some(value.to_owned()),
        };
        vec![
            MetadataRecord::TopicCreated {
                topic_id,
                name: "t".to_owned(),
            },
            MetadataRecord::Partition {
                topic_id,
                partition: 0,
                state,
            },
            config(ConfigResource::Topic("t".to_owned()), "retention.ms", "-1"),
            config(ConfigResource::Brokers, instructions::VOLUME_BYTES, "1"),
            MetadataRecord::ScramCredential {
                user: "u".to_owned(),
                mechanism: ScramMechanism::Sha512,
                salt: STANDARD.encode([1, 2]),
                iterations: 4096,
                stored_key: STANDARD.encode([3]),
                server_key: STANDARD.encode([4, 5, 6]),
            },
            MetadataRecord::AclCreated {
                acl: AclBinding {
                    resource_type: AclResourceType::Topic,
                    resource_name: "t".to_owned(),
                    pattern_type: AclPatternType::Literal,
                    principal: "User:u".to_owned(),
                    host: "*".to_owned(),
                    operation: AclOperation::Read,
                    permission: AclPermission::Allow,
                },
            },
            MetadataRecord::ClientQuota {
                entity: QuotaEntity {
                    user: Some(QuotaName::Default),
                    client_id: Some(QuotaName::Named("c".to_owned())),
                    ip: None,
                },
                key: QuotaKey::ProducerByteRate,
                value: QuotaValue::new(1024.0),
            },
            MetadataRecord::ProducerIds { next_producer_id: 3000 },
        ]
    }

    #[test]
    fn records_have_the_bytes_that_kafka_gives_them() {
        let image = MetadataImage::from_snapshot(Some(MetadataOffset(9)), &records_of_a_cluster());
        let layout = KraftLayout {
            features: vec![("metadata.version".to_owned(), 30)],
            directories: BTreeMap::from([(BrokerId(1), Uuid::from_u64_pair(3, 4))]),
            ..KraftLayout::default()
        };
        let written = records(&image, &layout).unwrap();
        let hex = |bytes: &Bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(written.iter().map(hex).collect::<Vec<_>>(), RECORDS);
    }

    #[test]
    fn a_damaged_credential_is_an_error() {
        let mut image = MetadataImage::default();
        let damaged = ScramCredential {
            salt: "?".to_owned(),
            iterations: 4096,
            stored_key: String::new(),
            server_key: String::new(),
        };
        Arc::make_mut(&mut image.scram).insert(("u".to_owned(), ScramMechanism::Sha256), damaged);
        assert!(records(&image, &KraftLayout::default()).is_err());
    }
}
