//! TxnOffsetCommit 0–5: keeps offsets for a group that take effect when the transaction is committed. Up to version 4 the
//! transaction has taken in the group before (AddOffsetsToTxn), which is verified; version 5 does so itself (KIP-890). From version
//! 3 on the member that commits says who it is, and one that is no longer in the group is refused (KIP-447).

use std::sync::Arc;

use kafka_codec::{
    ErrorCode,
    messages::{
        TxnOffsetCommitRequest, TxnOffsetCommitResponse,
        txn_offset_commit_request::{TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic},
        txn_offset_commit_response::{TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic},
    },
};
use kafka_log::VerificationGuard;
use kafka_metadata::{TopicImage, acl::AclOperation};

use crate::{
    broker::Broker,
    coordinator::Transactional,
    dispatch::{ApiEntry, RequestContext, api},
    groups::{
        Ask, CommitRequest, GroupId, InstanceId, MemberId, OFFSETS_TOPIC, OffsetToCommit, Speaker, TopicPartition,
    },
    partition::ProducerIdentity,
    response::{group_error_code, transaction_error_code},
    security::Resource,
    transactions::{Participant, Participation, TransactionError, TransactionalId, take_part},
};

/// See the module.
pub(crate) const API: ApiEntry = api!(28, "TxnOffsetCommit", 0..=5, TxnOffsetCommitRequest, handle);

/// First version that takes the group into the transaction itself.
const JOINING_VERSION: i16 = 5;

/// First version whose clients know TRANSACTION_ABORTABLE.
const ABORTABLE_VERSION: i16 = 4;

/// A producer says no sequence number of offsets.
const NO_SEQUENCE: i32 = -1;

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: TxnOffsetCommitRequest,
    version: i16,
) -> TxnOffsetCommitResponse {
    let id = TransactionalId::new(request.transactional_id.as_str());
    if let Err(error) = context.may_with_transaction(broker, AclOperation::Write, id.as_str()) {
        return refuse(&request, transaction_error_code(error));
    }
    if !context.may(broker, AclOperation::Read, Resource::Group(&request.group_id)) {
        return refuse(&request, ErrorCode::GroupAuthorizationFailed);
    }
    let image = broker.metadata.image();
    // One code a partition in the order of the request; `None` is decided by the coordinator.
    let mut decided: Vec<Option<ErrorCode>> = Vec::new();
    let mut offsets = Vec::new();
    for topic in &request.topics {
        let may = context.may(broker, AclOperation::Read, Resource::Topic(&topic.name));
        let known = image.topics.get(topic.name.as_str());
        for partition in &topic.partitions {
            let offset = match known {
                _ if !may => Err(ErrorCode::TopicAuthorizationFailed),
                Some(known) => offset_to_commit(known, partition).ok_or(ErrorCode::UnknownTopicOrPartition),
                None => Err(ErrorCode::UnknownTopicOrPartition),
            };
            decided.push(offset.as_ref().err().copied());
            offsets.extend(offset);
        }
    }
    let commit = CommitRequest {
        group_id: GroupId::new(request.group_id.as_str()),
        speaker: Speaker {
            member_id: MemberId::new(request.member_id.as_str()),
            instance_id: request.group_instance_id.as_deref().map(InstanceId::new),
            generation: request.generation_id_or_member_epoch,
        },
        knows_epochs: true,
        retention_ms: None,
        offsets,
    };
    let participant = Participant {
        id,
        producer: ProducerIdentity {
            id: request.producer_id,
            epoch: request.producer_epoch,
        },
    };
    let count = commit.offsets.len();
    let results = match commit_offsets(broker, commit, participant, version).await {
        Ok(results) => results,
        Err(code) => vec![code; count],
    };
    respond(request.topics, decided, results)
}

