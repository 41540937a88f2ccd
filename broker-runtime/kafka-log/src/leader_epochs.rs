//! Which leader epoch began at which offset (KIP-101, `LeaderEpochFileCache`), kept in `leader-epoch-checkpoint`.

use std::ops::RangeInclusive;

use crate::checkpoint::{format_lines, parse_lines};

/// Name of the file.
pub(crate) const FILE_NAME: &str = "leader-epoch-checkpoint";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct EpochStart {
    epoch: i32,
    start_offset: i64,
}

/// Epochs and start offsets, both increasing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LeaderEpochs {
    entries: Vec<EpochStart>,
    /// Differs from the file.
    dirty: bool,
    /// The file may not be on the medium.
    unsynced: bool,
    /// How often the file was written.
    writes: u64,
}

impl LeaderEpochs {
    /// Notes that `epoch` begins at `start_offset`. Entries that contradict it are wrong and go: those of later epochs
    /// or offsets (`truncateFromEnd` of conflicting entries in Kafka).
    pub(crate) fn assign(&mut self, epoch: i32, start_offset: i64) {
        if epoch < 0 || self.latest().is_some_and(|latest| latest == epoch) {
            return;
        }
        self.entries
            .retain(|entry| entry.epoch < epoch && entry.start_offset < start_offset);
        self.entries.push(EpochStart { epoch, start_offset });
        self.dirty = true;
    }

    /// A batch of `epoch` with these offsets was found after a crash, where the file may be older than the log. It is believed where
    /// it does not contradict: it may know of batches that compaction has taken away.
    pub(crate) fn recover(&mut self, epoch: i32, offsets: RangeInclusive<i64>) {
        let contradicts = match (self.epoch_at(*offsets.start()), self.epoch_at(*offsets.end())) {
            (Some(first), last) => first != epoch || last != Some(epoch),
            // The log may have begun in the middle of the batch.
            (None, Some(last)) => last != epoch,
            // In front of all we know are records that were deleted; no later epoch is among them.
            (None, None) => self.entries.first().is_none_or(|first| first.epoch < epoch),
        };
        if epoch >= 0 && contradicts {
            let offset = *offsets.start();
            self.entries
                .retain(|entry| entry.epoch <= epoch && entry.start_offset < offset);
            self.dirty = true;
            self.assign(epoch, offset);
        }
    }

    pub(crate) fn latest(&self) -> Option<i32> {
        self.entries.last().map(|entry| entry.epoch)
    }

    /// The largest epoch not above `epoch`, and where it ends: where the next one starts, or the end of the log. As in
    /// `LeaderEpochFileCache.endOffsetFor`, an epoch above all we know has no answer, and one below all we know ends
    /// where the first one starts.
    pub(crate) fn end_offset(&self, epoch: i32, log_end_offset: i64) -> Option<(i32, i64)> {
        if self.latest()? == epoch {
            return Some((epoch, log_end_offset));
        }
        let next = self.entries.partition_point(|entry| entry.epoch <= epoch);
        let end = self.entries.get(next)?.start_offset;
        let found = self.entries[..next].last().map_or(epoch, |entry| entry.epoch);
        Some((found, end))
    }

    /// The epoch in which `offset` was appended.
    pub(crate) fn epoch_at(&self, offset: i64) -> Option<i32> {
        let next = self.entries.partition_point(|entry| entry.start_offset <= offset);
        self.entries[..next].last().map(|entry| entry.epoch)
    }

