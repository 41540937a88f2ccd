//! Markers: a decided transaction's end on its way to the leaders of its partitions, and into them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures::future::join_all;
use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{
        WriteTxnMarkersRequest,
        write_txn_markers_request::{WritableTxnMarker, WritableTxnMarkerTopic},
    },
};
use kafka_metadata::{BrokerId, MetadataImage};

use super::transaction::Transaction;
use crate::{
    broker::Broker,
    coordinator::WriteFailure,
    groups::{self, OFFSETS_TOPIC, TopicPartition},
    partition::{PartitionError, TransactionMarker},
    response::{partition_error_code, write_failure_code},
};

/// Version of WriteTxnMarkers between brokers: the first that says whether the epoch is a newer one.
const VERSION: i16 = 2;

/// `TransactionVersion` of a marker with a newer epoch than the records.
pub(crate) const EPOCH_BUMPING_VERSION: i8 = 2;

/// How long a leader waits until a marker is committed.
const COMMIT_WAIT: Duration = Duration::from_secs(5);

/// How long the answer of a leader is waited for where `request.timeout.ms` does not say.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// Pauses between attempts: the first one, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// What has become of the markers of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MarkersOutcome {
    /// Every partition has it, committed.
    Written,
    /// A partition has seen a newer coordinator, or a newer producer: another one has done it.
    Fenced,
}

/// Tells all partitions of a decided transaction how it has ended, for as long as it takes.
pub(super) async fn tell(broker: &Arc<Broker>, transaction: &Transaction, coordinator_epoch: i32) -> MarkersOutcome {
    let marker = TransactionMarker {
        producer: transaction.producer,
        committed: transaction.state == super::TransactionState::PrepareCommit,
        coordinator_epoch,
        bumps_epoch: transaction.bumps_epoch,
    };
    let mut left = transaction.partitions.clone();
    let mut pause = PAUSES.0;
    loop {
        let image = broker.metadata.image();
        if broker.is_current(&image) {
            // The topic was deleted: nobody will ever read what was written there.
            left.retain(|partition| image.partition(&partition.topic, partition.partition).is_some());
        }
        let rounds = by_leader(&image, &left).into_iter();
        let rounds = rounds.map(|(leader, partitions)| tell_leader(broker, leader, marker, partitions));
        for (partition, code) in join_all(rounds).await.into_iter().flatten() {
            match code {
                ErrorCode::None => drop(left.remove(&partition)),
                ErrorCode::InvalidProducerEpoch | ErrorCode::TransactionCoordinatorFenced => {
                    return MarkersOutcome::Fenced;
                }
                code => tracing::debug!(?partition, ?code, "marker refused, for now"),
            }
        }
        if left.is_empty() {
            return MarkersOutcome::Written;
        }
        broker.clock.sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

fn by_leader(image: &MetadataImage, partitions: &BTreeSet<TopicPartition>) -> BTreeMap<BrokerId, Vec<TopicPartition>> {
    let mut leaders: BTreeMap<BrokerId, Vec<TopicPartition>> = BTreeMap::new();
    for partition in partitions {
        let state = image.partition(&partition.topic, partition.partition);
        if let Some(leader) = state.and_then(|state| state.leader) {
            leaders.entry(leader).or_default().push(partition.clone());
        }
    }
    leaders
}

async fn tell_leader(
    broker: &Arc<Broker>,
    leader: BrokerId,
    marker: TransactionMarker,
    partitions: Vec<TopicPartition>,
) -> Vec<(TopicPartition, ErrorCode)> {
    if leader == broker.config.broker_id {
        return write(broker, marker, partitions).await;
    }
    let request = request(marker, &partitions);
    let limit = broker.settings.request_timeout(ANSWER_WAIT);
    let response = match broker.peers.call(broker, leader, &request, VERSION, limit).await {
        Ok(response) => response,
        Err(error) => {
            tracing::debug!(%leader, %error, "markers cannot be brought to a leader");
            return Vec::new();
        }
    };
    let topics = response.markers.into_iter().flat_map(|marker| marker.topics);
    let results = topics.flat_map(|topic| {
        let name: Arc<str> = Arc::from(topic.name.as_str());
        topic.partitions.into_iter().map(move |result| {
            let partition = TopicPartition {
                topic: Arc::clone(&name),
                partition: result.partition_index,
            };
            let code = ErrorCode::from_code(result.error_code).unwrap_or(ErrorCode::UnknownServerError);
            (partition, code)
        })
    });
    results.collect()
}

fn request(marker: TransactionMarker, partitions: &[TopicPartition]) -> WriteTxnMarkersRequest {
    let mut entry = WritableTxnMarker::default();
    entry.producer_id = marker.producer.id;
    entry.producer_epoch = marker.producer.epoch;
    entry.transaction_result = marker.committed;
    entry.coordinator_epoch = marker.coordinator_epoch;
    entry.transaction_version = if marker.bumps_epoch { EPOCH_BUMPING_VERSION } else { 0 };
    for partition in partitions {
        match entry.topics.last_mut() {
            Some(last) if last.name.as_str() == &*partition.topic => last.partition_indexes.push(partition.partition),
            _ => {
                let mut topic = WritableTxnMarkerTopic::default();
                topic.name = StrBytes::from(&*partition.topic);
                topic.partition_indexes.push(partition.partition);
                entry.topics.push(topic);
            }
        }
    }
    let mut request = WriteTxnMarkersRequest::default();
    request.markers.push(entry);
    request
}

/// Writes a marker to partitions that this broker leads, and waits until it is committed there.
pub(crate) async fn write(
    broker: &Arc<Broker>,
    marker: TransactionMarker,
    partitions: Vec<TopicPartition>,
) -> Vec<(TopicPartition, ErrorCode)> {
    let writes = partitions.into_iter().map(|partition| async move {
        let code = if &*partition.topic == OFFSETS_TOPIC.name {
            write_to_groups(broker, marker, partition.partition).await
        } else {
            write_to_log(broker, marker, &partition).await
        };
        (partition, code)
    });
    join_all(writes).await
}

async fn write_to_log(broker: &Broker, marker: TransactionMarker, partition: &TopicPartition) -> ErrorCode {
    let Some(replica) = broker.partitions.get(&partition.topic, partition.partition) else {
        return broker.absent_partition_code(&partition.topic, partition.partition);
    };
    let written = match replica.append_marker(marker, None) {
        Ok(range) => {
            replica
                .wait_committed(range.last_offset, range.leader_epoch, COMMIT_WAIT)
                .await
        }
        Err(error) => Err(error),
    };
    match written {
        // It is below the high watermark all the same.
        Ok(()) | Err(PartitionError::NotEnoughReplicasAfterAppend) => ErrorCode::None,
        Err(error) => partition_error_code(&error),
    }
}

/// Offsets that were committed with the transaction take effect, so the group coordinator writes the marker.
async fn write_to_groups(broker: &Broker, marker: TransactionMarker, partition: i32) -> ErrorCode {
    let asked = broker
        .groups
        .ask_partition(partition, |answer| groups::Ask::EndTransaction(marker, answer));
    match tokio::time::timeout(COMMIT_WAIT, asked).await {
        Ok(Ok(Ok(()))) => ErrorCode::None,
        Ok(Ok(Err(failure))) => write_failure_code(failure),
        Ok(Err(_)) => write_failure_code(WriteFailure::NotCoordinator),
        Err(_) => ErrorCode::RequestTimedOut,
    }
}
