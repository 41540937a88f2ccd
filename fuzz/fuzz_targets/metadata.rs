//! The metadata log and what travels between brokers and their controller.
#![no_main]

use kafka_metadata::{
    MetadataImage, MetadataRecord,
    rpc::{BrokerMessage, ControllerMessage},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = serde_json::from_slice::<BrokerMessage>(bytes);
    let _ = serde_json::from_slice::<ControllerMessage>(bytes);
    if let Ok(records) = serde_json::from_slice::<Vec<MetadataRecord>>(bytes) {
        let mut image = MetadataImage::default();
        for record in &records {
            image.apply(image.next_offset(), record);
        }
        let rebuilt = MetadataImage::from_snapshot(image.applied, &image.to_records());
        let again = MetadataImage::from_snapshot(rebuilt.applied, &rebuilt.to_records());
        assert_eq!(rebuilt, again, "a snapshot says something else than what it was made of");
    }
});
