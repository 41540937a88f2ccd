//! The task that owns one shard: loads its partition, answers questions, appends what the shard wants written, and lets
//! time pass for it.
//!
//! ```text
//!   elected ──► Loading ──────────────────► Serving ──────────► resigned
//!               COORDINATOR_LOAD_IN_PROGRESS    ▲  │ questions, deadlines, topics deleted
//!                                               └──┘ append ──► high watermark ──► answer
//! ```

use std::{pin::Pin, sync::Arc, time::Duration};

use futures::{StreamExt, stream::FuturesOrdered};
use kafka_metadata::{LeaderEpoch, MetadataImage};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    ask::Ask,
    command::GroupConfig,
    error::GroupError,
    record_format::{CommittedOffset, GroupRecord, TopicPartition},
    settings::OFFSETS_TOPIC,
    shard::{Content, Shard, Write},
};
use crate::{
    broker::Broker,
    coordinator::{
        CoordinatorRecord, Moment, WriteError, WriteFailure, append, append_marker, committed, load, load_shard,
        wait_for,
    },
    partition::{AppendedRange, Partition},
};

/// Questions that may wait for one shard.
pub(super) const MAILBOX_LENGTH: usize = 1024;

/// Questions that are answered before their records are appended, in one batch.
const ANSWERED_TOGETHER_MAX: usize = 256;

/// Records of one batch, roughly in bytes: well below the default `max.message.bytes`.
const BATCH_BYTES: usize = 512 * 1024;

/// How long after a change of the metadata deleted topics are looked for: many changes often come together.
const TOPICS_REVIEW_DELAY: Duration = Duration::from_secs(1);

/// Writes on their way: appended, not yet committed.
type InFlight = FuturesOrdered<Pin<Box<dyn Future<Output = (Vec<Write>, Result<(), WriteFailure>)> + Send>>>;

/// What a task needs.
pub(super) struct Coordinator {
    pub(super) broker: Arc<Broker>,
    pub(super) partition: Arc<Partition>,
    pub(super) leader_epoch: LeaderEpoch,
    pub(super) config: GroupConfig,
    pub(super) mailbox: mpsc::Receiver<Ask>,
    /// This broker leads the partition no more.
    pub(super) resigned: CancellationToken,
}

impl Coordinator {
    /// Runs until the partition is led by another broker or the broker stops.
    pub(super) async fn run(mut self) {
        let Some(mut shard) = self.load().await else {
            return;
        };
        self.serve(&mut shard).await;
        shard.resign();
        while let Ok(ask) = self.mailbox.try_recv() {
            ask.refuse(GroupError::NotCoordinator);
        }
    }

    fn now(&self) -> Moment {
        Moment {
            monotonic_ms: self.broker.uptime_ms(),
            wall_ms: self.broker.clock.now_ms(),
        }
    }

    async fn load(&mut self) -> Option<Shard> {
        let (config, now) = (self.config.clone(), self.now());
        let desk = (&mut self.mailbox, &self.resigned);
        let bytes_at_once = OFFSETS_TOPIC.load_bytes(&self.broker);
        let read = move |partition: &Partition, end_offset| {
            let mut shard = Shard::new(config);
            load(partition, end_offset, bytes_at_once, |loaded| {
                shard.take_in(loaded, now)
            })?;
            Ok(shard)
        };
        let mut shard = load_shard(&self.partition, self.leader_epoch, desk, read).await?;
        shard.loaded(self.now());
        match shard.group_count() {
            0 => tracing::debug!(partition = self.partition.index, "no groups to load"),
            groups => tracing::info!(partition = self.partition.index, groups, "groups loaded"),
        }
        Some(shard)
    }

    async fn serve(&mut self, shard: &mut Shard) {
        let mut in_flight = InFlight::new();
        let mut metadata = self.broker.metadata.changes();
        let retention_interval = millis(self.config.offsets_retention_check_interval_ms);
        let mut retention_check = self.broker.clock.sleep(retention_interval);
        let mut topics_review = None;
        metadata.mark_changed();
        loop {
            let deadline = shard.next_deadline_ms().map(|deadline_ms| {
                let delay_ms = deadline_ms.saturating_sub(self.now().monotonic_ms);
                self.broker.clock.sleep(millis(delay_ms))
            });
            shard.set_image(self.broker.metadata.image());
            tokio::select! {
                biased;
                () = self.resigned.cancelled() => return,
                Some((writes, result)) = in_flight.next(), if !in_flight.is_empty() => {
                    let now = self.now();
                    for write in writes {
                        shard.complete(write, result, now);
                    }
                }
                () = wait_for(deadline) => shard.tick(self.now()),
                ask = self.mailbox.recv() => match ask {
                    Some(ask) => self.answer(shard, ask),
                    None => return,
                },
                () = &mut retention_check => {
                    shard.expire(self.now());
                    retention_check = self.broker.clock.sleep(retention_interval);
                }
                changed = metadata.changed(), if topics_review.is_none() => match changed {
                    Ok(()) => topics_review = Some(self.broker.clock.sleep(TOPICS_REVIEW_DELAY)),
                    Err(_) => return,
                },
                () = wait_for(topics_review.as_mut()), if topics_review.is_some() => {
                    topics_review = None;
                    self.review_topics(shard);
                }
            }
            self.append(shard, &mut in_flight);
        }
    }

