//! What a pipeline that copies records in transactions, and the members of a group, have written down, and the checkers of that.
//!
//! The value of a copy names the partition and the offset of what it is a copy of, and the transaction that wrote it:
//! `PARTITION:OFFSET:TRANSACTION`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use crate::history::Read;

/// How a transaction ended, as its producer was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// All of it counts.
    Committed,
    /// Nothing of it counts.
    Aborted,
    /// All of it or nothing.
    Unknown,
}

/// A record that a transaction has written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copy {
    /// Partition it was written to.
    pub partition: i32,
    /// Its value.
    pub value: String,
}

/// A transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// Unique in the run.
    pub number: u64,
    /// What it has written.
    pub values: Vec<Copy>,
    /// How it ended.
    pub outcome: Outcome,
}

/// What a member of a group has read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The member, with a new name for each time that it was assigned something.
    pub member: String,
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
    /// Value.
    pub value: String,
}

/// Something that must never happen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CopyAnomaly {
    /// The transaction was aborted, and a reader of committed records sees something of it.
    AbortedVisible {
        /// The transaction.
        transaction: u64,
        /// What is seen.
        value: String,
    },
    /// The transaction was committed, and something of it cannot be seen.
    CommittedMissing {
        /// The transaction.
        transaction: u64,
        /// What is missing.
        value: String,
    },
    /// Some of a transaction can be seen, and some not.
    Torn {
        /// The transaction.
        transaction: u64,
        /// Records that can be seen.
        seen: usize,
        /// All of its records.
        written: usize,
    },
    /// A record was copied more than once.
    CopiedAgain {
        /// Partition and offset of the record.
        source: (i32, i64),
        /// How often.
        times: usize,
    },
    /// A record was never copied.
    NotCopied {
        /// Partition and offset of the record.
        source: (i32, i64),
    },
    /// Copies are in another order than what they are copies of.
    CopiesReordered {
        /// Partition.
        partition: i32,
        /// Offset of the source that comes first.
        first: i64,
        /// Offset of the source that comes after it.
        second: i64,
    },
    /// A copy that no transaction has written.
    Unwritten {
        /// Its value.
        value: String,
    },
    /// No member has read this record.
    Unread {
        /// Partition and offset of the record.
        source: (i32, i64),
    },
    /// A member has read something else than what stands there.
    ReadOtherwise {
        /// Partition and offset.
        source: (i32, i64),
        /// What it has read.
        value: String,
    },
    /// A member has gone back without having been assigned the partition anew.
    WentBack {
        /// The member.
        member: String,
        /// Partition.
        partition: i32,
        /// From where.
        from: i64,
        /// To where.
        to: i64,
    },
}

