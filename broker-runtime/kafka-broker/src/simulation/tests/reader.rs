//! Reads the logs of a simulation: as they are, and as a consumer of committed records sees them.

use std::collections::BTreeSet;

use anyhow::{Context, Result, anyhow};
use kafka_codec::record_batch::{EndTransactionMarker, batches};
use kafka_log::Records;

use crate::partition::{Partition, ReadBound};

/// Bytes that are read at a time.
const READ_BYTES: usize = 700;
/// Records of a batch, decompressed.
const BATCH_BYTES_MAX: usize = 1 << 20;

/// A record in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) offset: i64,
    pub(super) leader_epoch: i32,
    pub(super) producer_id: i64,
    /// What the producer wrote; `commit` and `abort` for markers.
    pub(super) text: String,
    pub(super) is_control: bool,
    pub(super) is_transactional: bool,
}

fn lines(bytes: &[u8]) -> Result<Vec<Line>> {
    let mut found = Vec::new();
    for batch in batches(bytes) {
        let batch = batch?;
        batch.verify_crc()?;
        let header = *batch.header();
        let marker = EndTransactionMarker::of(&batch);
        for record in batch.records(BATCH_BYTES_MAX)?.iter() {
            let record = record?;
            let text = match marker {
                Some(marker) => if marker.committed { "commit" } else { "abort" }.to_owned(),
                None => String::from_utf8(record.value.context("a record has a value")?.to_vec())?,
            };
            found.push(Line {
                offset: record.offset,
                leader_epoch: header.partition_leader_epoch,
                producer_id: header.producer_id,
                text,
                is_control: header.is_control(),
                is_transactional: header.is_transactional(),
            });
        }
    }
    Ok(found)
}

/// Everything from `from` up to `end`, whatever the bound of readers is.
pub(super) fn read(partition: &Partition, from: i64, end: i64) -> Result<Vec<Line>> {
    let mut found: Vec<Line> = Vec::new();
    let mut offset = from;
    while offset < end {
        let bytes = partition.read(offset, READ_BYTES, ReadBound::LogEnd)?;
        let read = lines(&bytes)?;
        let last = read
            .last()
            .with_context(|| format!("nothing at {offset}, before the end {end}"))?;
        let (next, begin) = (last.offset + 1, offset);
        found.extend(read.into_iter().filter(|line| (begin..end).contains(&line.offset)));
        offset = next;
    }
    Ok(found)
}

/// What a consumer with `isolation.level=read_committed` sees from `from` on, and where it stops.
pub(super) fn read_committed(partition: &Partition, from: i64, bound: ReadBound) -> Result<(Vec<Line>, i64)> {
    let mut seen = Vec::new();
    let mut offset = from;
    let end = partition.end(bound);
    let mut ignored: BTreeSet<i64> = BTreeSet::new();
    while offset < end {
        let bytes = partition.read(offset, READ_BYTES, bound)?;
        let mut aborted = partition.aborted_in(offset, &Records::InMemory(bytes.clone()));
        aborted.sort_by_key(|it| std::cmp::Reverse(it.first_offset));
        let read = lines(&bytes)?;
        if read.is_empty() {
            return Err(anyhow!("nothing at {offset}, before the end {end}"));
        }
        let begin = offset;
        for line in read {
            while aborted.last().is_some_and(|it| it.first_offset <= line.offset) {
                ignored.extend(aborted.pop().map(|it| it.producer_id));
            }
            offset = line.offset + 1;
            if line.is_control {
                if line.text == "abort" {
                    ignored.remove(&line.producer_id);
                }
            } else if line.offset >= begin && !(line.is_transactional && ignored.contains(&line.producer_id)) {
                seen.push(line);
            }
        }
    }
    Ok((seen, offset))
}
