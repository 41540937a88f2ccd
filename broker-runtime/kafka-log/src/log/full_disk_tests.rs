//! What a log does when the disk is full, and when there is room again.

use std::{fs, sync::Arc};

use super::fault_tests::{open_maybe_encrypted, open_on};
use crate::{
    Log, LogConfig, LogError,
    storage::FaultyDisk,
    testing::{NOW_MS, append, open, read_all, small},
};

/// Whatever the write that fills the disk: the append is refused as a whole, and the log goes on when there is room.
#[test]
fn a_full_disk_refuses_and_goes_on_afterwards() {
    let rooms = (0..400).step_by(7);
    for (room, encrypted) in rooms.flat_map(|room| [(room, false), (room, true)]) {
        let dir = tempfile::tempdir().unwrap();
        let disk = FaultyDisk::default();
        let opened = open_maybe_encrypted(&disk, encrypted, dir.path());
        let mut stored = Vec::new();
        for offset in 0..6 {
            stored.push((
                offset,
                append(&opened.log, &format!("value-{offset}"))
                    .map(|_| format!("value-{offset}"))
                    .unwrap(),
            ));
        }
        disk.set_room(Some(room));
        let mut refused = 0;
        while refused < 3 {
            let value = format!("value-{}", opened.log.log_end_offset());
            match append(&opened.log, &value) {
                Ok(info) => stored.push((info.base_offset, value)),
                Err(LogError::NoSpace { .. }) => refused += 1,
                Err(error) => panic!("{room}: {error:?}"),
            }
        }
        assert_eq!(read_all(&opened.log), stored, "{room}");
        disk.set_room(None);
        let info = append(&opened.log, "room again").unwrap();
        stored.push((info.base_offset, "room again".to_owned()));
        assert_eq!(opened.log.flush().unwrap(), info.last_offset + 1);
        assert_eq!(read_all(&opened.log), stored, "{room}");
        drop(opened);
        assert_eq!(
            read_all(&open_maybe_encrypted(&disk, encrypted, dir.path()).log),
            stored,
            "{room}"
        );
    }
}

/// A cut has to be written down before it is made. Where there is no room for that, the log is as it was, and cut later.
#[test]
fn a_full_disk_puts_a_cut_off() {
    type Cut = fn(&Log) -> Result<(), LogError>;
    let cuts: [(Cut, i64); 3] = [
        (|log| log.truncate_to(7), 7),
        (|log| log.truncate_to(2), 2),
        (|log| log.truncate_fully_and_start_at(3), 3),
    ];
    for ((cut, end), room) in cuts.into_iter().flat_map(|cut| [(cut, 0), (cut, 5)]) {
        let dir = tempfile::tempdir().unwrap();
        let disk = FaultyDisk::default();
        let opened = open_on(&disk, dir.path());
        for offset in 0..20 {
            append(&opened.log, &format!("value-{offset}")).unwrap();
        }
        opened.log.flush().unwrap();
        opened.dir.checkpoint().unwrap();
        let before = read_all(&opened.log);
        disk.set_room(Some(room));
        for _ in 0..2 {
            let refused = cut(&opened.log).unwrap_err();
            assert!(matches!(refused, LogError::NoSpace { .. }), "{room}: {refused:?}");
            assert!(!opened.log.is_offline());
            assert_eq!(opened.log.flushed_offset(), 20);
            assert_eq!(read_all(&opened.log), before);
        }
        disk.set_room(None);
        cut(&opened.log).unwrap();
        assert_eq!(opened.log.log_end_offset(), end);
        let checkpoint = fs::read_to_string(dir.path().join("recovery-point-offset-checkpoint")).unwrap();
        let recovery_point: i64 = checkpoint.trim().rsplit(' ').next().unwrap().parse().unwrap();
        assert!(recovery_point <= end, "{room}: {checkpoint}");
        append(&opened.log, "room again").unwrap();
        assert_eq!(opened.log.flush().unwrap(), end + 1);
    }
}

/// What was deleted and is still there goes when its room is needed: the append that found none is refused, the next one is not.
#[test]
fn a_full_disk_takes_back_what_was_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let config = LogConfig {
        retention_bytes: Some(600),
        ..small()
    };
    let opened = open(Arc::new(disk.clone()), dir.path(), config);
    for offset in 0..40 {
        append(&opened.log, &format!("value-{offset}")).unwrap();
    }
    opened.log.flush().unwrap();
    opened.log.set_high_watermark(40);
    opened.log.apply_retention(NOW_MS).unwrap();
    let deleted = || {
        let files = fs::read_dir(opened.log.path())
            .unwrap()
            .map(|entry| entry.unwrap().path());
        files
            .filter(|path| path.extension().is_some_and(|extension| extension == "deleted"))
            .count()
    };
    assert!(deleted() > 4, "{}", deleted());
    disk.set_room(Some(0));
    let refused = append(&opened.log, "no room").unwrap_err();
    assert!(matches!(refused, LogError::NoSpace { .. }), "{refused:?}");
    assert_eq!(deleted(), 0);
    disk.set_room(None);
    append(&opened.log, "room again").unwrap();
    assert_eq!(opened.dir.remove_deleted(i64::MAX), 0);
}
