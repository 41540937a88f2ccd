//! The task that owns one shard: loads its partition, answers questions, appends what the shard wants written, sends markers
//! out, and looks for transactions that are open for too long.
//!
//! ```text
//!   elected ──► Loading ──────────────────► Serving ──────────► resigned
//!               COORDINATOR_LOAD_IN_PROGRESS    ▲  │ questions, timeouts
//!                                               └──┘ append ──► high watermark ──► answer, markers
//! ```

use std::{pin::Pin, sync::Arc, time::Duration};

use futures::{StreamExt, stream::FuturesOrdered};
use kafka_codec::record_batch::Compression;
use kafka_metadata::LeaderEpoch;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    ask::Ask,
    error::TransactionError,
    markers,
    record_format::TransactionRecord,
    settings::{TRANSACTIONS_TOPIC, TransactionConfig},
    shard::{Decided, Shard, Write},
};
use crate::{
    broker::Broker,
    coordinator::{Loaded, Moment, WriteFailure, append, committed, load, load_shard, wait_for},
    partition::Partition,
};

/// Questions that may wait for one shard.
pub(super) const MAILBOX_LENGTH: usize = 1024;

/// Questions that are answered before their records are appended, in one batch.
const ANSWERED_TOGETHER_MAX: usize = 256;

/// Records of one batch: a transaction with many partitions takes some KiB.
const RECORDS_TOGETHER_MAX: usize = 64;

/// Pause before markers are sent again because their success could not be written.
const AGAIN_PAUSE: Duration = Duration::from_millis(500);

/// Writes on their way: appended, not yet committed.
type InFlight = FuturesOrdered<Pin<Box<dyn Future<Output = (Vec<Write>, Result<(), WriteFailure>)> + Send>>>;

/// What a task needs.
pub(super) struct Coordinator {
    pub(super) broker: Arc<Broker>,
    pub(super) partition: Arc<Partition>,
    pub(super) leader_epoch: LeaderEpoch,
    pub(super) config: TransactionConfig,
    pub(super) mailbox: mpsc::Receiver<Ask>,
    /// The other end of the mailbox, for those who send markers.
    pub(super) own: mpsc::WeakSender<Ask>,
    /// This broker leads the partition no more.
    pub(super) resigned: CancellationToken,
}

impl Coordinator {
    /// Runs until the partition is led by another broker or the broker stops.
    pub(super) async fn run(mut self) {
        if let Some(mut shard) = self.load().await {
            self.serve(&mut shard).await;
        }
        self.mailbox.close();
        while let Ok(ask) = self.mailbox.try_recv() {
            ask.refuse(TransactionError::NotCoordinator);
        }
    }

    fn now(&self) -> Moment {
        Moment {
            monotonic_ms: self.broker.uptime_ms(),
            wall_ms: self.broker.clock.now_ms(),
        }
    }

    async fn load(&mut self) -> Option<Shard> {
        let config = self.config.clone();
        let desk = (&mut self.mailbox, &self.resigned);
        let bytes_at_once = TRANSACTIONS_TOPIC.load_bytes(&self.broker);
        let read = move |partition: &Partition, end_offset| {
            let mut shard = Shard::new(config);
            load(partition, end_offset, bytes_at_once, |loaded| {
                if let Loaded::Record(record, None) = loaded {
                    shard.replay(record);
                }
            })?;
            Ok(shard)
        };
        let mut shard = load_shard(&self.partition, self.leader_epoch, desk, read).await?;
        shard.loaded();
        if shard.len() > 0 {
            tracing::info!(
                partition = self.partition.index,
                ids = shard.len(),
                "transactions loaded"
            );
        }
        Some(shard)
    }

