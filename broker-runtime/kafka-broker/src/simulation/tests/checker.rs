//! What must never happen in a simulation. The checker remembers what anybody was ever told, and compares.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Result, ensure};
use kafka_metadata::{BrokerId, MetadataImage};

use super::{
    node::{Node, TOPIC},
    reader::{Line, read, read_committed},
};
use crate::partition::{Partition, ReadBound};

/// How a transaction was decided, by producer and number.
pub(super) type Decisions = HashMap<(i64, u32), bool>;

/// See the head of this file.
#[derive(Debug, Default)]
pub(super) struct Checker {
    /// What stood below a high watermark, by partition, from offset 0 on.
    committed: BTreeMap<i32, Vec<Line>>,
    /// Everything below was acknowledged with acks=all.
    acknowledged_end: BTreeMap<i32, i64>,
    /// Who has led, by partition and epoch.
    leaders: HashMap<(i32, i32), BrokerId>,
    /// Up to where a replica was compared, by process and partition.
    compared: HashMap<(BrokerId, u32, i32), i64>,
    /// The newest number of each producer in each partition.
    numbers: HashMap<(i32, i64), u32>,
}

impl Checker {
    pub(super) fn acknowledged(&mut self, index: i32, end: i64) {
        let known = self.acknowledged_end.entry(index).or_default();
        *known = end.max(*known);
    }

    pub(super) fn acknowledged_records(&self) -> i64 {
        self.acknowledged_end.values().sum()
    }

    /// After every step. Brokers that are `blank` have another disk and the controller does not know: it makes none of them lead
    /// before it does.
    pub(super) fn check(&mut self, nodes: &[Node], image: &MetadataImage, blank: &BTreeSet<BrokerId>) -> Result<()> {
        for node in nodes {
            let Some(process) = &node.process else { continue };
            for (&index, partition) in &process.partitions {
                self.check_leader(node.id, index, partition)?;
                self.compare(node, index, partition, partition.high_watermark())?;
            }
        }
        for (index, state) in (0..).zip(image.topics.get(TOPIC).into_iter().flat_map(|topic| &topic.partitions)) {
            let end = self.acknowledged_end.get(&index).copied().unwrap_or(0);
            ensure!(
                state.safe_replicas().any(|member| !blank.contains(&member)),
                "partition {index} has no replica that may lead: {state:?}"
            );
            ensure!(
                state.safe_replicas().all(|member| state.replicas.contains(&member)),
                "who may lead is no replica: {state:?}"
            );
            ensure!(
                state.leader.is_none_or(|leader| state.isr.contains(&leader)),
                "the leader is not in sync: {state:?}"
            );
            for member in state.safe_replicas().filter(|member| !blank.contains(member)) {
                let holder = nodes.iter().find(|node| node.id == member);
                let process = holder.and_then(|node| node.process.as_ref());
                let Some(held) = process.and_then(|process| process.partitions.get(&index)) else {
                    continue;
                };
                ensure!(
                    held.log_end_offset() >= end,
                    "{member} may lead and ends at {}, but {end} records of partition {index} were acknowledged: {state:?}",
                    held.log_end_offset()
                );
            }
        }
        Ok(())
    }

    fn check_leader(&mut self, id: BrokerId, index: i32, partition: &Partition) -> Result<()> {
        if partition.is_leader() {
            let epoch = partition.leader_epoch().0;
            let leader = *self.leaders.entry((index, epoch)).or_insert(id);
            ensure!(
                leader == id,
                "partition {index} has two leaders in epoch {epoch}: {leader} and {id}"
            );
        }
        Ok(())
    }

    /// What a replica has below `end` is what all others have there.
    fn compare(&mut self, node: &Node, index: i32, partition: &Partition, end: i64) -> Result<()> {
        let from = self.compared.entry((node.id, node.lives, index)).or_default();
        // A log may have been cut, or made anew.
        *from = (*from).min(partition.log_end_offset());
        let begin = std::mem::replace(from, end.max(*from));
        let known = self.committed.entry(index).or_default();
        for line in read(partition, begin.min(end), end)? {
            let at = usize::try_from(line.offset)?;
            if let Some(before) = known.get(at) {
                ensure!(
                    *before == line,
                    "partition {index} of {}: {line:?} stands where {before:?} was committed",
                    node.id
                );
                continue;
            }
            ensure!(
                at == known.len(),
                "partition {index} of {}: a gap in front of {line:?}",
                node.id
            );
            known.push(line.clone());
            if line.is_control {
                continue;
            }
            let text = &line.text;
            let mut parts = text.split('/').filter_map(|part| part.parse::<u32>().ok());
            let (producer_of_text, _, number) = (parts.next(), parts.next(), parts.next().unwrap_or(0));
            let key = (index, producer_of_text.map_or(line.producer_id, i64::from));
            let last = self.numbers.insert(key, number);
            // Records of a transaction that is aborted may be missing.
            let follows = match last {
                Some(last) if line.is_transactional => number > last,
                Some(last) => number == last + 1,
                None => number == 0 || line.is_transactional,
            };
            ensure!(
                follows,
                "partition {index}: record {text} is committed after number {last:?} of its producer"
            );
        }
        Ok(())
    }

    /// Everything that was ever committed stands in every log that is in sync, up to its acknowledged end.
    pub(super) fn check_whole_logs(
        &mut self,
        nodes: &[Node],
        image: &MetadataImage,
        blank: &BTreeSet<BrokerId>,
    ) -> Result<()> {
        self.compared.clear();
        self.check(nodes, image, blank)?;
        for (index, state) in (0..).zip(image.topics.get(TOPIC).into_iter().flat_map(|topic| &topic.partitions)) {
            let end = self.acknowledged_end.get(&index).copied().unwrap_or(0);
            for node in nodes
                .iter()
                .filter(|node| state.safe_replicas().any(|member| member == node.id) && !blank.contains(&node.id))
            {
                let held = node.process.as_ref().and_then(|process| process.partitions.get(&index));
                if let Some(held) = held {
                    self.compare(node, index, held, end)?;
                }
            }
        }
        Ok(())
    }

    /// Readers of committed records see what was decided to count, and nothing else.
    pub(super) fn check_readers(
        &self,
        partition: &Partition,
        from: i64,
        bound: ReadBound,
        decisions: &Decisions,
    ) -> Result<()> {
        let from = from.clamp(partition.log_start_offset(), partition.end(bound));
        let (seen, end) = read_committed(partition, from, bound)?;
        let expected: Vec<&Line> = self.committed[&partition.index]
            .iter()
            .filter(|line| (from..end).contains(&line.offset) && counts(line, decisions))
            .collect();
        ensure!(
            seen.iter().eq(expected.iter().copied()),
            "a reader of committed records of partition {} sees {:?} from {from} to {end}, not {:?}",
            partition.index,
            texts(&seen),
            texts(expected)
        );
        Ok(())
    }
}

fn texts<'a>(lines: impl IntoIterator<Item = &'a Line>) -> Vec<&'a str> {
    lines.into_iter().map(|line| line.text.as_str()).collect()
}

fn counts(line: &Line, decisions: &Decisions) -> bool {
    if line.is_control || !line.is_transactional {
        return !line.is_control;
    }
    let number = line.text.split('/').nth(1).and_then(|number| number.parse().ok());
    number.and_then(|number| decisions.get(&(line.producer_id, number))) == Some(&true)
}
