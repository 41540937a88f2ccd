//! How far brokers have read the metadata log, and when they had read all of it. A pure value: time is an argument.
//!
//! As in Kafka's `LeaderState`: who reads up to the end has caught up now; who reads up to where the end was when it was last
//! heard of, had caught up then.

use std::collections::BTreeMap;

use kafka_metadata::{BrokerId, MetadataImage, MetadataOffset, rpc::MetadataReader};

/// Who is silent for longer is not shown any more: `OBSERVER_SESSION_TIMEOUT_MS` of Kafka.
const FORGOTTEN_AFTER_MS: i64 = 300_000;

#[derive(Debug)]
struct Reader {
    next_offset: MetadataOffset,
    /// Where the log ended when it was heard of last.
    end_offset: MetadataOffset,
    last_heard_ms: i64,
    last_caught_up_ms: Option<i64>,
}

/// All brokers that were heard of since this process began.
#[derive(Debug, Default)]
pub(super) struct Readers {
    readers: BTreeMap<BrokerId, Reader>,
}

impl Readers {
    /// A broker says what it has applied of a log that ends at `end_offset`.
    pub(super) fn heard(
        &mut self,
        broker_id: BrokerId,
        applied: Option<MetadataOffset>,
        end_offset: MetadataOffset,
        now_ms: i64,
    ) {
        let next_offset = MetadataOffset(applied.map_or(0, |applied| applied.0 + 1));
        let before = self.readers.get(&broker_id);
        let last_caught_up_ms = match before {
            _ if next_offset >= end_offset => Some(now_ms),
            Some(before) if next_offset >= before.end_offset => {
                before.last_caught_up_ms.max(Some(before.last_heard_ms))
            }
            Some(before) => before.last_caught_up_ms,
            None => None,
        };
        let reader = Reader {
            next_offset,
            end_offset,
            last_heard_ms: now_ms,
            last_caught_up_ms,
        };
        self.readers.insert(broker_id, reader);
    }

    /// Those that are registered and were heard of lately.
    pub(super) fn describe(&self, image: &MetadataImage, now_ms: i64) -> Vec<MetadataReader> {
        let shown = self.readers.iter().filter(|(broker_id, reader)| {
            image.brokers.contains_key(broker_id) && now_ms - reader.last_heard_ms < FORGOTTEN_AFTER_MS
        });
        let described = shown.map(|(broker_id, reader)| MetadataReader {
            broker_id: *broker_id,
            next_offset: reader.next_offset,
            last_heard_ms: reader.last_heard_ms,
            last_caught_up_ms: reader.last_caught_up_ms,
        });
        described.collect()
    }
}

#[cfg(test)]
mod tests {
    use kafka_metadata::{BrokerEpoch, MetadataRecord};

    use super::*;

    const BROKER: BrokerId = BrokerId(1);

    fn image() -> MetadataImage {
        let mut image = MetadataImage::default();
        let registered = MetadataRecord::BrokerRegistered {
            broker_id: BROKER,
            broker_epoch: BrokerEpoch(0),
            incarnation_id: uuid::Uuid::nil(),
            boot_id: String::new(),
            log_dirs: Vec::new(),
            rack: None,
            endpoints: Vec::new(),
        };
        image.apply(MetadataOffset(0), &registered);
        image
    }

    fn caught_up(readers: &Readers) -> Option<i64> {
        let [reader] = &readers.describe(&image(), 0)[..] else {
            panic!("one reader");
        };
        reader.last_caught_up_ms
    }

    #[test]
    fn who_is_behind_had_caught_up_when_it_had_read_what_there_was() {
        let mut readers = Readers::default();
        readers.heard(BROKER, None, MetadataOffset(5), 100);
        assert_eq!(caught_up(&readers), None);
        readers.heard(BROKER, Some(MetadataOffset(4)), MetadataOffset(8), 200);
        assert_eq!(caught_up(&readers), Some(100), "it has now what there was then");
        readers.heard(BROKER, Some(MetadataOffset(6)), MetadataOffset(9), 300);
        assert_eq!(caught_up(&readers), Some(100), "it falls behind");
        readers.heard(BROKER, Some(MetadataOffset(8)), MetadataOffset(9), 400);
        assert_eq!(caught_up(&readers), Some(400));
    }

    #[test]
    fn the_silent_and_the_unregistered_are_not_shown() {
        let mut readers = Readers::default();
        readers.heard(BROKER, Some(MetadataOffset(0)), MetadataOffset(1), 0);
        readers.heard(BrokerId(9), Some(MetadataOffset(0)), MetadataOffset(1), 0);
        assert_eq!(readers.describe(&image(), FORGOTTEN_AFTER_MS - 1).len(), 1);
        assert_eq!(readers.describe(&image(), FORGOTTEN_AFTER_MS), []);
    }
}
