//! What the tests of logs and of log directories share.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use kafka_codec::record_batch::{RecordBatchBuilder, batches};
use uuid::Uuid;

use crate::{
    AppendInfo, AppendOrigin, LeaderAppend, Log, LogConfig, LogDir, LogDirConfig, LogError,
    storage::{DATA_KEY_BYTES, DataKey, EncryptedStorage, Storage},
};

pub(crate) const TOPIC_ID: Uuid = Uuid::from_u128(7);
/// The time of all appends, milliseconds.
pub(crate) const NOW_MS: i64 = 1_700_000_000_000;
/// When nobody sends again what was appended at [`NOW_MS`].
pub(crate) const QUIET_MS: i64 = NOW_MS + 60 * 60 * 1000;

pub(crate) fn identity() -> LogDirConfig {
    LogDirConfig {
        cluster_id: "cluster".to_owned(),
        node_id: 1,
        directory_id: None,
        data_key: None,
    }
}

pub(crate) fn data_key() -> DataKey {
    let mut key = [7; DATA_KEY_BYTES];
    key[0] = 1;
    DataKey::new(key)
}

/// The same file system, encrypted or not.
pub(crate) fn maybe_encrypted(storage: Arc<dyn Storage>, encrypted: bool) -> Arc<dyn Storage> {
    if encrypted {
        Arc::new(EncryptedStorage::new(storage, &data_key()))
    } else {
        storage
    }
}

/// Small segments and dense indexes, so that a few records use all of them.
pub(crate) fn small() -> LogConfig {
    LogConfig {
        segment_bytes: 600,
        index_interval_bytes: 100,
        ..LogConfig::default()
    }
}

/// A directory with one log in it, as after a start of the broker.
pub(crate) struct Opened {
    pub(crate) dir: LogDir,
    pub(crate) log: Arc<Log>,
}

/// Opens the directory and its only log; makes what is missing.
pub(crate) fn open(storage: Arc<dyn Storage>, path: &Path, config: LogConfig) -> Opened {
    let (dir, found) = LogDir::open_on(storage, path, identity()).unwrap();
    let log = match found.as_slice() {
        [] => dir.create_log("topic", TOPIC_ID, 0, config).unwrap(),
        [found] => dir.load_log(found, config).unwrap(),
        more => panic!("{} partitions", more.len()),
    };
    Opened { dir, log }
}

pub(crate) fn as_leader(leader_epoch: i32) -> LeaderAppend {
    LeaderAppend {
        leader_epoch,
        origin: AppendOrigin::Client,
        now_ms: NOW_MS,
        guard: None,
    }
}

/// A batch of one record a value.
pub(crate) fn batch<'a>(values: impl IntoIterator<Item = &'a str>) -> RecordBatchBuilder {
    let mut batch = RecordBatchBuilder::new();
    for value in values {
        batch.append(NOW_MS, None, Some(value.as_bytes()), &[]);
    }
    batch
}

pub(crate) fn bytes(batch: RecordBatchBuilder) -> Bytes {
    batch.build().unwrap().freeze()
}

/// Appends one record.
pub(crate) fn append(log: &Log, value: &str) -> Result<AppendInfo, LogError> {
    log.append_as_leader(bytes(batch([value])), as_leader(0))
}

/// Everything in the log from `offset` on, read in small pieces: offsets and values.
pub(crate) fn read_from(log: &Log, offset: i64) -> Vec<(i64, String)> {
    let mut records = Vec::new();
    let mut next = offset;
    while next < log.log_end_offset() {
        let chunk = log.read(next, 200, log.log_end_offset(), true).unwrap();
        assert!(!chunk.is_empty(), "nothing at {next} of {}", log.log_end_offset());
        for batch in batches(&chunk) {
            let batch = batch.unwrap();
            batch.verify_crc().unwrap();
            let header = *batch.header();
            for record in &batch.records(usize::MAX).unwrap() {
                let record = record.unwrap();
                if record.offset >= next {
                    records.push((
                        record.offset,
                        String::from_utf8(record.value.unwrap().to_vec()).unwrap(),
                    ));
                }
            }
            next = header.next_offset();
        }
    }
    records
}

/// [`read_from`] the start of the log.
pub(crate) fn read_all(log: &Log) -> Vec<(i64, String)> {
    read_from(log, log.log_start_offset())
}
