//! Records of a producer: batches, their checksums, and what is inside of them, compressed or not.
#![no_main]

use kafka_codec::record_batch::{EndTransactionMarker, batches};
use libfuzzer_sys::fuzz_target;

/// What a batch may decompress to.
const BYTES_MAX: usize = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    for batch in batches(bytes) {
        let Ok(batch) = batch else { break };
        // A checksum is in nobody's way here: what follows is looked at without it as well.
        let _ = batch.verify_crc();
        let _ = batch.verify_records(BYTES_MAX);
        let _ = EndTransactionMarker::of(&batch);
        if let Ok(records) = batch.records(BYTES_MAX) {
            for record in records.iter().map_while(Result::ok) {
                assert_eq!(record.headers.iter().count(), record.headers.len());
            }
        }
    }
});
