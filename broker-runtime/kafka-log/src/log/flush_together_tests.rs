//! New logs that are flushed together, and the power fails or the disk does.

use std::{path::Path, sync::Arc};

use crate::{
    Log, LogDir, LogError,
    storage::FaultyDisk,
    testing::{TOPIC_ID, append, identity, read_all, small},
};

fn new_logs(disk: &FaultyDisk, path: &Path) -> (LogDir, Vec<Arc<Log>>) {
    let (dir, _) = LogDir::open_on(Arc::new(disk.clone()), path, identity()).unwrap();
    let logs = (0..5).map(|partition| dir.create_log("topic", TOPIC_ID, partition, small()).unwrap());
    let logs: Vec<_> = logs.collect();
    for log in &logs {
        append(log, "a").unwrap();
    }
    (dir, logs)
}

fn flush_all(logs: &[Arc<Log>]) -> Vec<Result<i64, LogError>> {
    Log::flush_together(&logs.iter().map(|log| &**log).collect::<Vec<_>>())
}

#[test]
fn new_logs_are_flushed_with_one_call_and_survive_a_power_failure() {
    let folder = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let (dir, logs) = new_logs(&disk, folder.path());
    assert!(logs.iter().all(|log| log.is_unsettled()));
    let syncs = disk.syncs();
    for outcome in flush_all(&logs) {
        assert_eq!(outcome.unwrap(), 1);
    }
    assert_eq!(disk.syncs(), syncs + 1);
    assert!(logs.iter().all(|log| log.flushed_offset() == 1 && !log.is_unsettled()));
    append(&logs[0], "b").unwrap();
    logs[0].flush().unwrap();
    assert_eq!(disk.syncs(), syncs + 2, "what is on the medium is not written again");
    drop((logs, dir));
    disk.lose_unsynced();
    let (dir, found) = LogDir::open_on(Arc::new(disk), folder.path(), identity()).unwrap();
    assert_eq!(found.len(), 5);
    for found in &found {
        assert_eq!(found.topic_id, Some(TOPIC_ID));
        let log = dir.load_log(found, small()).unwrap();
        assert_eq!(read_all(&log)[0], (0, "a".to_owned()));
    }
}

#[test]
fn new_logs_are_flushed_one_by_one_where_the_whole_disk_cannot_be() {
    let folder = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let (dir, logs) = new_logs(&disk, folder.path());
    disk.fail_whole_syncs();
    for outcome in flush_all(&logs[..3]) {
        assert_eq!(outcome.unwrap(), 1);
    }
    // A failure of the disk's is each log's own.
    disk.fail_syncs();
    let outcomes = flush_all(&logs[3..]);
    assert!(
        outcomes.iter().all(|it| matches!(it, Err(LogError::Storage { .. }))),
        "{outcomes:?}"
    );
    assert!(logs[3].is_offline() && logs[3].flushed_offset() == 0);
    drop((logs, dir));
    disk.lose_unsynced();
    let (dir, found) = LogDir::open_on(Arc::new(FaultyDisk::default()), folder.path(), identity()).unwrap();
    let flushed: Vec<_> = found.iter().filter(|it| it.partition < 3).collect();
    assert_eq!(flushed.len(), 3);
    for found in flushed {
        assert_eq!(read_all(&dir.load_log(found, small()).unwrap()).len(), 1);
    }
}
