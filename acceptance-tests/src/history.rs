//! The history of a run against a cluster, and its checker.
//!
//! A producer writes values that are unique and writes down each acknowledgement; a reader then reads every partition
//! from its beginning. The checker looks for what a log must never do, in the manner of Jepsen's Kafka workload:
//! an acknowledged record that is not there, one that is there twice, one offset with two values, order turned around.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

/// What happened to one record, in the order in which the client saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Partition it was sent to.
    pub partition: i32,
    /// Its value, unique in the run.
    pub value: String,
    /// Whether it was acknowledged; the client got an error or no answer otherwise.
    pub acknowledged: bool,
    /// The offset that was acknowledged, if the client knows it: librdkafka takes records whose answer was lost for acknowledged when
    /// later ones of their partition are, since a broker takes those of one producer in order only.
    pub acknowledged_offset: Option<i64>,
}

/// One record as it was read back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
    /// Value.
    pub value: String,
}

/// Something a log must never do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Anomaly {
    /// Acknowledged and not there.
    Lost {
        /// Partition.
        partition: i32,
        /// Acknowledged offset, if the client knows it.
        offset: Option<i64>,
        /// Value.
        value: String,
    },
    /// Acknowledged at one offset, found at another only.
    Moved {
        /// Partition.
        partition: i32,
        /// Acknowledged offset.
        acknowledged: i64,
        /// Where it was found.
        found: i64,
        /// Value.
        value: String,
    },
    /// There more than once, although the producer is idempotent.
    Doubled {
        /// Partition.
        partition: i32,
        /// Offsets.
        offsets: Vec<i64>,
        /// Value.
        value: String,
    },
    /// Read but never sent.
    Unsent {
        /// Partition.
        partition: i32,
        /// Offset.
        offset: i64,
        /// Value.
        value: String,
    },
    /// Two records of one producer and partition are in the log in the opposite order.
    Reordered {
        /// Partition.
        partition: i32,
        /// Sent first.
        first: String,
        /// Sent second, found before the first.
        second: String,
    },
    /// The same offset was read with two values.
    Inconsistent {
        /// Partition.
        partition: i32,
        /// Offset.
        offset: i64,
    },
}

/// Checks what was sent against what was read. An empty answer means that the history is sound.
pub fn check(sent: &[Sent], read: &[Read]) -> Vec<Anomaly> {
    let mut anomalies = Vec::new();
    let mut at_offset: BTreeMap<(i32, i64), &str> = BTreeMap::new();
    let mut offsets: HashMap<(i32, &str), BTreeSet<i64>> = HashMap::new();
    for record in read {
        let previous = at_offset.insert((record.partition, record.offset), &record.value);
        if previous.is_some_and(|value| value != record.value) {
            anomalies.push(Anomaly::Inconsistent {
                partition: record.partition,
                offset: record.offset,
            });
        }
        offsets
            .entry((record.partition, &record.value))
            .or_default()
            .insert(record.offset);
    }
    let known: BTreeSet<(i32, &str)> = sent
        .iter()
        .map(|record| (record.partition, record.value.as_str()))
        .collect();
    for (&(partition, offset), value) in &at_offset {
        if !known.contains(&(partition, value)) {
            anomalies.push(Anomaly::Unsent {
                partition,
                offset,
                value: (*value).to_owned(),
            });
        }
    }
    for record in sent {
        anomalies.extend(check_record(
            record,
            offsets.get(&(record.partition, record.value.as_str())),
        ));
    }
    anomalies.extend(check_order(sent, &offsets));
    anomalies.sort();
    anomalies
}

fn check_record(record: &Sent, found: Option<&BTreeSet<i64>>) -> Option<Anomaly> {
    let (partition, value) = (record.partition, record.value.clone());
    let Some(found) = found else {
        return record.acknowledged.then_some(Anomaly::Lost {
            partition,
            offset: record.acknowledged_offset,
            value,
        });
    };
    if found.len() > 1 {
        return Some(Anomaly::Doubled {
            partition,
            offsets: found.iter().copied().collect(),
            value,
        });
    }
    let acknowledged = record.acknowledged_offset?;
    let first = *found.first()?;
    (first != acknowledged).then_some(Anomaly::Moved {
        partition,
        acknowledged,
        found: first,
        value,
    })
}

