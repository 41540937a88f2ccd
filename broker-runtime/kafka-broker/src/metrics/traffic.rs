//! Records and bytes that come and go, by topic and in all: Kafka's `BrokerTopicMetrics`.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use kafka_log::LogError;
use parking_lot::Mutex;

use super::meter::Meter;
use crate::partition::PartitionError;

/// Meters of a topic, or of all topics.
#[derive(Debug)]
pub(crate) struct TrafficMeters {
    pub(crate) messages_in: Meter,
    pub(crate) bytes_in: Meter,
    pub(crate) bytes_out: Meter,
    pub(crate) bytes_rejected: Meter,
    pub(crate) produce_requests: Meter,
    pub(crate) failed_produce_requests: Meter,
    pub(crate) fetch_requests: Meter,
    pub(crate) failed_fetch_requests: Meter,
    pub(crate) replication_bytes_in: Meter,
    pub(crate) replication_bytes_out: Meter,
}

impl TrafficMeters {
    fn new(now_ms: i64) -> Self {
        let meter = || Meter::new(now_ms);
        Self {
            messages_in: meter(),
            bytes_in: meter(),
            bytes_out: meter(),
            bytes_rejected: meter(),
            produce_requests: meter(),
            failed_produce_requests: meter(),
            fetch_requests: meter(),
            failed_fetch_requests: meter(),
            replication_bytes_in: meter(),
            replication_bytes_out: meter(),
        }
    }

    /// The meters with Kafka's names for them.
    pub(crate) fn named(&self) -> [(&'static str, &Meter); 10] {
        [
            ("MessagesInPerSec", &self.messages_in),
            ("BytesInPerSec", &self.bytes_in),
            ("BytesOutPerSec", &self.bytes_out),
            ("BytesRejectedPerSec", &self.bytes_rejected),
            ("TotalProduceRequestsPerSec", &self.produce_requests),
            ("FailedProduceRequestsPerSec", &self.failed_produce_requests),
            ("TotalFetchRequestsPerSec", &self.fetch_requests),
            ("FailedFetchRequestsPerSec", &self.failed_fetch_requests),
            ("ReplicationBytesInPerSec", &self.replication_bytes_in),
            ("ReplicationBytesOutPerSec", &self.replication_bytes_out),
        ]
    }
}

/// What is counted of one topic, and with it of all.
#[derive(Debug)]
pub(crate) struct TopicTraffic {
    own: TrafficMeters,
    all: Arc<TrafficMeters>,
}

impl TopicTraffic {
    /// Producers' or a coordinator's records were offered to a partition, and this came of it: the number that was appended.
    pub(crate) fn produced(&self, bytes: usize, appended: Result<i64, &PartitionError>) {
        for meters in [&self.own, &*self.all] {
            meters.produce_requests.mark(1);
            match appended {
                Ok(records) => {
                    meters.messages_in.mark(u64::try_from(records).unwrap_or(0));
                    meters.bytes_in.mark(bytes as u64);
                }
                Err(PartitionError::Log(LogError::MessageTooLarge { .. } | LogError::RecordListTooLarge { .. })) => {
                    meters.bytes_rejected.mark(bytes as u64);
                }
                // What a client can mend, or a change of leaders, is no failure of ours.
                Err(error) if is_failure(error) => meters.failed_produce_requests.mark(1),
                Err(_) => {}
            }
        }
    }

    /// A partition was read for a consumer or a follower.
    pub(crate) fn fetched(&self, bytes: usize, follower: bool) {
        for meters in [&self.own, &*self.all] {
            meters.fetch_requests.mark(1);
            if follower {
                meters.replication_bytes_out.mark(bytes as u64);
            } else {
                meters.bytes_out.mark(bytes as u64);
            }
        }
    }

    /// A partition could not be read.
    pub(crate) fn fetch_failed(&self, error: &PartitionError) {
        if is_failure(error) {
            for meters in [&self.own, &*self.all] {
                meters.failed_fetch_requests.mark(1);
            }
        }
    }

