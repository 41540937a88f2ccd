//! Brokers whose connection has just broken. Who followed one knows at once that it is gone; the controller says a moment later who
//! leads instead. Clients ask in between: told the old leader, librdkafka goes on trying that one for half a second.

use std::{collections::HashMap, time::Duration};

use kafka_metadata::{BrokerEpoch, BrokerId, MetadataImage};
use parking_lot::Mutex;

/// How long news of a broker that was lost is waited for, in milliseconds: it may be alive, and only the connection broken.
const AWAITED_MS: i64 = 250;

/// See the head of this file.
#[derive(Default)]
pub(crate) struct LostLeaders(Mutex<HashMap<BrokerId, Loss>>);

#[derive(Clone, Copy)]
struct Loss {
    /// The registration that the connection belonged to.
    epoch: BrokerEpoch,
    until_ms: i64,
}

/// Brokers that news is awaited of.
pub(crate) struct Awaited {
    lost: Vec<(BrokerId, BrokerEpoch)>,
    /// How much longer.
    pub(crate) limit: Duration,
}

impl Awaited {
    /// The controller has said of all of them that they are gone, or are back.
    pub(crate) fn is_over(&self, image: &MetadataImage) -> bool {
        self.lost.iter().all(|(broker_id, epoch)| {
            let broker = image.brokers.get(broker_id);
            broker.is_none_or(|broker| broker.fenced || broker.broker_epoch != *epoch)
        })
    }
}

impl LostLeaders {
    /// The connection to a leader broke. `uptime_ms` is that of this broker, here and below.
    pub(crate) fn lose(&self, leader: BrokerId, image: &MetadataImage, uptime_ms: i64) {
        // Who stops in good order has given its leaderships away.
        let known = image.brokers.get(&leader);
        let Some(broker) = known.filter(|broker| !broker.fenced && !broker.shutting_down) else {
            return;
        };
        let loss = Loss {
            epoch: broker.broker_epoch,
            until_ms: uptime_ms + AWAITED_MS,
        };
        self.0.lock().insert(leader, loss);
    }

    /// It is reached again.
    pub(crate) fn find(&self, leader: BrokerId) {
        self.0.lock().remove(&leader);
    }

    /// Whom news is awaited of at this time.
    pub(crate) fn awaited(&self, uptime_ms: i64) -> Option<Awaited> {
        let mut lost = self.0.lock();
        lost.retain(|_, loss| uptime_ms < loss.until_ms);
        let latest = lost.values().map(|loss| loss.until_ms).max()?;
        Some(Awaited {
            lost: lost.iter().map(|(broker_id, loss)| (*broker_id, loss.epoch)).collect(),
            limit: Duration::from_millis(u64::try_from(latest - uptime_ms).unwrap_or(0)),
        })
    }
}

#[cfg(test)]
mod tests {
    use kafka_metadata::BrokerImage;

    use super::*;

    const LEADER: BrokerId = BrokerId(2);

    fn image(epoch: i64, fenced: bool) -> MetadataImage {
        let broker = BrokerImage {
            broker_id: LEADER,
            broker_epoch: BrokerEpoch(epoch),
            incarnation_id: uuid::Uuid::from_u128(1),
            boot_id: String::new(),
            log_dirs: Vec::new(),
            rack: None,
            endpoints: Vec::new(),
            fenced,
            shutting_down: false,
            retiring: false,
        };
        MetadataImage {
            brokers: [(LEADER, broker.into())].into(),
            ..MetadataImage::default()
        }
    }

    #[test]
    fn news_of_a_lost_leader_is_awaited_until_it_comes() {
        let lost = LostLeaders::default();
        assert!(lost.awaited(0).is_none());
        lost.lose(LEADER, &image(5, false), 1_000);
        let awaited = lost.awaited(1_100).unwrap();
        assert_eq!(awaited.limit, Duration::from_millis(150));
        assert!(!awaited.is_over(&image(5, false)));
        for news in [image(5, true), image(9, false), MetadataImage::default()] {
            assert!(awaited.is_over(&news));
        }
    }

    #[test]
    fn nothing_is_awaited_for_long_nor_of_a_leader_that_is_reached_or_known_to_be_gone() {
        let lost = LostLeaders::default();
        lost.lose(LEADER, &image(5, false), 1_000);
        assert!(lost.awaited(1_000 + AWAITED_MS).is_none());
        lost.lose(LEADER, &image(5, false), 2_000);
        lost.find(LEADER);
        assert!(lost.awaited(2_000).is_none());
        lost.lose(LEADER, &image(5, true), 3_000);
        lost.lose(BrokerId(3), &image(5, false), 3_000);
        assert!(lost.awaited(3_000).is_none());
    }
}
