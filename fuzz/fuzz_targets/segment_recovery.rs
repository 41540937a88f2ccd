//! A log directory after a crash: any bytes in a segment, its indexes, the producer snapshot and the epochs. It opens, what is read
//! is whole batches, and a second start finds the same.
#![no_main]

use std::fs;

use kafka_codec::record_batch::batches;
use kafka_log::{LogConfig, LogDir, LogDirConfig};
use libfuzzer_sys::fuzz_target;
use uuid::Uuid;

const FILES: [&str; 6] = [
    "00000000000000000000.log",
    "00000000000000000000.index",
    "00000000000000000000.timeindex",
    "00000000000000000000.txnindex",
    "00000000000000000000.snapshot",
    "leader-epoch-checkpoint",
];

fn config() -> LogDirConfig {
    LogDirConfig {
        cluster_id: "cluster".to_owned(),
        node_id: 1,
        directory_id: None,
        data_key: None,
    }
}

fuzz_target!(|input: &[u8]| {
    // The first bytes say how long each file is; the segment has the rest.
    let Some((lengths, mut rest)) = input.split_at_checked(FILES.len() - 1) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (dir, _) = LogDir::open(folder.path(), config()).unwrap();
    drop(dir.create_log("orders", Uuid::from_u128(7), 0, LogConfig::default()).unwrap());
    drop(dir);
    let partition = folder.path().join("orders-0");
    for (name, length) in FILES[1..].iter().zip(lengths) {
        let (content, after) = rest.split_at(usize::from(*length).min(rest.len()));
        rest = after;
        if *length > 0 {
            fs::write(partition.join(name), content).unwrap();
        }
    }
    fs::write(partition.join(FILES[0]), rest).unwrap();
    let read = || {
        let (dir, found) = LogDir::open(folder.path(), config()).unwrap();
        let log = dir.load_log(&found[0], LogConfig::default()).ok()?;
        let (start, end) = (log.log_start_offset(), log.log_end_offset());
        let bytes = if end > start { log.read(start, usize::MAX >> 1, end, true).ok()? } else { Default::default() };
        assert!(batches(&bytes).all(|batch| batch.is_ok_and(|batch| batch.verify_crc().is_ok())));
        Some((end, bytes))
    };
    let first = read();
    assert_eq!(first, read(), "a second start finds something else");
});