    async fn serve(&mut self, shard: &mut Shard) {
        let mut in_flight = InFlight::new();
        let (abort, expire) = (
            millis(self.config.abort_interval_ms),
            millis(self.config.expiration_interval_ms),
        );
        let mut abort_check = self.broker.clock.sleep(abort);
        let mut expire_check = self.broker.clock.sleep(expire);
        loop {
            self.append(shard, &mut in_flight);
            for decided in shard.take_decided() {
                self.send_markers(decided);
            }
            let patience = shard.next_deadline_ms().map(|deadline_ms| {
                let delay_ms = deadline_ms.saturating_sub(self.now().monotonic_ms);
                self.broker
                    .clock
                    .sleep(Duration::from_millis(u64::try_from(delay_ms).unwrap_or(0)))
            });
            tokio::select! {
                biased;
                () = self.resigned.cancelled() => return,
                Some((writes, result)) = in_flight.next(), if !in_flight.is_empty() => {
                    complete(shard, writes, result, self.now());
                }
                () = wait_for(patience) => shard.lose_patience(self.now()),
                ask = self.mailbox.recv() => match ask {
                    Some(ask) => self.answer(shard, ask),
                    None => return,
                },
                () = &mut abort_check => {
                    shard.abort_timed_out(self.now().wall_ms);
                    abort_check = self.broker.clock.sleep(abort);
                }
                () = &mut expire_check => {
                    shard.expire(self.now().wall_ms);
                    expire_check = self.broker.clock.sleep(expire);
                }
            }
        }
    }

    /// Answers this question and those that wait behind it, so that their records share a batch.
    fn answer(&mut self, shard: &mut Shard, first: Ask) {
        let now = self.now();
        shard.handle(first, now);
        for _ in 1..ANSWERED_TOGETHER_MAX {
            match self.mailbox.try_recv() {
                Ok(ask) => shard.handle(ask, now),
                Err(_) => return,
            }
        }
    }

    /// Appends what the shard wants written, and waits for it beside everything else.
    fn append(&self, shard: &mut Shard, in_flight: &mut InFlight) {
        let mut writes = shard.take_writes();
        while !writes.is_empty() {
            let rest = writes.split_off(writes.len().min(RECORDS_TOGETHER_MAX));
            let records = writes.iter().map(|write| -> &TransactionRecord { &write.record });
            match append(
                &self.partition,
                self.leader_epoch,
                records,
                None,
                Compression::None,
                self.now().wall_ms,
            ) {
                Ok(range) => {
                    let committed = committed(Arc::clone(&self.partition), self.leader_epoch, range.last_offset);
                    in_flight.push_back(Box::pin(async move { (writes, committed.await) }));
                }
                Err(error) => {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::warn!(partition = self.partition.index, %error, cause, "transactions not written");
                    complete(shard, writes, Err(error.failure()), self.now());
                }
            }
            writes = rest;
        }
    }

    /// Brings the markers out and puts the outcome into the mailbox. Ends with the shard.
    fn send_markers(&self, decided: Decided) {
        let (broker, own, epoch) = (Arc::clone(&self.broker), self.own.clone(), self.leader_epoch.0);
        let resigned = self.resigned.clone();
        let Decided { id, transaction, again } = decided;
        let sending = async move {
            if again {
                broker.clock.sleep(AGAIN_PAUSE).await;
            }
            let outcome = markers::tell(&broker, &transaction, epoch).await;
            if let Some(own) = own.upgrade() {
                // A shard that has gone leaves it to its successor.
                let _ = own.send(Ask::Markers(id, transaction.producer, outcome)).await;
            }
        };
        tokio::spawn(async move { resigned.run_until_cancelled(sending).await });
    }
}

fn complete(shard: &mut Shard, writes: Vec<Write>, result: Result<(), WriteFailure>, now: Moment) {
    for write in writes {
        shard.complete(write, result.map_err(TransactionError::from), now);
    }
}

fn millis(interval_ms: i64) -> Duration {
    // Nothing is looked for without a pause.
    Duration::from_millis(u64::try_from(interval_ms).unwrap_or(0).max(10))
}
