//! How a shard gets what its partition holds, and what becomes of the questions that come before it has it.

use std::sync::Arc;

use kafka_metadata::LeaderEpoch;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::log::{LoadError, caught_up};
use crate::partition::Partition;

/// A question to a shard, as far as it can be sent away.
pub(crate) trait Question {
    /// The shard is being loaded: ask again.
    fn refuse_while_loading(self);
    /// The shard cannot be loaded here.
    fn refuse_as_unavailable(self);
}

/// Makes a shard of everything that was in the partition when it got this leader: `read` is given its end, and blocks on the
/// disk. `None` when another broker leads before that is done, or when the partition cannot be read: then questions are sent
/// away until it has another leader.
pub(crate) async fn load_shard<A: Question, S: Send + 'static>(
    partition: &Arc<Partition>,
    leader_epoch: LeaderEpoch,
    (mailbox, resigned): (&mut mpsc::Receiver<A>, &CancellationToken),
    read: impl FnOnce(&Partition, i64) -> Result<S, LoadError> + Send + 'static,
) -> Option<S> {
    let loaded = Arc::clone(partition);
    let loading = async move {
        let end_offset = caught_up(Arc::clone(&loaded), leader_epoch).await.ok()?;
        // The blocking task does not panic and is not aborted.
        tokio::task::spawn_blocking(move || read(&loaded, end_offset))
            .await
            .ok()
    };
    tokio::pin!(loading);
    let result = loop {
        tokio::select! {
            biased;
            () = resigned.cancelled() => return None,
            result = &mut loading => break result?,
            question = mailbox.recv() => question?.refuse_while_loading(),
        }
    };
    match result {
        Ok(shard) => Some(shard),
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            let (topic, partition) = (&*partition.topic, partition.index);
            tracing::error!(topic, partition, %error, cause, "the coordinator's partition cannot be loaded");
            refuse_all(mailbox, resigned).await;
            None
        }
    }
}

/// Nothing is answered from here until the partition has another leader.
async fn refuse_all<A: Question>(mailbox: &mut mpsc::Receiver<A>, resigned: &CancellationToken) {
    loop {
        tokio::select! {
            biased;
            () = resigned.cancelled() => return,
            question = mailbox.recv() => match question {
                Some(question) => question.refuse_as_unavailable(),
                None => return,
            },
        }
    }
}
