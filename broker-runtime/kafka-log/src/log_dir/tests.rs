//! Whose a directory is, what is found in it, and what a restart remembers.

use std::{fs, path::Path, sync::Arc, thread};

use uuid::Uuid;

use crate::{
    FoundPartition, Log, LogConfig, LogDir, LogDirConfig, LogDirError,
    storage::{DATA_KEY_BYTES, DataKey, FaultyDisk},
    testing::{NOW_MS, TOPIC_ID, append, data_key, identity, read_all},
};

fn open(path: &Path) -> (LogDir, Vec<FoundPartition>) {
    LogDir::open(path, identity()).unwrap()
}

fn create(dir: &LogDir, topic: &str, partition: i32) -> Arc<Log> {
    dir.create_log(topic, TOPIC_ID, partition, LogConfig::default())
        .unwrap()
}

fn names(found: &[FoundPartition]) -> Vec<(&str, i32)> {
    let mut names: Vec<_> = found.iter().map(|it| (it.topic.as_str(), it.partition)).collect();
    names.sort_unstable();
    names
}

#[test]
fn a_directory_is_used_by_one_process_at_a_time() {
    let path = tempfile::tempdir().unwrap();
    let (dir, _) = open(path.path());
    assert!(matches!(
        LogDir::open(path.path(), identity()),
        Err(LogDirError::Locked(_))
    ));
    drop(dir);
    open(path.path());
}

#[test]
fn the_directory_of_another_cluster_or_broker_is_refused() {
    let path = tempfile::tempdir().unwrap();
    let directory_id = open(path.path()).0.directory_id();
    assert_eq!(open(path.path()).0.directory_id(), directory_id);
    let others = [
        (
            "cluster.id",
            LogDirConfig {
                cluster_id: "another".to_owned(),
                ..identity()
            },
        ),
        (
            "node.id",
            LogDirConfig {
                node_id: 2,
                ..identity()
            },
        ),
    ];
    for (wrong, other) in others {
        match LogDir::open(path.path(), other) {
            Err(LogDirError::WrongIdentity { property, .. }) => assert_eq!(property, wrong),
            result => panic!("{wrong}: {result:?}"),
        }
    }
    fs::write(path.path().join("meta.properties"), "version=1\n").unwrap();
    assert!(matches!(
        LogDir::open(path.path(), identity()),
        Err(LogDirError::Malformed { .. })
    ));
}

#[test]
fn an_encrypted_directory_is_opened_with_its_key_only() {
    let path = tempfile::tempdir().unwrap();
    let with = |key: Option<DataKey>| LogDirConfig {
        data_key: key,
        ..identity()
    };
    // One that was in use before it got its key.
    let (dir, _) = open(path.path());
    let log = create(&dir, "orders", 0);
    append(&log, "before").unwrap();
    drop((log, dir));
    let (dir, found) = LogDir::open(path.path(), with(Some(data_key()))).unwrap();
    let log = dir.load_log(&found[0], LogConfig::default()).unwrap();
    append(&log, "behind").unwrap();
    append(&create(&dir, "secrets", 0), "marker").unwrap();
    assert_eq!(read_all(&log), [(0, "before".to_owned()), (1, "behind".to_owned())]);
    drop((log, dir));
    let segment = fs::read(path.path().join("secrets-0/00000000000000000000.log")).unwrap();
    assert!(segment.len() > 60 && !segment.windows(6).any(|window| window == b"marker"));

    let identity = fs::read_to_string(path.path().join("meta.properties")).unwrap();
    assert!(
        identity.contains("version=1-encrypted"),
        "Apache Kafka keeps away from it: {identity}"
    );
    let other = DataKey::new([9; DATA_KEY_BYTES]);
    match LogDir::open(path.path(), with(None)) {
        Err(LogDirError::KeyMissing(found)) => assert_eq!(found, path.path()),
        result => panic!("{result:?}"),
    }
    match LogDir::open(path.path(), with(Some(other.clone()))) {
        Err(LogDirError::WrongKey { found, given, .. }) => {
            assert_eq!((found, given), (data_key().fingerprint(), other.fingerprint()));
        }
        result => panic!("{result:?}"),
    }
    let (dir, found) = LogDir::open(path.path(), with(Some(data_key()))).unwrap();
    let read = |found| read_all(&dir.load_log(found, LogConfig::default()).unwrap());
    let values: Vec<_> = found.iter().map(read).collect();
    assert!(values.contains(&vec![(0, "marker".to_owned())]), "{values:?}");
}

