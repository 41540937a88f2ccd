//! Takes proposed ISRs to the controller, many partitions in one request, and gives the answer back to the partitions.
//! The new state itself arrives as a metadata record; an answer only ends the proposal when it is a refusal.

use std::{sync::Arc, time::Duration};

use kafka_metadata::{
    BrokerEpoch, BrokerId, LeaderEpoch, PartitionEpoch,
    rpc::{AlterPartition, ControllerError, ControllerRequest, ControllerResponse},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::{controller::ControllerClient, metadata::MetadataCache, partition::Partition};

/// Proposals in one request.
const BATCH_MAX: usize = 1000;

/// Pause before a proposal may be made again after the controller was not reached.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// Stands for a registration the leader does not know: the member has not fetched from it yet.
const UNKNOWN_BROKER_EPOCH: BrokerEpoch = BrokerEpoch(-1);

/// A proposal on its way.
pub(crate) struct Submission {
    partition: Arc<Partition>,
    leader_epoch: LeaderEpoch,
    partition_epoch: PartitionEpoch,
    new_isr: Vec<(BrokerId, BrokerEpoch)>,
}

impl Submission {
    /// As the controller is asked.
    pub(crate) fn to_proposal(&self) -> AlterPartition {
        AlterPartition {
            topic_id: self.partition.topic_id,
            partition: self.partition.index,
            leader_epoch: self.leader_epoch,
            partition_epoch: self.partition_epoch,
            new_isr: self.new_isr.clone(),
        }
    }
}

/// Where partitions hand in proposals, and ask who may be in an ISR.
#[derive(Clone)]
pub(crate) struct IsrChanges {
    metadata: Arc<MetadataCache>,
    controller: Arc<ControllerClient>,
    submissions: mpsc::UnboundedSender<Submission>,
}

impl IsrChanges {
    /// Starts the task that talks to the controller; it ends with `shutdown`.
    pub(crate) fn start(
        metadata: Arc<MetadataCache>,
        controller: Arc<ControllerClient>,
        shutdown: CancellationToken,
    ) -> Self {
        // At most one submission a partition is in here: a partition waits for its answer.
        let (submissions, receiver) = mpsc::unbounded_channel();
        tokio::spawn(carry(receiver, Arc::clone(&controller), shutdown));
        Self {
            metadata,
            controller,
            submissions,
        }
    }

    /// Without a task: proposals are for whoever has the receiver.
    #[cfg(test)]
    pub(crate) fn unattended(
        metadata: Arc<MetadataCache>,
        controller: Arc<ControllerClient>,
    ) -> (Self, mpsc::UnboundedReceiver<Submission>) {
        let (submissions, receiver) = mpsc::unbounded_channel();
        let changes = Self {
            metadata,
            controller,
            submissions,
        };
        (changes, receiver)
    }

    /// Epoch of this broker's registration.
    pub(crate) fn own_epoch(&self) -> BrokerEpoch {
        self.controller.broker_epoch()
    }

    /// The broker is alive and stays.
    pub(crate) fn is_eligible(&self, broker_id: BrokerId) -> bool {
        self.metadata
            .image()
            .brokers
            .get(&broker_id)
            .is_some_and(|broker| !broker.fenced && !broker.shutting_down)
    }

    /// The broker is alive and stays, and `broker_epoch`, with which it fetched, is that of its registration.
    pub(crate) fn may_join(&self, broker_id: BrokerId, broker_epoch: Option<BrokerEpoch>) -> bool {
        self.metadata.image().brokers.get(&broker_id).is_some_and(|broker| {
            !broker.fenced && !broker.shutting_down && broker_epoch.is_none_or(|epoch| epoch == broker.broker_epoch)
        })
    }

    /// Proposes an ISR. The partition makes no further proposal before this one is answered.
    pub(crate) fn submit(
        &self,
        partition: Arc<Partition>,
        leader_epoch: LeaderEpoch,
        partition_epoch: PartitionEpoch,
        new_isr: Vec<(BrokerId, Option<BrokerEpoch>)>,
    ) {
        info!(topic = %partition.topic, partition = partition.index, ?new_isr, "isr change proposed");
        let new_isr = new_isr
            .into_iter()
            .map(|(id, epoch)| (id, epoch.unwrap_or(UNKNOWN_BROKER_EPOCH)))
            .collect();
        // The receiver is gone only when the broker stops.
        let _ = self.submissions.send(Submission {
            partition,
            leader_epoch,
            partition_epoch,
            new_isr,
        });
    }
}

async fn carry(
    mut receiver: mpsc::UnboundedReceiver<Submission>,
    controller: Arc<ControllerClient>,
    shutdown: CancellationToken,
) {
    let mut batch = Vec::new();
    loop {
        let received = tokio::select! {
            received = receiver.recv_many(&mut batch, BATCH_MAX) => received,
            () = shutdown.cancelled() => return,
        };
        if received == 0 {
            return;
        }
        propose(&controller, std::mem::take(&mut batch)).await;
    }
}

async fn propose(controller: &ControllerClient, batch: Vec<Submission>) {
    let partitions = batch.iter().map(Submission::to_proposal).collect();
    let request = ControllerRequest::AlterPartition {
        broker_id: controller.broker_id(),
        broker_epoch: controller.broker_epoch(),
        partitions,
    };
    let results = match controller.call(request).await {
        Ok(ControllerResponse::AlterPartition(results)) if results.len() == batch.len() => results,
        Ok(_) => vec![Err(ControllerError::NotController); batch.len()],
        Err(error) => {
            tokio::time::sleep(RETRY_PAUSE).await;
            vec![Err(error); batch.len()]
        }
    };
    for (submission, result) in batch.iter().zip(results) {
        let partition = &submission.partition;
        if let Err(error) = &result {
            info!(topic = %partition.topic, partition = partition.index, %error, "isr change refused");
        }
        partition.proposal_answered((submission.leader_epoch, submission.partition_epoch), &result);
    }
}
