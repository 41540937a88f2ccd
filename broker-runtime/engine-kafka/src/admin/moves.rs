//! Moves of replicas and of leaderships, and brokers that leave for good.

use std::{collections::BTreeMap, net::SocketAddr};

use engine::{Elected, TopicError};
use kafka_codec::{
    ErrorCode,
    messages::{
        AlterPartitionReassignmentsRequest, DescribeLogDirsRequest, ElectLeadersRequest, InitProducerIdRequest,
        UnregisterBrokerRequest,
        alter_partition_reassignments_request::{ReassignablePartition, ReassignableTopic},
        elect_leaders_request::TopicPartitions,
    },
};
use kafka_metadata::{MetadataImage, rpc::Reassignment};

use super::{Kafka, check, text};

/// Partitions that are moved at the same time.
pub(crate) const MOVING_MAX: usize = 16;
/// Longest time the controller may take, milliseconds.
const CONTROLLER_LIMIT_MS: i32 = 10_000;

impl Kafka {
    /// Begins to move partitions. A topic that was deleted meanwhile has nothing to move.
    pub(crate) async fn reassign(&self, moves: &[Reassignment]) -> Result<(), TopicError> {
        let mut topics: BTreeMap<&str, Vec<ReassignablePartition>> = BTreeMap::new();
        for one in moves {
            let mut partition = ReassignablePartition::default();
            partition.partition_index = one.partition;
            partition.replicas = one
                .target
                .as_ref()
                .map(|target| target.iter().map(|broker| broker.0).collect());
            topics.entry(&one.topic).or_default().push(partition);
        }
        let mut request = AlterPartitionReassignmentsRequest::default();
        request.timeout_ms = CONTROLLER_LIMIT_MS;
        for (name, partitions) in topics {
            let mut topic = ReassignableTopic::default();
            topic.name = text(name);
            topic.partitions = partitions;
            request.topics.push(topic);
        }
        let answer = self.ask(&request, 0).await?;
        check(answer.error_code, answer.error_message.as_ref(), "")?;
        for topic in answer.responses {
            for partition in topic.partitions {
                if let Err(error) = check(partition.error_code, partition.error_message.as_ref(), &topic.name) {
                    tracing::warn!(topic = %topic.name, partition = partition.partition_index, %error, "partition is not moved");
                }
            }
        }
        Ok(())
    }

    /// Gives partitions that somebody else leads to their preferred replicas.
    pub(crate) async fn elect_preferred(&self, image: &MetadataImage) -> Result<Elected, TopicError> {
        let mut request = ElectLeadersRequest::default();
        request.timeout_ms = CONTROLLER_LIMIT_MS;
        let mut by_name: Vec<_> = image.topics.values().collect();
        by_name.sort_by(|left, right| left.name.cmp(&right.name));
        let mut chosen = Vec::new();
        for topic in by_name {
            let led_by_others = (0..)
                .zip(&topic.partitions)
                .filter(|(_, state)| state.leader != state.replicas.first().copied());
            let partitions: Vec<i32> = led_by_others.map(|(index, _)| index).collect();
            if !partitions.is_empty() {
                let mut entry = TopicPartitions::default();
                entry.topic = text(&topic.name);
                entry.partitions = partitions;
                chosen.push(entry);
            }
        }
        if chosen.is_empty() {
            return Ok(Elected::default());
        }
        request.topic_partitions = Some(chosen);
        let answer = self.ask(&request, 2).await?;
        check(answer.error_code, None, "")?;
        let codes = answer
            .replica_election_results
            .iter()
            .flat_map(|topic| &topic.partition_result)
            .map(|partition| partition.error_code);
        let mut elected = Elected::default();
        for code in codes {
            match ErrorCode::from_code(code) {
                Some(ErrorCode::None) => elected.elected += 1,
                Some(ErrorCode::PreferredLeaderNotAvailable) => elected.not_possible += 1,
                // Whoever has got its partition back meanwhile, or has lost the topic, is no failure.
                _ => {}
            }
        }
        Ok(elected)
    }

    /// Forgets a broker that does not run any more.
    pub(crate) async fn unregister(&self, broker_id: i32) -> Result<(), TopicError> {
        let mut request = UnregisterBrokerRequest::default();
        request.broker_id = broker_id;
        let answer = self.ask(&request, 0).await?;
        if ErrorCode::from_code(answer.error_code) == Some(ErrorCode::BrokerIdNotRegistered) {
            return Ok(());
        }
        check(answer.error_code, answer.error_message.as_ref(), "")
    }

    /// What the logs of one broker take up.
    pub(crate) async fn log_bytes(&self, broker: SocketAddr) -> Result<u64, TopicError> {
        let mut request = DescribeLogDirsRequest::default();
        request.topics = None;
        let answer = self.ask_at(broker, &request, 4).await?;
        let topics = answer.results.iter().flat_map(|directory| &directory.topics);
        let partitions = topics.flat_map(|topic| &topic.partitions);
        Ok(partitions
            .map(|partition| u64::try_from(partition.partition_size).unwrap_or(0))
            .sum())
    }

    /// Has the controller write something, which shows that records can be acknowledged. Nothing of it is left to be seen.
    pub(crate) async fn prove_writable(&self) -> Result<(), TopicError> {
        let mut request = InitProducerIdRequest::default();
        request.transactional_id = None;
        request.transaction_timeout_ms = i32::MAX;
        request.producer_id = -1;
        request.producer_epoch = -1;
        let answer = self.ask(&request, 4).await?;
        check(answer.error_code, None, "")
    }
}