async fn commit_offsets(
    broker: &Arc<Broker>,
    commit: CommitRequest,
    participant: Participant,
    version: i16,
) -> Result<Vec<ErrorCode>, ErrorCode> {
    let transactional = Transactional {
        producer: participant.producer,
        guard: verify(broker, &commit.group_id, &participant, version).await?,
    };
    let group_id = commit.group_id.clone();
    let asked = broker.groups.ask(broker, &group_id, |answer| {
        Ask::CommitWithTransaction(commit, transactional, answer)
    });
    let results = asked.await.and_then(|answer| answer).map_err(group_error_code)?;
    let code = |result: Result<(), _>| result.err().map_or(ErrorCode::None, group_error_code);
    Ok(results.into_iter().map(code).collect())
}

/// Makes sure that the partition of the group is part of the transaction.
async fn verify(
    broker: &Arc<Broker>,
    group_id: &GroupId,
    participant: &Participant,
    version: i16,
) -> Result<Option<VerificationGuard>, ErrorCode> {
    let image = broker.metadata.image();
    let (index, _) = OFFSETS_TOPIC
        .partition_of(&image, group_id.as_str())
        .ok_or(ErrorCode::NotCoordinator)?;
    let replica = broker
        .partitions
        .get(OFFSETS_TOPIC.name, index)
        .ok_or(ErrorCode::NotCoordinator)?;
    let participation = if version >= JOINING_VERSION {
        Participation::Join
    } else {
        Participation::Verify
    };
    let begin = || {
        let joins = participation == Participation::Join;
        let guard = replica.begin_verification(participant.producer, NO_SEQUENCE, joins);
        let partition = TopicPartition {
            topic: Arc::from(OFFSETS_TOPIC.name),
            partition: index,
        };
        guard.map(|guard| (partition, guard)).into_iter().collect()
    };
    let results = take_part(broker, participant, participation, begin).await;
    let guard = results.into_iter().next().map(|(_, result)| result).transpose();
    guard.map_err(|error| verification_code(error, version))
}

fn verification_code(error: TransactionError, version: i16) -> ErrorCode {
    match error {
        TransactionError::ConcurrentTransactions if version < JOINING_VERSION => ErrorCode::CoordinatorLoadInProgress,
        TransactionError::CoordinatorLoadInProgress
        | TransactionError::CoordinatorNotAvailable
        | TransactionError::NotCoordinator => ErrorCode::CoordinatorNotAvailable,
        TransactionError::ProducerFenced => ErrorCode::InvalidProducerEpoch,
        TransactionError::TransactionAbortable if version < ABORTABLE_VERSION => ErrorCode::InvalidTxnState,
        error => transaction_error_code(error),
    }
}

fn offset_to_commit(topic: &TopicImage, partition: &TxnOffsetCommitRequestPartition) -> Option<OffsetToCommit> {
    let index = usize::try_from(partition.partition_index).ok()?;
    topic.partitions.get(index)?;
    Some(OffsetToCommit {
        partition: TopicPartition {
            topic: Arc::from(topic.name.as_str()),
            partition: partition.partition_index,
        },
        topic_id: topic.topic_id.0,
        offset: partition.committed_offset,
        leader_epoch: partition.committed_leader_epoch,
        metadata: Arc::from(partition.committed_metadata.as_deref().unwrap_or_default()),
    })
}

fn refuse(request: &TxnOffsetCommitRequest, code: ErrorCode) -> TxnOffsetCommitResponse {
    let partitions = request.topics.iter().map(|topic| topic.partitions.len()).sum();
    respond(request.topics.clone(), vec![Some(code); partitions], Vec::new())
}

fn respond(
    topics: Vec<TxnOffsetCommitRequestTopic>,
    decided: Vec<Option<ErrorCode>>,
    results: Vec<ErrorCode>,
) -> TxnOffsetCommitResponse {
    let (mut decided, mut results) = (decided.into_iter(), results.into_iter());
    let mut response = TxnOffsetCommitResponse::default();
    for topic in topics {
        let mut entry = TxnOffsetCommitResponseTopic::default();
        entry.name = topic.name;
        for partition in topic.partitions {
            let mut answer = TxnOffsetCommitResponsePartition::default();
            answer.partition_index = partition.partition_index;
            let code = decided.next().flatten().or_else(|| results.next());
            answer.error_code = code.unwrap_or(ErrorCode::None).code();
            entry.partitions.push(answer);
        }
        response.topics.push(entry);
    }
    response
}