fn source_of(value: &str) -> Option<(i32, i64)> {
    let mut parts = value.split(':');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Checks what transactions have copied. `source` is the whole source, `copies` what a reader of committed records sees.
pub fn check_copies(source: &[Read], transactions: &[Transaction], copies: &[Read]) -> Vec<CopyAnomaly> {
    let visible: BTreeSet<(i32, &str)> = copies.iter().map(|it| (it.partition, it.value.as_str())).collect();
    let mut anomalies: Vec<CopyAnomaly> = transactions
        .iter()
        .flat_map(|transaction| check_transaction(transaction, &visible))
        .collect();
    let all = transactions.iter().flat_map(|transaction| &transaction.values);
    let written: BTreeSet<(i32, &str)> = all.map(|it| (it.partition, it.value.as_str())).collect();
    let unwritten = visible.difference(&written).map(|(_, value)| CopyAnomaly::Unwritten {
        value: (*value).to_owned(),
    });
    anomalies.extend(unwritten);
    let mut times: BTreeMap<(i32, i64), usize> = source.iter().map(|it| ((it.partition, it.offset), 0)).collect();
    let mut last: BTreeMap<i32, i64> = BTreeMap::new();
    for copy in copies {
        let Some(source) = source_of(&copy.value) else { continue };
        *times.entry(source).or_default() += 1;
        let before = last.insert(source.0, source.1);
        if let Some(first) = before.filter(|before| *before > source.1) {
            anomalies.push(CopyAnomaly::CopiesReordered {
                partition: source.0,
                first,
                second: source.1,
            });
        }
    }
    anomalies.extend(times.into_iter().filter_map(|(source, times)| match times {
        0 => Some(CopyAnomaly::NotCopied { source }),
        1 => None,
        times => Some(CopyAnomaly::CopiedAgain { source, times }),
    }));
    anomalies.sort();
    anomalies
}

fn check_transaction(transaction: &Transaction, visible: &BTreeSet<(i32, &str)>) -> Vec<CopyAnomaly> {
    let number = transaction.number;
    let is_seen = |copy: &&Copy| visible.contains(&(copy.partition, copy.value.as_str()));
    let (seen, unseen): (Vec<&Copy>, Vec<&Copy>) = transaction.values.iter().partition(is_seen);
    let value = |copy: &&Copy| copy.value.clone();
    match transaction.outcome {
        Outcome::Committed => unseen
            .iter()
            .map(|copy| CopyAnomaly::CommittedMissing {
                transaction: number,
                value: value(copy),
            })
            .collect(),
        Outcome::Aborted => seen
            .iter()
            .map(|copy| CopyAnomaly::AbortedVisible {
                transaction: number,
                value: value(copy),
            })
            .collect(),
        Outcome::Unknown if seen.is_empty() || unseen.is_empty() => Vec::new(),
        Outcome::Unknown => vec![CopyAnomaly::Torn {
            transaction: number,
            seen: seen.len(),
            written: transaction.values.len(),
        }],
    }
}

/// Checks what the members of a group have read, in the order in which they have.
pub fn check_group(source: &[Read], seen: &[Seen]) -> Vec<CopyAnomaly> {
    let values: BTreeMap<(i32, i64), &str> = source
        .iter()
        .map(|it| ((it.partition, it.offset), it.value.as_str()))
        .collect();
    let mut anomalies = Vec::new();
    let mut read: BTreeSet<(i32, i64)> = BTreeSet::new();
    let mut last: HashMap<(&str, i32), i64> = HashMap::new();
    for record in seen {
        let source = (record.partition, record.offset);
        read.insert(source);
        if values.get(&source) != Some(&record.value.as_str()) {
            anomalies.push(CopyAnomaly::ReadOtherwise {
                source,
                value: record.value.clone(),
            });
        }
        let before = last.insert((&record.member, record.partition), record.offset);
        if let Some(from) = before.filter(|before| *before >= record.offset) {
            anomalies.push(CopyAnomaly::WentBack {
                member: record.member.clone(),
                partition: record.partition,
                from,
                to: record.offset,
            });
        }
    }
    let unread = values.keys().filter(|source| !read.contains(source));
    anomalies.extend(unread.map(|source| CopyAnomaly::Unread { source: *source }));
    anomalies.sort();
    anomalies
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(partition: i32, offset: i64, value: &str) -> Read {
        Read {
            partition,
            offset,
            value: value.to_owned(),
        }
    }

    /// Six records of one partition, copied in three transactions; the second was aborted and its records copied again.
    fn sound() -> (Vec<Read>, Vec<Transaction>, Vec<Read>) {
        let source: Vec<Read> = (0..6).map(|offset| read(0, offset, &format!("v{offset}"))).collect();
        let transaction = |number: u64, offsets: std::ops::Range<i64>, outcome| Transaction {
            number,
            values: offsets
                .map(|offset| Copy {
                    partition: 0,
                    value: format!("0:{offset}:{number}"),
                })
                .collect(),
            outcome,
        };
        let transactions = vec![
            transaction(0, 0..2, Outcome::Committed),
            transaction(1, 2..4, Outcome::Aborted),
            transaction(2, 2..4, Outcome::Unknown),
            transaction(3, 4..6, Outcome::Committed),
        ];
        let visible = [0, 2, 3].map(|at: usize| &transactions[at]);
        let values = visible.into_iter().flat_map(|transaction| transaction.values.clone());
        let copies = (0..)
            .zip(values)
            .map(|(at, copy)| read(0, at * 2, &copy.value))
            .collect();
        (source, transactions, copies)
    }

    fn expect(anomalies: &[CopyAnomaly], wanted: &CopyAnomaly) {
        assert!(anomalies.contains(wanted), "{anomalies:?}");
    }

    #[test]
    fn sound_copies_have_no_anomaly() {
        let (source, transactions, copies) = sound();
        assert_eq!(check_copies(&source, &transactions, &copies), []);
    }

    #[test]
    fn planted_record_of_an_aborted_transaction_is_found() {
        let (source, transactions, mut copies) = sound();
        copies.push(read(0, 100, "0:3:1"));
        let anomalies = check_copies(&source, &transactions, &copies);
        expect(
            &anomalies,
            &CopyAnomaly::AbortedVisible {
                transaction: 1,
                value: "0:3:1".to_owned(),
            },
        );
        expect(
            &anomalies,
            &CopyAnomaly::CopiedAgain {
                source: (0, 3),
                times: 2,
            },
        );
    }

    #[test]
    fn planted_loss_from_a_committed_transaction_is_found() {
        let (source, transactions, mut copies) = sound();
        copies.remove(0);
        let anomalies = check_copies(&source, &transactions, &copies);
        expect(
            &anomalies,
            &CopyAnomaly::CommittedMissing {
                transaction: 0,
                value: "0:0:0".to_owned(),
            },
        );
        expect(&anomalies, &CopyAnomaly::NotCopied { source: (0, 0) });
    }

    #[test]
    fn planted_tear_is_found() {
        let (source, transactions, mut copies) = sound();
        copies.retain(|copy| copy.value != "0:2:2");
        let anomalies = check_copies(&source, &transactions, &copies);
        expect(
            &anomalies,
            &CopyAnomaly::Torn {
                transaction: 2,
                seen: 1,
                written: 2,
            },
        );
    }

    #[test]
    fn planted_swap_and_planted_copy_are_found() {
        let (source, transactions, mut copies) = sound();
        copies.swap(0, 1);
        copies.push(read(0, 100, "0:5:77"));
        let anomalies = check_copies(&source, &transactions, &copies);
        expect(
            &anomalies,
            &CopyAnomaly::CopiesReordered {
                partition: 0,
                first: 1,
                second: 0,
            },
        );
        expect(
            &anomalies,
            &CopyAnomaly::Unwritten {
                value: "0:5:77".to_owned(),
            },
        );
    }

    fn seen(member: &str, offset: i64) -> Seen {
        Seen {
            member: member.to_owned(),
            partition: 0,
            offset,
            value: format!("v{offset}"),
        }
    }

    #[test]
    fn group_that_reads_everything_once_or_more_has_no_anomaly() {
        let (source, ..) = sound();
        let members = (0..4)
            .map(|offset| seen("a", offset))
            .chain((2..6).map(|offset| seen("b", offset)));
        assert_eq!(check_group(&source, &members.collect::<Vec<_>>()), []);
    }

    #[test]
    fn planted_gap_wrong_value_and_step_back_of_a_group_are_found() {
        let (source, ..) = sound();
        let mut members: Vec<Seen> = (0..5).map(|offset| seen("a", offset)).collect();
        members.push(seen("a", 3));
        members[1].value = "other".to_owned();
        let anomalies = check_group(&source, &members);
        expect(&anomalies, &CopyAnomaly::Unread { source: (0, 5) });
        expect(
            &anomalies,
            &CopyAnomaly::ReadOtherwise {
                source: (0, 1),
                value: "other".to_owned(),
            },
        );
        let member = "a".to_owned();
        expect(
            &anomalies,
            &CopyAnomaly::WentBack {
                member,
                partition: 0,
                from: 4,
                to: 3,
            },
        );
    }
}
