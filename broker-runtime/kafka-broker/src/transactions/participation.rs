//! Leaders that see records of a transaction ask its coordinator whether it is open (KIP-890): so that no record comes after the
//! marker that was meant to end it. Producers that get a new epoch with every transaction have their partitions added in the
//! same step, and do not ask themselves.

use std::{sync::Arc, time::Duration};

use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{
        AddPartitionsToTxnRequest, AddPartitionsToTxnResponse,
        add_partitions_to_txn_request::{AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction},
    },
};
use kafka_log::VerificationGuard;
use kafka_metadata::BrokerId;

use super::{
    ask::{AddPartitions, Ask},
    error::TransactionError,
    settings::TRANSACTIONS_TOPIC,
    transaction::TransactionalId,
};
use crate::{broker::Broker, groups::TopicPartition, partition::ProducerIdentity, response::transaction_error_of};

/// Version of AddPartitionsToTxn between brokers.
const VERSION: i16 = 5;

/// How long the coordinator is waited for where `request.timeout.ms` does not say.
const ANSWER_WAIT: Duration = Duration::from_secs(5);

/// How often the coordinator is asked while markers come in between: a transaction ends once.
const ATTEMPTS_MAX: usize = 4;

/// A producer that writes in a transaction.
#[derive(Clone, Debug)]
pub(crate) struct Participant {
    pub(crate) id: TransactionalId,
    pub(crate) producer: ProducerIdentity,
}

/// What is asked of the coordinator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Participation {
    /// That the partitions are part of the transaction.
    Verify,
    /// To make them so.
    Join,
}

/// A partition in whose log a transaction would begin, and what its records are appended with if it may.
pub(crate) type Beginning = (TopicPartition, VerificationGuard);

/// Asks the coordinator about the partitions that `begin` names. It may let us wait until the last transaction of the producer is
/// ended; the markers of that take guards away that are from before them, so it is asked again with new ones.
pub(crate) async fn take_part(
    broker: &Arc<Broker>,
    participant: &Participant,
    participation: Participation,
    begin: impl Fn() -> Vec<Beginning>,
) -> Vec<(TopicPartition, Result<VerificationGuard, TransactionError>)> {
    let mut beginnings = begin();
    for attempt in 1.. {
        let (partitions, guards): (Vec<_>, Vec<_>) = std::mem::take(&mut beginnings).into_iter().unzip();
        if partitions.is_empty() {
            break;
        }
        let results = ask(broker, participant, partitions.clone(), participation).await;
        let results = results.unwrap_or_else(|error| vec![Err(error); partitions.len()]);
        beginnings = begin();
        let still_holds = beginnings.iter().map(|(_, guard)| guard).eq(&guards);
        if still_holds || attempt == ATTEMPTS_MAX || results.iter().any(Result::is_err) {
            let guarded = results
                .into_iter()
                .zip(guards)
                .map(|(result, guard)| result.map(|()| guard));
            return partitions.into_iter().zip(guarded).collect();
        }
    }
    Vec::new()
}

async fn ask(
    broker: &Arc<Broker>,
    participant: &Participant,
    partitions: Vec<TopicPartition>,
    participation: Participation,
) -> Result<Vec<Result<(), TransactionError>>, TransactionError> {
    if participation == Participation::Verify && !broker.verifies_transactions() {
        return Ok(vec![Ok(()); partitions.len()]);
    }
    let image = broker.metadata.image();
    let coordinator = TRANSACTIONS_TOPIC.coordinator_of(&image, participant.id.as_str());
    let coordinator = coordinator.ok_or(TransactionError::CoordinatorNotAvailable)?;
    if coordinator != broker.config.broker_id {
        return ask_peer(broker, coordinator, participant, &partitions, participation).await;
    }
    let count = partitions.len();
    let request = AddPartitions {
        id: participant.id.clone(),
        producer: participant.producer,
        partitions,
        bumps_epoch: participation == Participation::Join,
    };
    let (transactions, id) = (&broker.transactions, &participant.id);
    match participation {
        Participation::Verify => {
            transactions
                .ask(broker, id, |answer| Ask::Verify(request, answer))
                .await
        }
        Participation::Join => {
            let added = transactions.ask(broker, id, |answer| Ask::Add(request, answer)).await;
            added.map(|()| vec![Ok(()); count])
        }
    }
}

async fn ask_peer(
    broker: &Arc<Broker>,
    coordinator: BrokerId,
    participant: &Participant,
    partitions: &[TopicPartition],
    participation: Participation,
) -> Result<Vec<Result<(), TransactionError>>, TransactionError> {
    let request = request(participant, partitions, participation);
    let limit = broker.settings.request_timeout(ANSWER_WAIT);
    let response = broker.peers.call(broker, coordinator, &request, VERSION, limit).await;
    let response = response.map_err(|error| {
        tracing::debug!(%coordinator, %error, "transaction coordinator cannot be asked");
        TransactionError::CoordinatorNotAvailable
    })?;
    match ErrorCode::from_code(response.error_code) {
        Some(ErrorCode::None) => {}
        code => return Err(transaction_error_of(code)),
    }
    Ok(partitions
        .iter()
        .map(|partition| result_of(&response, partition))
        .collect())
}

fn result_of(response: &AddPartitionsToTxnResponse, partition: &TopicPartition) -> Result<(), TransactionError> {
    let topics = response.results_by_transaction.iter().flat_map(|it| &it.topic_results);
    let mut results = topics
        .filter(|topic| topic.name.as_str() == &*partition.topic)
        .flat_map(|topic| &topic.results_by_partition);
    let result = results.find(|result| result.partition_index == partition.partition);
    match result.map(|result| ErrorCode::from_code(result.partition_error_code)) {
        Some(Some(ErrorCode::None)) => Ok(()),
        code => Err(transaction_error_of(code.flatten())),
    }
}

fn request(
    participant: &Participant,
    partitions: &[TopicPartition],
    participation: Participation,
) -> AddPartitionsToTxnRequest {
    let mut transaction = AddPartitionsToTxnTransaction::default();
    transaction.transactional_id = StrBytes::from(participant.id.as_str());
    transaction.producer_id = participant.producer.id;
    transaction.producer_epoch = participant.producer.epoch;
    transaction.verify_only = participation == Participation::Verify;
    for partition in partitions {
        match transaction.topics.last_mut() {
            Some(last) if last.name.as_str() == &*partition.topic => last.partitions.push(partition.partition),
            _ => {
                let mut topic = AddPartitionsToTxnTopic::default();
                topic.name = StrBytes::from(&*partition.topic);
                topic.partitions.push(partition.partition);
                transaction.topics.push(topic);
            }
        }
    }
    let mut request = AddPartitionsToTxnRequest::default();
    request.transactions.push(transaction);
    request
}