#[test]
fn partitions_are_found_with_their_topic_ids() {
    let path = tempfile::tempdir().unwrap();
    let (dir, found) = open(path.path());
    assert_eq!(found, []);
    for (topic, partition) in [("orders", 0), ("orders", 11), ("a-b", 3)] {
        create(&dir, topic, partition);
    }
    drop(dir);
    fs::create_dir(path.path().join("lost+found")).unwrap();
    fs::create_dir(path.path().join("no partition-1x")).unwrap();
    fs::write(path.path().join("file-1"), "").unwrap();
    // Its metadata never reached the medium.
    fs::create_dir(path.path().join("torn-0")).unwrap();
    fs::write(path.path().join("torn-0/partition.metadata"), "version: 0\nto").unwrap();
    let (_dir, found) = open(path.path());
    assert_eq!(names(&found), [("a-b", 3), ("orders", 0), ("orders", 11), ("torn", 0)]);
    for partition in found {
        let expected = (partition.topic != "torn").then_some(TOPIC_ID);
        assert_eq!(partition.topic_id, expected, "{}", partition.topic);
    }
}

#[test]
fn what_cannot_be_a_partition_is_refused() {
    let path = tempfile::tempdir().unwrap();
    let (dir, _) = open(path.path());
    create(&dir, "orders", 0);
    let long = "x".repeat(250);
    for (topic, partition) in [
        ("", 0),
        ("..", 0),
        ("a/b", 0),
        (&*long, 0),
        ("orders", -1),
        ("orders", 0),
    ] {
        let result = dir.create_log(topic, TOPIC_ID, partition, LogConfig::default());
        assert!(matches!(result, Err(LogDirError::InvalidPartition { .. })), "{topic:?}");
    }
}

/// A full disk leaves nothing that would be in the way when there is room.
#[test]
fn a_partition_that_could_not_be_made_is_made_later() {
    let path = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let (dir, _) = LogDir::open_on(Arc::new(disk.clone()), path.path(), identity()).unwrap();
    disk.set_room(Some(10));
    let refused = dir.create_log("orders", TOPIC_ID, 0, LogConfig::default()).unwrap_err();
    assert!(refused.is_no_space(), "{refused:?}");
    disk.set_room(None);
    append(&create(&dir, "orders", 0), "a").unwrap();
}

#[test]
fn a_deleted_partition_is_gone_and_may_come_again() {
    let path = tempfile::tempdir().unwrap();
    let (dir, _) = open(path.path());
    let log = create(&dir, "orders", 0);
    append(&log, "old").unwrap();
    log.flush().unwrap();
    log.set_high_watermark(1);
    dir.checkpoint().unwrap();
    dir.delete_log(&log).unwrap();
    assert!(append(&log, "late").is_err());
    assert!(!log.path().exists());
    let log = create(&dir, "orders", 0);
    append(&log, "new").unwrap();
    assert_eq!(log.high_watermark(), 0, "the checkpoint was the old partition's");
    drop((log, dir));
    // A deletion that a crash has interrupted.
    fs::rename(
        path.path().join("orders-0"),
        path.path().join(format!("orders-0.{}-delete", Uuid::nil().simple())),
    )
    .unwrap();
    let (dir, found) = open(path.path());
    assert_eq!(found, []);
    let left: Vec<_> = fs::read_dir(path.path())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().path().is_dir())
        .collect();
    assert!(left.is_empty(), "{left:?}");
    drop(dir);
}

/// What was deleted has another name until it is removed, and the name may be used again at once.
#[test]
fn a_deleted_partition_stays_for_a_while_under_another_name() {
    let path = tempfile::tempdir().unwrap();
    let directories = || -> Vec<String> {
        let entries = fs::read_dir(path.path()).unwrap().map(Result::unwrap);
        let names = entries.filter(|entry| entry.path().is_dir());
        names.map(|entry| entry.file_name().into_string().unwrap()).collect()
    };
    let (dir, _) = open(path.path());
    for (value, due_ms) in [("old", 10), ("older", 20)] {
        let log = create(&dir, "orders", 0);
        append(&log, value).unwrap();
        dir.delete_log_until(&log, due_ms).unwrap();
        assert!(append(&log, "late").is_err());
    }
    let log = create(&dir, "orders", 0);
    append(&log, "new").unwrap();
    let left = directories();
    let deleted = left
        .iter()
        .filter(|name| name.starts_with("orders-0.") && name.ends_with("-delete"));
    assert_eq!((deleted.count(), left.len()), (2, 3), "{left:?}");
    assert_eq!((dir.remove_deleted(9), dir.remove_deleted(10)), (0, 1));
    assert_eq!(directories().len(), 2);
    assert_eq!(read_all(&log), [(0, "new".to_owned())]);
    drop((log, dir));
    let (_dir, found) = open(path.path());
    assert_eq!(names(&found), [("orders", 0)]);
    assert_eq!(directories(), ["orders-0"], "the next start does not wait");
}

