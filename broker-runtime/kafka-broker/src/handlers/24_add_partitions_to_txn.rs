//! AddPartitionsToTxn 0–5: a transaction takes in partitions, before records are written to them.
//!
//! * Up to version 3 producers ask, for one transaction. All partitions are added, or none: if some may not be,
//!   the others answer OPERATION_NOT_ATTEMPTED.
//! * From version 4 on brokers ask, for their clients (KIP-890): to add what a producer writes to, or only whether it was added.

use std::sync::Arc;

use kafka_codec::{
    ErrorCode,
    messages::{
        AddPartitionsToTxnRequest, AddPartitionsToTxnResponse,
        add_partitions_to_txn_request::{AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction},
        add_partitions_to_txn_response::{
            AddPartitionsToTxnPartitionResult, AddPartitionsToTxnResult, AddPartitionsToTxnTopicResult,
        },
    },
};
use kafka_metadata::acl::AclOperation;

use super::transaction_codes::{FENCED_VERSION, code_for_version};
use crate::{
    broker::Broker,
    coordinator::is_internal,
    dispatch::{ApiEntry, RequestContext, api},
    groups::TopicPartition,
    partition::ProducerIdentity,
    security::Resource,
    transactions::{AddPartitions, Ask, TransactionError, TransactionalId},
};

/// See the module.
pub(crate) const API: ApiEntry = api!(24, "AddPartitionsToTxn", 0..=5, AddPartitionsToTxnRequest, handle);

/// First version between brokers.
const BROKERS_VERSION: i16 = 4;

type Results = Vec<Result<(), TransactionError>>;

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: AddPartitionsToTxnRequest,
    version: i16,
) -> AddPartitionsToTxnResponse {
    let mut response = AddPartitionsToTxnResponse::default();
    if version < BROKERS_VERSION {
        let topics = &request.v3_and_below_topics;
        let results = add_for_client(context, broker, &request).await;
        response.results_by_topic_v3_and_below = answer(topics, results, version);
        return response;
    }
    if !context.may(broker, AclOperation::ClusterAction, Resource::Cluster) {
        response.error_code = ErrorCode::ClusterAuthorizationFailed.code();
        return response;
    }
    for transaction in request.transactions {
        let results = add_for_broker(broker, &transaction).await;
        let mut result = AddPartitionsToTxnResult::default();
        result.topic_results = answer(&transaction.topics, results, version);
        result.transactional_id = transaction.transactional_id;
        response.results_by_transaction.push(result);
    }
    response
}

async fn add_for_client(context: &RequestContext, broker: &Broker, request: &AddPartitionsToTxnRequest) -> Results {
    let partitions = named(&request.v3_and_below_topics);
    let id = TransactionalId::new(request.v3_and_below_transactional_id.as_str());
    if let Err(error) = context.may_with_transaction(broker, AclOperation::Write, id.as_str()) {
        return vec![Err(error); partitions.len()];
    }
    let image = broker.metadata.image();
    let check = |partition: &TopicPartition| {
        let may = context.may(broker, AclOperation::Write, Resource::Topic(&partition.topic));
        if !may || is_internal(&partition.topic) {
            Err(TransactionError::TopicAuthorizationFailed)
        } else if image.partition(&partition.topic, partition.partition).is_none() {
            Err(TransactionError::UnknownTopicOrPartition)
        } else {
            Ok(())
        }
    };
    let checked: Results = partitions.iter().map(check).collect();
    if checked.iter().any(Result::is_err) {
        let not_attempted = |result: Result<_, _>| result.and(Err(TransactionError::OperationNotAttempted));
        return checked.into_iter().map(not_attempted).collect();
    }
    let add = AddPartitions {
        id: id.clone(),
        producer: ProducerIdentity {
            id: request.v3_and_below_producer_id,
            epoch: request.v3_and_below_producer_epoch,
        },
        partitions,
        bumps_epoch: false,
    };
    let added = broker
        .transactions
        .ask(broker, &id, |answer| Ask::Add(add, answer))
        .await;
    vec![added; checked.len()]
}

async fn add_for_broker(broker: &Broker, transaction: &AddPartitionsToTxnTransaction) -> Results {
    let id = TransactionalId::new(transaction.transactional_id.as_str());
    let partitions = named(&transaction.topics);
    let count = partitions.len();
    let add = AddPartitions {
        id: id.clone(),
        producer: ProducerIdentity {
            id: transaction.producer_id,
            epoch: transaction.producer_epoch,
        },
        partitions,
        bumps_epoch: true,
    };
    let transactions = &broker.transactions;
    let results = if transaction.verify_only {
        transactions.ask(broker, &id, |answer| Ask::Verify(add, answer)).await
    } else {
        let added = transactions.ask(broker, &id, |answer| Ask::Add(add, answer)).await;
        added.map(|()| vec![Ok(()); count])
    };
    results.unwrap_or_else(|error| vec![Err(error); count])
}

fn named(topics: &[AddPartitionsToTxnTopic]) -> Vec<TopicPartition> {
    let partitions = topics.iter().flat_map(|topic| {
        let name: Arc<str> = Arc::from(topic.name.as_str());
        topic.partitions.iter().map(move |partition| TopicPartition {
            topic: Arc::clone(&name),
            partition: *partition,
        })
    });
    partitions.collect()
}

fn answer(topics: &[AddPartitionsToTxnTopic], results: Results, version: i16) -> Vec<AddPartitionsToTxnTopicResult> {
    let mut results = results.into_iter();
    let topics = topics.iter().map(|topic| {
        let mut entry = AddPartitionsToTxnTopicResult::default();
        entry.name = topic.name.clone();
        for (partition, result) in topic.partitions.iter().zip(results.by_ref()) {
            let mut answer = AddPartitionsToTxnPartitionResult::default();
            answer.partition_index = *partition;
            if let Err(error) = result {
                answer.partition_error_code = code_for_version(error, version, FENCED_VERSION).code();
            }
            entry.results_by_partition.push(answer);
        }
        entry
    });
    topics.collect()
}