/// Records of one partition must be in the log in the order they were sent in.
fn check_order(sent: &[Sent], offsets: &HashMap<(i32, &str), BTreeSet<i64>>) -> Vec<Anomaly> {
    let mut last: BTreeMap<i32, (i64, &str)> = BTreeMap::new();
    let mut anomalies = Vec::new();
    for record in sent {
        let Some(offset) = offsets
            .get(&(record.partition, record.value.as_str()))
            .and_then(|found| found.first().copied())
        else {
            continue;
        };
        if let Some(&(previous, first)) = last.get(&record.partition)
            && offset < previous
        {
            let (first, second) = (first.to_owned(), record.value.clone());
            anomalies.push(Anomaly::Reordered {
                partition: record.partition,
                first,
                second,
            });
        }
        last.insert(record.partition, (offset, &record.value));
    }
    anomalies
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(value: &str, offset: Option<i64>) -> Sent {
        Sent {
            partition: 0,
            value: value.to_owned(),
            acknowledged: offset.is_some(),
            acknowledged_offset: offset,
        }
    }

    fn read(value: &str, offset: i64) -> Read {
        Read {
            partition: 0,
            offset,
            value: value.to_owned(),
        }
    }

    fn sound() -> (Vec<Sent>, Vec<Read>) {
        let sent = (0..100).map(|n| sent(&format!("v{n}"), Some(n))).collect();
        let read = (0..100).map(|n| read(&format!("v{n}"), n)).collect();
        (sent, read)
    }

    #[test]
    fn sound_history_has_no_anomaly() {
        let (sent, read) = sound();
        assert_eq!(check(&sent, &read), []);
    }

    #[test]
    fn planted_loss_is_found() {
        let (sent, mut read) = sound();
        read.remove(42);
        assert_eq!(
            check(&sent, &read),
            [Anomaly::Lost {
                partition: 0,
                offset: Some(42),
                value: "v42".to_owned()
            }]
        );
    }

    #[test]
    fn planted_loss_of_a_record_whose_offset_nobody_knows_is_found() {
        let (mut sent, mut read) = sound();
        sent[42].acknowledged_offset = None;
        assert_eq!(check(&sent, &read), []);
        read.remove(42);
        let value = "v42".to_owned();
        let lost = Anomaly::Lost {
            partition: 0,
            offset: None,
            value,
        };
        assert_eq!(check(&sent, &read), [lost]);
    }

    #[test]
    fn planted_loss_at_the_end_is_found() {
        let (sent, mut read) = sound();
        read.truncate(90);
        assert_eq!(check(&sent, &read).len(), 10);
    }

    #[test]
    fn planted_double_is_found() {
        let (sent, mut all) = sound();
        all.push(read("v7", 100));
        assert_eq!(
            check(&sent, &all),
            [Anomaly::Doubled {
                partition: 0,
                offsets: vec![7, 100],
                value: "v7".to_owned()
            }]
        );
    }

    #[test]
    fn unacknowledged_record_may_be_there_or_not() {
        let mut history = sound();
        history.0.push(sent("maybe", None));
        assert_eq!(check(&history.0, &history.1), []);
        history.1.push(read("maybe", 100));
        assert_eq!(check(&history.0, &history.1), []);
    }

    #[test]
    fn planted_swap_moves_and_reorders() {
        let (sent, mut read) = sound();
        read[10].value = "v11".to_owned();
        read[11].value = "v10".to_owned();
        let anomalies = check(&sent, &read);
        assert!(
            anomalies.iter().any(|it| matches!(it, Anomaly::Moved { .. })),
            "{anomalies:?}"
        );
        assert!(
            anomalies.iter().any(|it| matches!(it, Anomaly::Reordered { .. })),
            "{anomalies:?}"
        );
    }

    #[test]
    fn value_that_nobody_sent_is_found() {
        let (sent, mut all) = sound();
        all.push(read("ghost", 100));
        assert_eq!(
            check(&sent, &all),
            [Anomaly::Unsent {
                partition: 0,
                offset: 100,
                value: "ghost".to_owned()
            }]
        );
    }

    #[test]
    fn one_offset_with_two_values_is_found() {
        let (sent, mut all) = sound();
        all.push(read("v6", 5));
        let anomalies = check(&sent, &all);
        assert!(
            anomalies.contains(&Anomaly::Inconsistent {
                partition: 0,
                offset: 5
            }),
            "{anomalies:?}"
        );
    }
}
