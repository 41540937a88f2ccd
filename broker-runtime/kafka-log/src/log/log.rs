//! The state of a log. Appends are serialised by the writer lock; flushing and cutting exclude each other by the
//! flushing lock, which is taken first. Readers take neither: they look at offsets that are published after the bytes.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
};

use parking_lot::{Mutex, RwLock};
use uuid::Uuid;

use super::flush_together::SyncTogether;
use crate::{
    LogConfig, LogError, ProducerInfo, deleted::Deleted, leader_epochs::LeaderEpochs, producers::ProducerStates,
    segment::Segment, storage::Storage,
};

/// The segments of a log by base offset; never empty, the last one is active.
pub(super) type Segments = Arc<Vec<Arc<Segment>>>;

/// Which partition a log is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogIdentity {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) topic_id: Option<Uuid>,
}

/// Where a log's directory keeps the offsets below which recovery trusts the disk.
pub(crate) trait RecoveryPoints: std::fmt::Debug + Send + Sync {
    /// The log is about to be cut off at `offset`: what is appended after it is not on the medium yet. After an error nothing has
    /// changed.
    fn lower(&self, identity: &LogIdentity, offset: i64) -> io::Result<()>;
}

/// One partition's log.
#[derive(Debug)]
pub struct Log {
    pub(super) identity: LogIdentity,
    pub(super) directory: PathBuf,
    pub(super) storage: Arc<dyn Storage>,
    pub(super) recovery_points: Arc<dyn RecoveryPoints>,
    /// Shared by the logs of a directory.
    pub(super) together: Arc<SyncTogether>,
    /// It was made by this process: there was nothing of it on the medium.
    pub(super) is_new: bool,
    pub(super) deleted: Arc<Deleted>,
    pub(super) config: RwLock<Arc<LogConfig>>,
    pub(super) writer: Mutex<ProducerStates>,
    pub(super) flushing: Mutex<()>,
    pub(super) segments: RwLock<Segments>,
    pub(super) epochs: Mutex<LeaderEpochs>,
    pub(super) log_start_offset: AtomicI64,
    pub(super) log_end_offset: AtomicI64,
    pub(super) flushed_offset: AtomicI64,
    /// Base offset of the first segment whose end was cut off and is not yet cut on the medium; `i64::MAX` for none.
    pub(super) unsettled_cut: AtomicI64,
    pub(super) high_watermark: AtomicI64,
    /// The first offset of which it is not decided, or not known to all replicas, whether it counts; `i64::MAX` for none.
    pub(super) first_unstable_offset: AtomicI64,
    /// The first marker that the high watermark has not passed; `i64::MAX` for none.
    pub(super) first_uncommitted_marker: AtomicI64,
    /// Offset of the newest producer snapshot.
    pub(super) snapshot_offset: AtomicI64,
    /// The directory's own name and `partition.metadata` are on the medium.
    pub(super) directory_settled: AtomicBool,
    /// Everything below has been compacted: each key was looked for. Not kept over a restart.
    pub(super) cleaned_offset: AtomicI64,
    /// How often the log was cut off at its end: segments that are read to be compacted may be others than they were.
    pub(super) cuts: AtomicU64,
    /// Held by who compacts.
    pub(super) compacting: Mutex<()>,
    /// Shared with the records that readers have found in its files.
    pub(super) offline: Arc<AtomicBool>,
    /// Closed in good order.
    pub(super) closed: AtomicBool,
}

impl Log {
    /// Its topic.
    pub fn topic(&self) -> &str {
        &self.identity.topic
    }

    /// Its partition.
    pub fn partition(&self) -> i32 {
        self.identity.partition
    }

    /// Id of its topic, if that is known.
    pub fn topic_id(&self) -> Option<Uuid> {
        self.identity.topic_id
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.directory
    }

    /// Offset of the first record that may be read.
    pub fn log_start_offset(&self) -> i64 {
        self.log_start_offset.load(Ordering::Acquire)
    }

    /// Offset the next record will have.
    pub fn log_end_offset(&self) -> i64 {
        self.log_end_offset.load(Ordering::Acquire)
    }

    /// Everything below is on the medium.
    pub fn flushed_offset(&self) -> i64 {
        self.flushed_offset.load(Ordering::Acquire)
    }

    /// Segments that end below are on the medium as they are, and nothing else is in them: a restart may trust them.
    pub(crate) fn recovery_point(&self) -> i64 {
        self.flushed_offset().min(self.unsettled_cut.load(Ordering::Acquire))
    }

