//! WriteTxnMarkers 1–2: the end of transactions, brought to the leaders of their partitions. Transaction coordinators ask, and
//! operators who abort a transaction that hangs; answered once the markers are committed. Version 2 says whether the epoch is a
//! newer one than that of the records (KIP-890).

use std::sync::Arc;

use kafka_codec::{
    ErrorCode,
    messages::{
        WriteTxnMarkersRequest, WriteTxnMarkersResponse,
        write_txn_markers_request::WritableTxnMarker,
        write_txn_markers_response::{
            WritableTxnMarkerPartitionResult, WritableTxnMarkerResult, WritableTxnMarkerTopicResult,
        },
    },
};
use kafka_metadata::acl::AclOperation;

use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    groups::TopicPartition,
    partition::{ProducerIdentity, TransactionMarker},
    security::Resource,
    transactions::{EPOCH_BUMPING_VERSION, write_markers},
};

/// See the module.
pub(crate) const API: ApiEntry = api!(27, "WriteTxnMarkers", 1..=2, WriteTxnMarkersRequest, handle);

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: WriteTxnMarkersRequest,
    _version: i16,
) -> WriteTxnMarkersResponse {
    let may = context.may_quietly(broker, AclOperation::Alter, Resource::Cluster)
        || context.may(broker, AclOperation::ClusterAction, Resource::Cluster);
    let mut response = WriteTxnMarkersResponse::default();
    for marker in request.markers {
        let partitions = named(&marker);
        let results = if may {
            write_markers(broker, parse(&marker), partitions).await
        } else {
            let denied = |partition| (partition, ErrorCode::ClusterAuthorizationFailed);
            partitions.into_iter().map(denied).collect()
        };
        response.markers.push(answer(&marker, results));
    }
    response
}

fn parse(marker: &WritableTxnMarker) -> TransactionMarker {
    TransactionMarker {
        producer: ProducerIdentity {
            id: marker.producer_id,
            epoch: marker.producer_epoch,
        },
        committed: marker.transaction_result,
        coordinator_epoch: marker.coordinator_epoch,
        bumps_epoch: marker.transaction_version >= EPOCH_BUMPING_VERSION,
    }
}

fn named(marker: &WritableTxnMarker) -> Vec<TopicPartition> {
    let partitions = marker.topics.iter().flat_map(|topic| {
        let name: Arc<str> = Arc::from(topic.name.as_str());
        topic.partition_indexes.iter().map(move |partition| TopicPartition {
            topic: Arc::clone(&name),
            partition: *partition,
        })
    });
    partitions.collect()
}

fn answer(marker: &WritableTxnMarker, results: Vec<(TopicPartition, ErrorCode)>) -> WritableTxnMarkerResult {
    let mut results = results.into_iter();
    let mut answer = WritableTxnMarkerResult::default();
    answer.producer_id = marker.producer_id;
    for topic in &marker.topics {
        let mut entry = WritableTxnMarkerTopicResult::default();
        entry.name = topic.name.clone();
        for (partition, code) in results.by_ref().take(topic.partition_indexes.len()) {
            let mut result = WritableTxnMarkerPartitionResult::default();
            (result.partition_index, result.error_code) = (partition.partition, code.code());
            entry.partitions.push(result);
        }
        answer.topics.push(entry);
    }
    answer
}