/// The one that is deleted is being flushed, or gets another record, while the next one of its name is made.
#[test]
fn two_lives_of_a_partition_do_not_meet() {
    let path = tempfile::tempdir().unwrap();
    let (dir, _) = open(path.path());
    let mut old = create(&dir, "orders", 0);
    for epoch in 0..40 {
        old.begin_leader_epoch(epoch, old.log_end_offset()).unwrap();
        append(&old, "old").unwrap();
        let flushed = Arc::clone(&old);
        let written = Arc::clone(&old);
        let threads = [
            thread::spawn(move || drop(flushed.flush())),
            thread::spawn(move || while append(&written, "late").is_ok() {}),
        ];
        dir.delete_log(&old).unwrap();
        let new = create(&dir, "orders", 0);
        new.begin_leader_epoch(epoch, 0).unwrap();
        append(&new, "new").unwrap();
        new.flush().unwrap();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(read_all(&new), [(0, "new".to_owned())], "in life {epoch}");
        let files = fs::read_dir(new.path()).unwrap().count();
        assert_eq!(
            files, 3,
            "the segment, the epochs and the id of the topic, in life {epoch}"
        );
        old = new;
    }
}

#[test]
fn a_partition_nobody_wants_can_be_deleted_unopened() {
    let path = tempfile::tempdir().unwrap();
    let (dir, _) = open(path.path());
    create(&dir, "gone", 0);
    drop(dir);
    let (dir, found) = open(path.path());
    dir.delete_found(&found[0]).unwrap();
    dir.delete_found(&found[0]).unwrap();
    drop(dir);
    assert_eq!(open(path.path()).1, []);
}

#[test]
fn checkpoints_are_remembered_and_have_kafkas_layout() {
    let path = tempfile::tempdir().unwrap();
    let (dir, _) = open(path.path());
    let log = create(&dir, "orders", 2);
    for value in ["a", "b", "c"] {
        append(&log, value).unwrap();
    }
    log.flush().unwrap();
    log.set_high_watermark(2);
    log.advance_log_start_offset(1).unwrap();
    dir.checkpoint().unwrap();
    for (file, offset) in [
        ("recovery-point-offset-checkpoint", 3),
        ("replication-offset-checkpoint", 2),
        ("log-start-offset-checkpoint", 1),
    ] {
        let content = fs::read_to_string(path.path().join(file)).unwrap();
        assert_eq!(content, format!("0\n1\norders 2 {offset}\n"), "{file}");
    }
    drop((log, dir));
    let (dir, found) = open(path.path());
    assert!(!dir.was_clean());
    assert_eq!(dir.checkpointed_high_watermarks()[&("orders".to_owned(), 2)], 2);
    let log = dir.load_log(&found[0], LogConfig::default()).unwrap();
    assert_eq!((log.log_start_offset(), log.high_watermark()), (1, 2));
    assert_eq!(read_all(&log).len(), 2);
}

#[test]
fn the_marker_of_a_clean_shutdown_holds_for_one_start() {
    let path = tempfile::tempdir().unwrap();
    let (dir, _) = open(path.path());
    let log = create(&dir, "orders", 0);
    append(&log, "a").unwrap();
    dir.clean_shutdown(NOW_MS).unwrap();
    assert_eq!(log.flushed_offset(), 1);
    drop((log, dir));
    for clean in [true, false] {
        let (dir, found) = open(path.path());
        assert_eq!(dir.was_clean(), clean);
        let log = dir.load_log(&found[0], LogConfig::default()).unwrap();
        assert_eq!(read_all(&log).len(), 1);
    }
}

#[test]
fn a_damaged_checkpoint_is_reported_with_its_path() {
    let path = tempfile::tempdir().unwrap();
    open(path.path());
    fs::write(path.path().join("replication-offset-checkpoint"), "0\n2\norders 0 5\n").unwrap();
    match LogDir::open(path.path(), identity()) {
        Err(LogDirError::Malformed { path, .. }) => assert!(path.ends_with("replication-offset-checkpoint")),
        result => panic!("{result:?}"),
    }
}