    /// Everything below `end_offset` is on the medium, and so is every cut. For who has the flushing lock.
    pub(super) fn note_flushed(&self, end_offset: i64) {
        self.flushed_offset.fetch_max(end_offset, Ordering::AcqRel);
        self.unsettled_cut.store(i64::MAX, Ordering::Release);
    }

    /// Offsets between [`Log::flushed_offset`] and the end.
    pub fn unflushed_records(&self) -> i64 {
        self.log_end_offset().saturating_sub(self.flushed_offset()).max(0)
    }

    /// The high watermark last told; after a restart that of the checkpoint.
    pub fn high_watermark(&self) -> i64 {
        self.high_watermark.load(Ordering::Acquire)
    }

    /// Notes the high watermark: retention stays below it, and [`LogDir::checkpoint`](crate::LogDir::checkpoint) keeps it.
    pub fn set_high_watermark(&self, high_watermark: i64) {
        self.high_watermark.store(high_watermark, Ordering::Release);
        if high_watermark > self.first_uncommitted_marker.load(Ordering::Acquire) {
            self.pass_markers(high_watermark);
        }
    }

    /// Bytes of all segments.
    pub fn size_in_bytes(&self) -> u64 {
        self.segments().iter().map(|segment| segment.size()).sum()
    }

    /// Number of segments.
    pub fn segment_count(&self) -> usize {
        self.segments().len()
    }

    /// Takes a new configuration; it holds from the next append on.
    pub fn configure(&self, config: LogConfig) {
        *self.config.write() = Arc::new(config);
    }

    /// The configuration.
    pub fn config(&self) -> Arc<LogConfig> {
        Arc::clone(&self.config.read())
    }

    /// There is a batch or a marker of this producer in what the log knows of producers.
    pub fn has_producer(&self, producer_id: i64) -> bool {
        self.writer.lock().has_producer(producer_id)
    }

    /// Idempotent producers known to the log, by id.
    pub fn producers(&self) -> Vec<ProducerInfo> {
        self.writer.lock().infos()
    }

    /// True once the disk failed or the log was closed: nothing but offsets can be had from it any more.
    pub fn is_offline(&self) -> bool {
        self.offline.load(Ordering::Acquire)
    }

    pub(super) fn segments(&self) -> Segments {
        Arc::clone(&self.segments.read())
    }

    pub(super) fn active(&self) -> Arc<Segment> {
        Arc::clone(self.segments.read().last().expect("a log has at least one segment"))
    }

    pub(super) fn expect_online(&self) -> Result<(), LogError> {
        if self.is_offline() {
            Err(LogError::Offline(self.directory.clone()))
        } else {
            Ok(())
        }
    }

    pub(crate) fn take_offline(&self) {
        self.offline.store(true, Ordering::Release);
    }

    /// Takes the log offline for good. Nobody makes, renames or writes files in its directory any more when this returns: the
    /// name of the directory may be another log's at once.
    pub(crate) fn retire(&self) {
        self.take_offline();
        drop((self.flushing.lock(), self.writer.lock()));
    }

    /// Makes the files of a segment that is to take the place of others, in a log that has not retired.
    pub(super) fn create_cleaned(&self, base_offset: i64) -> io::Result<Segment> {
        let _flushing = self.flushing.lock();
        self.expect_online().map_err(io::Error::other)?;
        Segment::cleaned(Arc::clone(&self.storage), &self.directory, base_offset)
    }

    /// The disk failed. A full one is the only failure a log survives.
    pub(super) fn failed(&self, source: io::Error) -> LogError {
        let error = LogError::storage(&self.directory, source);
        if error.is_fatal() {
            self.take_offline();
        } else {
            self.deleted.make_room();
        }
        error
    }

    /// Writes the epochs to their file if they have changed, or if it has to be on the medium and may not be.
    pub(super) fn store_epochs(&self, sync: bool) -> io::Result<()> {
        let mut epochs = self.epochs.lock();
        let Some(text) = epochs.take_changes(sync) else {
            return Ok(());
        };
        let path = self.directory.join(crate::leader_epochs::FILE_NAME);
        let stored = crate::checkpoint::replace_file(&*self.storage, &path, text.as_bytes(), sync);
        if stored.is_err() {
            epochs.mark_changed();
        }
        stored
    }
}