    /// Answers this question and those that wait behind it, so that their records share a batch.
    fn answer(&mut self, shard: &mut Shard, first: Ask) {
        let now = self.now();
        shard.set_image(self.broker.metadata.image());
        shard.handle(first, now);
        for _ in 1..ANSWERED_TOGETHER_MAX {
            match self.mailbox.try_recv() {
                Ok(ask) => shard.handle(ask, now),
                Err(_) => return,
            }
        }
    }

    /// Appends what the shard wants written, in batches, and waits for them beside everything else. A write that is
    /// refused is completed at once, which may make the shard want more written.
    fn append(&self, shard: &mut Shard, in_flight: &mut InFlight) {
        loop {
            let writes = shard.take_writes();
            if writes.is_empty() {
                return;
            }
            for batch in in_batches(writes) {
                if batch.iter().all(Write::is_nothing) {
                    // Who waits only for what was written before.
                    in_flight.push_back(Box::pin(std::future::ready((batch, Ok(())))));
                    continue;
                }
                let now = self.now();
                match self.append_batch(&batch, now) {
                    Ok(range) => {
                        let committed = committed(Arc::clone(&self.partition), self.leader_epoch, range.last_offset);
                        in_flight.push_back(Box::pin(async move { (batch, committed.await) }));
                    }
                    Err(error) => {
                        let cause = std::error::Error::source(&error).map(ToString::to_string);
                        tracing::warn!(partition = self.partition.index, %error, cause, "group records not appended");
                        for write in batch {
                            shard.complete(write, Err(error.failure()), now);
                        }
                    }
                }
            }
        }
    }

    /// Appends writes that share a batch.
    fn append_batch(&self, batch: &[Write], now: Moment) -> Result<AppendedRange, WriteError> {
        let (partition, leader_epoch) = (&self.partition, self.leader_epoch);
        let transactional = match batch {
            [
                Write {
                    content: Content::Marker(marker),
                    ..
                },
            ] => return append_marker(partition, leader_epoch, *marker),
            [
                Write {
                    content: Content::OfTransaction(transactional, _),
                    ..
                },
            ] => Some(*transactional),
            _ => None,
        };
        let records = batch.iter().flat_map(|write| write.content.records());
        let compression = self.broker.settings.offsets_topic_compression;
        append(
            partition,
            leader_epoch,
            records,
            transactional,
            compression,
            now.wall_ms,
        )
    }

    /// Forgets the offsets of topics that were deleted.
    fn review_topics(&self, shard: &mut Shard) {
        let image = self.broker.metadata.image();
        if self.broker.is_current(&image) {
            shard.topics_deleted(|partition, committed| is_gone(&image, partition, committed));
        }
    }
}

/// True when the topic the offset was committed for is no longer there, even if another has its name.
fn is_gone(image: &MetadataImage, partition: &TopicPartition, committed: &CommittedOffset) -> bool {
    match image.topics.get(&*partition.topic) {
        Some(topic) => !committed.topic_id.is_nil() && committed.topic_id != topic.topic_id.0,
        None => true,
    }
}

/// Splits writes into batches of a sensible size. No write is split: it takes effect as a whole.
fn in_batches(writes: Vec<Write>) -> Vec<Vec<Write>> {
    let mut batches: Vec<Vec<Write>> = Vec::new();
    let mut bytes_of_last = usize::MAX;
    for write in writes {
        let bytes = write.content.records().iter().map(record_bytes).sum::<usize>();
        let alone = !matches!(write.content, Content::Records(_));
        if alone || bytes_of_last.saturating_add(bytes) > BATCH_BYTES {
            batches.push(Vec::new());
            bytes_of_last = 0;
        }
        bytes_of_last = if alone { usize::MAX } else { bytes_of_last + bytes };
        if let Some(batch) = batches.last_mut() {
            batch.push(write);
        }
    }
    batches
}

fn record_bytes(record: &GroupRecord) -> usize {
    let (key, value) = record.encode();
    key.len() + value.map_or(0, |value| value.len())
}

fn millis(delay_ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(delay_ms).unwrap_or(0))
}