    /// The log was cut off at `end_offset`.
    pub(crate) fn truncate_from_end(&mut self, end_offset: i64) {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.start_offset < end_offset);
        self.dirty |= before != self.entries.len();
    }

    /// The log now begins at `start_offset`; the epoch in which that was appended begins there too.
    pub(crate) fn truncate_from_start(&mut self, start_offset: i64) {
        let gone = self.entries.partition_point(|entry| entry.start_offset <= start_offset);
        let Some(last_gone) = gone.checked_sub(1) else {
            return;
        };
        if last_gone == 0 && self.entries[0].start_offset == start_offset {
            return;
        }
        self.entries.drain(..last_gone);
        self.entries[0].start_offset = start_offset;
        self.dirty = true;
    }

    pub(crate) fn clear(&mut self) {
        self.dirty |= !self.entries.is_empty();
        self.entries.clear();
    }

    /// The content of the file, if it has to be written, to the medium where `sync` says so. What is given counts as written.
    pub(crate) fn take_changes(&mut self, sync: bool) -> Option<String> {
        let changed = self.dirty || (sync && self.unsynced);
        if !changed {
            return None;
        }
        self.dirty = false;
        self.unsynced = !sync;
        self.writes += 1;
        Some(format_lines(
            self.entries
                .iter()
                .map(|entry| format!("{} {}", entry.epoch, entry.start_offset)),
        ))
    }

    /// What [`LeaderEpochs::take_changes`] gave could not be written, or not to the medium.
    pub(crate) fn mark_changed(&mut self) {
        self.dirty = true;
    }

    /// The file may not be on the medium: it was written by a process that ended before it had flushed it.
    pub(crate) fn mark_unsynced(&mut self) {
        self.unsynced = true;
    }

    /// Tells the file as it is now from what it was and will be, for [`LeaderEpochs::mark_synced`].
    pub(crate) fn writes(&self) -> u64 {
        self.writes
    }

    /// The file that was there after so many writes is on the medium.
    pub(crate) fn mark_synced(&mut self, writes: u64) {
        self.unsynced &= self.writes != writes;
    }

    /// Reads the content of a file; an error says what is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut epochs = Self::default();
        for line in parse_lines(text)? {
            let entry = line
                .split_once(' ')
                .and_then(|(epoch, start)| epoch.parse().ok().zip(start.parse().ok()));
            let (epoch, start_offset) = entry.ok_or_else(|| format!("line {line:?} is no entry"))?;
            epochs.assign(epoch, start_offset);
        }
        epochs.dirty = false;
        Ok(epochs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epochs(entries: &[(i32, i64)]) -> LeaderEpochs {
        let mut epochs = LeaderEpochs::default();
        for (epoch, start) in entries {
            epochs.assign(*epoch, *start);
        }
        epochs
    }

    #[test]
    fn end_offset_is_the_start_of_the_next_epoch() {
        let epochs = epochs(&[(0, 0), (2, 10), (5, 30)]);
        assert_eq!(epochs.end_offset(0, 100), Some((0, 10)));
        assert_eq!(epochs.end_offset(1, 100), Some((0, 10)));
        assert_eq!(epochs.end_offset(2, 100), Some((2, 30)));
        assert_eq!(epochs.end_offset(5, 100), Some((5, 100)));
        assert_eq!(epochs.end_offset(9, 100), None);
        assert_eq!(super::tests::epochs(&[(3, 20)]).end_offset(1, 100), Some((1, 20)));
        assert_eq!(super::LeaderEpochs::default().end_offset(1, 100), None);
        assert_eq!(
            (epochs.epoch_at(9), epochs.epoch_at(10), epochs.epoch_at(99)),
            (Some(0), Some(2), Some(5))
        );
    }

    #[test]
    fn an_epoch_without_records_gives_way() {
        assert_eq!(epochs(&[(0, 0), (1, 10), (2, 10)]), epochs(&[(0, 0), (2, 10)]));
        // Another history of the same offsets wins over what we thought.
        assert_eq!(epochs(&[(0, 0), (3, 10), (4, 20), (5, 5)]), epochs(&[(0, 0), (5, 5)]));
    }

    #[test]
    fn recovery_believes_batches_more_than_the_file() {
        let recovered = |file: &[(i32, i64)], batches: &[(i32, i64)]| {
            let mut epochs = epochs(file);
            for (epoch, offset) in batches {
                epochs.recover(*epoch, *offset..=*offset + 1);
            }
            epochs
                .entries
                .iter()
                .map(|it| (it.epoch, it.start_offset))
                .collect::<Vec<_>>()
        };
        assert_eq!(recovered(&[], &[(0, 0), (0, 4), (2, 9)]), [(0, 0), (2, 9)]);
        // The log was cut off, and something else was appended.
        assert_eq!(
            recovered(&[(0, 0), (2, 10)], &[(0, 3), (1, 5), (3, 9)]),
            [(0, 0), (1, 5), (3, 9)]
        );
        assert_eq!(recovered(&[(0, 0), (1, 1)], &[(1, 0)]), [(1, 0)]);
        assert_eq!(recovered(&[(0, 0), (2, 10)], &[(0, 3), (0, 12)]), [(0, 0)]);
        // The first batch of an epoch was compacted away; records in front of the log start are there again.
        assert_eq!(recovered(&[(0, 0), (2, 10)], &[(0, 3), (2, 14)]), [(0, 0), (2, 10)]);
        assert_eq!(recovered(&[(2, 10)], &[(0, 3), (2, 10)]), [(2, 10)]);
        assert_eq!(recovered(&[(0, 0)], &[(-1, 3)]), [(0, 0)]);
        // The log began in the middle of a batch, and was cut off there; what was appended then is of a later epoch, or, where the
        // leader had another history, of an earlier one.
        assert_eq!(recovered(&[(0, 15)], &[(0, 9), (1, 12), (1, 14)]), [(1, 12)]);
        assert_eq!(recovered(&[(1, 15)], &[(0, 12), (0, 14)]), [(0, 14)]);
        assert_eq!(recovered(&[(1, 15)], &[(0, 12), (1, 14)]), [(1, 15)]);
    }

    #[test]
    fn truncation_at_both_ends() {
        let mut cache = epochs(&[(0, 0), (2, 10), (5, 30)]);
        cache.truncate_from_end(30);
        assert_eq!(cache.latest(), Some(2));
        cache.truncate_from_start(12);
        assert_eq!((cache.end_offset(2, 50), cache.epoch_at(11)), (Some((2, 50)), None));
        assert_eq!(cache.take_changes(true).as_deref(), Some("0\n1\n2 12\n"));
        assert_eq!(cache.take_changes(true), None);
        cache.truncate_from_start(12);
        assert_eq!(cache.take_changes(true), None);
    }

    #[test]
    fn what_is_written_and_not_on_the_medium_is_written_again() {
        let mut cache = epochs(&[(0, 0)]);
        assert!(cache.take_changes(false).is_some());
        assert_eq!(cache.take_changes(false), None);
        assert_eq!(cache.take_changes(true).as_deref(), Some("0\n1\n0 0\n"));
        assert_eq!(cache.take_changes(true), None);
        cache.mark_changed();
        assert!(cache.take_changes(false).is_some());
        let writes = cache.writes();
        cache.mark_synced(writes - 1);
        assert!(cache.take_changes(true).is_some(), "another file was on the medium");
        cache.mark_changed();
        assert!(cache.take_changes(false).is_some());
        cache.mark_synced(writes + 2);
        assert_eq!(cache.take_changes(true), None);
    }

    #[test]
    fn file_makes_the_round_trip() {
        let mut cache = epochs(&[(0, 0), (2, 10)]);
        let text = cache.take_changes(true).unwrap();
        assert_eq!(LeaderEpochs::parse(&text).unwrap().entries, cache.entries);
        for text in ["", "0\n1\nx y\n", "0\n2\n1 1\n"] {
            assert!(LeaderEpochs::parse(text).is_err(), "{text:?}");
        }
    }
}