    /// Records came from a leader.
    pub(crate) fn replicated(&self, bytes: usize) {
        for meters in [&self.own, &*self.all] {
            meters.replication_bytes_in.mark(bytes as u64);
        }
    }
}

/// The broker failed, not who asked.
fn is_failure(error: &PartitionError) -> bool {
    match error {
        PartitionError::Storage => true,
        PartitionError::Log(error) => matches!(
            error,
            LogError::NoSpace { .. } | LogError::Storage { .. } | LogError::Damaged { .. } | LogError::Offline(_)
        ),
        _ => false,
    }
}

/// All topics that this broker holds a replica of.
#[derive(Debug)]
pub(crate) struct Traffic {
    all: Arc<TrafficMeters>,
    /// They live as long as a partition does.
    topics: Mutex<HashMap<Arc<str>, Weak<TopicTraffic>>>,
}

impl Traffic {
    pub(super) fn new(now_ms: i64) -> Self {
        Self {
            all: Arc::new(TrafficMeters::new(now_ms)),
            topics: Mutex::default(),
        }
    }

    /// What is counted of a topic.
    pub(crate) fn of(&self, topic: &Arc<str>, now_ms: i64) -> Arc<TopicTraffic> {
        let mut topics = self.topics.lock();
        if let Some(known) = topics.get(topic).and_then(Weak::upgrade) {
            return known;
        }
        let traffic = Arc::new(TopicTraffic {
            own: TrafficMeters::new(now_ms),
            all: Arc::clone(&self.all),
        });
        topics.insert(Arc::clone(topic), Arc::downgrade(&traffic));
        traffic
    }

    /// Of all topics.
    pub(crate) fn all(&self) -> &TrafficMeters {
        &self.all
    }

    /// Shows the meters of every topic.
    pub(crate) fn each(&self, mut show: impl FnMut(&str, &TrafficMeters)) {
        let topics: Vec<_> = self.living();
        for (topic, traffic) in &topics {
            show(topic, &traffic.own);
        }
    }

    pub(super) fn tick(&self) {
        self.topics.lock().retain(|_, traffic| traffic.strong_count() > 0);
        let topics = self.living();
        let meters = topics.iter().map(|(_, traffic)| &traffic.own);
        for meters in meters.chain([&*self.all]) {
            meters.named().iter().for_each(|(_, meter)| meter.tick());
        }
    }

    fn living(&self) -> Vec<(Arc<str>, Arc<TopicTraffic>)> {
        let topics = self.topics.lock();
        let living = topics
            .iter()
            .map(|(topic, traffic)| (Arc::clone(topic), traffic.upgrade()));
        living.filter_map(|(topic, traffic)| Some((topic, traffic?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_counts_for_itself_and_for_all_until_it_goes() {
        let traffic = Traffic::new(0);
        let (one, other) = (traffic.of(&"one".into(), 0), traffic.of(&"other".into(), 0));
        one.produced(100, Ok(3));
        other.produced(10, Ok(1));
        other.produced(10, Err(&PartitionError::Storage));
        other.fetched(50, true);
        other.fetched(5, false);
        let counts = |meters: &TrafficMeters| meters.named().map(|(_, meter)| meter.count());
        assert_eq!(counts(traffic.all()), [4, 110, 5, 0, 3, 1, 2, 0, 0, 50]);
        assert_eq!(counts(&one.own), [3, 100, 0, 0, 1, 0, 0, 0, 0, 0]);
        assert!(
            Arc::ptr_eq(&one, &traffic.of(&"one".into(), 0)),
            "its partitions share it"
        );
        drop(other);
        traffic.tick();
        let mut names = Vec::new();
        traffic.each(|name, _| names.push(name.to_owned()));
        assert_eq!(names, ["one"]);
    }
}
