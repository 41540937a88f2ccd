//! DescribeLogDirs 1–4: the log directories of this broker, what is in them and how much room there is.
//!
//! * `offset_lag` is how far the log is behind the high watermark, 0 for a leader. There are no future replicas.
//! * Kafka 4.3's version 5 (cordoned directories) is not built.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{
        DescribeLogDirsRequest, DescribeLogDirsResponse,
        describe_log_dirs_request::DescribableLogDirTopic,
        describe_log_dirs_response::{DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic},
    },
};
use kafka_metadata::acl::AclOperation;

use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    partition::Partition,
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(35, "DescribeLogDirs", 1..=4, DescribeLogDirsRequest, handle);

/// First version with an error of the whole request; before, nothing is shown.
const TOP_LEVEL_ERROR_VERSION: i16 = 3;

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: DescribeLogDirsRequest,
    version: i16,
) -> DescribeLogDirsResponse {
    if !context.may(broker, AclOperation::Describe, Resource::Cluster) {
        let mut response = DescribeLogDirsResponse::default();
        if version >= TOP_LEVEL_ERROR_VERSION {
            response.error_code = ErrorCode::ClusterAuthorizationFailed.code();
        }
        return response;
    }
    let wanted = |partition: &Partition| match &request.topics {
        None => true,
        Some(topics) => topics.iter().any(|topic| is_wanted(topic, partition)),
    };
    let mut held: BTreeMap<usize, BTreeMap<Arc<str>, Vec<DescribeLogDirsPartition>>> = BTreeMap::new();
    for partition in broker.partitions.all().iter().filter(|partition| wanted(partition)) {
        let mut entry = DescribeLogDirsPartition::default();
        entry.partition_index = partition.index;
        entry.partition_size = i64::try_from(partition.size_in_bytes()).unwrap_or(i64::MAX);
        entry.offset_lag = (partition.high_watermark() - partition.log_end_offset()).max(0);
        held.entry(partition.directory())
            .or_default()
            .entry(Arc::clone(&partition.topic))
            .or_default()
            .push(entry);
    }
    let mut response = DescribeLogDirsResponse::default();
    response.results = (0..)
        .zip(&broker.config.log_dirs)
        .map(|(index, path)| describe(path, held.remove(&index).unwrap_or_default()))
        .collect();
    response
}

fn is_wanted(topic: &DescribableLogDirTopic, partition: &Partition) -> bool {
    topic.topic.as_str() == &*partition.topic && topic.partitions.contains(&partition.index)
}

fn describe(path: &Path, topics: BTreeMap<Arc<str>, Vec<DescribeLogDirsPartition>>) -> DescribeLogDirsResult {
    let mut result = DescribeLogDirsResult::default();
    result.log_dir = StrBytes::from(path.to_string_lossy().into_owned());
    match rustix::fs::statvfs(path) {
        Ok(room) => {
            let bytes = |blocks: u64| i64::try_from(blocks.saturating_mul(room.f_frsize)).unwrap_or(i64::MAX);
            result.total_bytes = bytes(room.f_blocks);
            result.usable_bytes = bytes(room.f_bavail);
        }
        Err(_) => result.error_code = ErrorCode::KafkaStorageError.code(),
    }
    result.topics = topics
        .into_iter()
        .map(|(name, partitions)| {
            let mut topic = DescribeLogDirsTopic::default();
            topic.name = StrBytes::from(&*name);
            topic.partitions = partitions;
            topic
        })
        .collect();
    result
}
