//! AlterReplicaLogDirs 1–2 (KIP-113): moves replicas between the log directories of this broker. It takes ALTER on the cluster.
//!
//! Brokers of a cluster have one directory, so a replica is always where it is to go. A broker that was started with several by
//! hand refuses to move one to another.

use std::{path::Path, sync::Arc};

use kafka_codec::{
    ErrorCode,
    messages::{
        AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse,
        alter_replica_log_dirs_response::{AlterReplicaLogDirPartitionResult, AlterReplicaLogDirTopicResult},
    },
};
use kafka_metadata::acl::AclOperation;

use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(34, "AlterReplicaLogDirs", 1..=2, AlterReplicaLogDirsRequest, handle);

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: AlterReplicaLogDirsRequest,
    _version: i16,
) -> AlterReplicaLogDirsResponse {
    let may = context.may(broker, AclOperation::Alter, Resource::Cluster);
    let mut response = AlterReplicaLogDirsResponse::default();
    for wanted in request.dirs {
        for topic in wanted.topics {
            let mut result = AlterReplicaLogDirTopicResult::default();
            result.partitions = topic
                .partitions
                .iter()
                .map(|&index| {
                    let code = if may {
                        outcome(broker, &wanted.path, (&topic.name, index))
                    } else {
                        ErrorCode::ClusterAuthorizationFailed
                    };
                    let mut partition = AlterReplicaLogDirPartitionResult::default();
                    (partition.partition_index, partition.error_code) = (index, code.code());
                    partition
                })
                .collect();
            result.topic_name = topic.name;
            response.results.push(result);
        }
    }
    response
}

/// What moving a replica to a directory comes to.
fn outcome(broker: &Broker, path: &str, (topic, index): (&str, i32)) -> ErrorCode {
    let directories = &broker.config.log_dirs;
    let Some(wanted) = directories.iter().position(|known| known == Path::new(path)) else {
        return ErrorCode::LogDirNotFound;
    };
    match broker.partitions.get(topic, index) {
        Some(partition) if partition.directory() == wanted => ErrorCode::None,
        Some(_) => ErrorCode::InvalidRequest,
        None if broker.metadata.image().partition(topic, index).is_some() => ErrorCode::NotLeaderOrFollower,
        None => ErrorCode::UnknownTopicOrPartition,
    }
}
