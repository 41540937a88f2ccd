//! What clients have used, and how long they have to wait for it.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use arc_swap::ArcSwap;
use kafka_metadata::{
    MetadataImage,
    mutations::MutationLimit,
    quota::{QuotaKey, QuotaName, QuotaValue, Quotas},
};
use parking_lot::Mutex;

use super::{
    matching::{Sharers, find},
    meter::{Meter, Window},
};
use crate::coordinator::number;

/// Meters are looked through for idle ones when there are this many more.
const METERS_BEFORE_CLEANING: usize = 256;

/// Who uses something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used<'a> {
    /// Without `User:`.
    pub(crate) user: &'a str,
    pub(crate) client_id: &'a str,
    /// The moment, on the monotonic clock.
    pub(crate) now_ms: i64,
}

#[derive(Debug, Default)]
struct Meters {
    by_sharers: HashMap<(QuotaKey, Sharers), Meter>,
    cleaned_at: usize,
}

/// The quotas of this broker's clients.
#[derive(Debug)]
pub(crate) struct ClientQuotas {
    quotas: ArcSwap<Quotas>,
    /// Some user has a quota of time: otherwise it needs not be measured.
    limits_time: AtomicBool,
    by_address: ArcSwap<Addresses>,
    window: Window,
    /// Seconds' worth of changes of metadata that a client may make at once.
    mutation_seconds: f64,
    meters: Mutex<Meters>,
}

impl ClientQuotas {
    /// With the static server properties `quota.window.num` and `quota.window.size.seconds`.
    pub(crate) fn new(properties: &std::collections::BTreeMap<String, String>) -> Self {
        let seconds: i64 = number(properties, "quota.window.size.seconds", 1);
        Self {
            quotas: ArcSwap::default(),
            limits_time: AtomicBool::new(false),
            by_address: ArcSwap::default(),
            mutation_seconds: number(properties, "controller.quota.window.num", 11.0)
                * number(properties, "controller.quota.window.size.seconds", 1.0),
            window: Window {
                samples: number(properties, "quota.window.num", 11).max(2),
                sample_ms: seconds.max(1) * 1_000,
            },
            meters: Mutex::default(),
        }
    }

    /// How rates are measured.
    pub(crate) fn window(&self) -> Window {
        self.window
    }

    /// Takes over the quotas of an image, if they have changed.
    pub(crate) fn refresh(&self, image: &MetadataImage) {
        if !Arc::ptr_eq(&self.quotas.load(), &image.quotas) {
            let key = QuotaKey::RequestPercentage;
            let limits_time = image.quotas.values().any(|values| values.contains_key(&key));
            self.limits_time.store(limits_time, Ordering::Relaxed);
            self.by_address.store(Arc::new(Addresses::of(&image.quotas)));
            self.quotas.store(Arc::clone(&image.quotas));
        }
    }

    /// Counts `amount`, and says how long its user has to wait for it, in milliseconds.
    pub(crate) fn charge(&self, key: QuotaKey, used: Used<'_>, amount: f64) -> i64 {
        let Some((limit, sharers)) = self.limit(key, used) else {
            return 0;
        };
        let mut meters = self.meters.lock();
        meters.clean(used.now_ms, self.window);
        let meter = meters.by_sharers.entry((key, sharers)).or_default();
        meter.record(amount, used.now_ms, self.window);
        let throttle_ms = meter.throttle_ms(limit.get(), used.now_ms, self.window);
        match key {
            // Time that requests took is little beside bytes: a wait is at most a sample long, as in Kafka.
            QuotaKey::RequestPercentage => throttle_ms.min(self.window.sample_ms),
            _ => throttle_ms,
        }
    }

    /// Counts a connection from this address; says how long it is too early for one, in milliseconds. Then it is not counted.
    pub(crate) fn connects(&self, address: IpAddr, now_ms: i64) -> i64 {
        let address = address.to_canonical();
        let Some(limit) = self.by_address.load().limit(address) else {
            return 0;
        };
        let sharers = Sharers {
            user: None,
            client_id: Some(address.to_string().into()),
        };
        let mut meters = self.meters.lock();
        meters.clean(now_ms, self.window);
        let key = (QuotaKey::ConnectionCreationRate, sharers);
        let meter = meters.by_sharers.entry(key).or_default();
        meter.record(1.0, now_ms, self.window);
        let throttle_ms = meter.throttle_ms(limit.get(), now_ms, self.window);
        if throttle_ms > 0 {
            meter.record(-1.0, now_ms, self.window);
        }
        throttle_ms.min(self.window.sample_ms)
    }

    /// The quota of changes of metadata that counts for a client.
    pub(crate) fn mutation_limit(&self, used: Used<'_>, strict: bool) -> Option<MutationLimit> {
        let (rate, sharers) = self.limit(QuotaKey::ControllerMutationRate, used)?;
        Some(MutationLimit {
            user: sharers.user.map(Into::into),
            client_id: sharers.client_id.map(Into::into),
            rate: rate.get(),
            burst: rate.get() * self.mutation_seconds,
            strict,
        })
    }

    /// As much as the user may take at once, bytes: no answer is larger than a whole window's worth.
    pub(crate) fn most_at_once(&self, key: QuotaKey, used: Used<'_>) -> Option<usize> {
        let (limit, _) = self.limit(key, used)?;
        let seconds = self.window.sample_ms as f64 / 1_000.0 * (self.window.samples - 1) as f64;
        // A float that is too large becomes the largest integer.
        Some((limit.get() * seconds) as usize)
    }

    /// True when the time that requests take has to be measured.
    pub(crate) fn limits_time(&self) -> bool {
        self.limits_time.load(Ordering::Relaxed)
    }

    fn limit(&self, key: QuotaKey, used: Used<'_>) -> Option<(QuotaValue, Sharers)> {
        let quotas = self.quotas.load();
        if quotas.is_empty() {
            return None;
        }
        find(&quotas, key, used.user, used.client_id)
    }
}

/// Quotas of addresses.
#[derive(Debug, Default)]
struct Addresses {
    named: HashMap<IpAddr, QuotaValue>,
    default: Option<QuotaValue>,
}

impl Addresses {
    fn of(quotas: &Quotas) -> Self {
        let mut addresses = Self::default();
        for (entity, values) in quotas {
            let value = values.get(&QuotaKey::ConnectionCreationRate).copied();
            match (&entity.ip, value) {
                (Some(QuotaName::Named(name)), Some(value)) => {
                    let address = name.parse::<IpAddr>().ok().map(|address| address.to_canonical());
                    addresses.named.extend(address.map(|address| (address, value)));
                }
                (Some(QuotaName::Default), value) => addresses.default = value,
                _ => {}
            }
        }
        addresses
    }

    fn limit(&self, address: IpAddr) -> Option<QuotaValue> {
        self.named.get(&address).copied().or(self.default)
    }
}

impl Meters {
    fn clean(&mut self, now_ms: i64, window: Window) {
        if self.by_sharers.len() >= self.cleaned_at + METERS_BEFORE_CLEANING {
            self.by_sharers.retain(|_, meter| !meter.is_idle(now_ms, window));
            self.cleaned_at = self.by_sharers.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kafka_metadata::quota::QuotaEntity;

    use super::*;

    fn quotas(entity: QuotaEntity, key: QuotaKey, value: f64) -> ClientQuotas {
        let quotas = ClientQuotas::new(&BTreeMap::new());
        let mut image = MetadataImage::default();
        let values = BTreeMap::from([(key, QuotaValue::new(value).unwrap())]);
        Arc::make_mut(&mut image.quotas).insert(entity, values);
        quotas.refresh(&image);
        quotas
    }

    fn by(user: &'static str, client_id: &'static str) -> Used<'static> {
        Used {
            user,
            client_id,
            now_ms: 0,
        }
    }

    #[test]
    fn clients_of_a_user_share_what_the_user_has() {
        let of_users = QuotaEntity {
            user: Some(QuotaName::Default),
            ..QuotaEntity::default()
        };
        let key = QuotaKey::ProducerByteRate;
        let quotas = quotas(of_users, key, 100.0);
        assert_eq!(quotas.charge(key, by("a", "1"), 1_000.0), 0);
        assert_eq!(quotas.charge(key, by("a", "2"), 100.0), 1_000);
        assert_eq!(quotas.charge(key, by("b", "1"), 1_000.0), 0, "another user has its own");
        assert_eq!(quotas.charge(QuotaKey::ConsumerByteRate, by("a", "1"), 9e9), 0);
        assert_eq!(quotas.charge(key, by("a", "1"), 0.0), 1_000, "it is still owed");
        assert_eq!(quotas.most_at_once(key, by("a", "1")), Some(1_000));
        assert!(!quotas.limits_time());
    }

    #[test]
    fn time_of_requests_is_paid_for_in_small_waits() {
        let of_client = QuotaEntity {
            client_id: Some(QuotaName::Named("1".to_owned())),
            ..QuotaEntity::default()
        };
        let key = QuotaKey::RequestPercentage;
        let quotas = quotas(of_client, key, 1.0);
        assert!(quotas.limits_time());
        assert_eq!(quotas.charge(key, by("a", "1"), 1_000.0), 1_000, "a sample at most");
    }

    #[test]
    fn addresses_connect_as_often_as_they_may() {
        let all = QuotaEntity {
            ip: Some(QuotaName::Default),
            ..QuotaEntity::default()
        };
        let quotas = quotas(all, QuotaKey::ConnectionCreationRate, 1.0);
        let (one, other) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let admitted = (0..20).filter(|_| quotas.connects(one, 0) == 0).count();
        assert_eq!(admitted, 10, "ten seconds' worth; who is turned away does not count");
        assert_eq!(quotas.connects(one, 0), 1_000);
        assert_eq!(quotas.connects(other, 0), 0);
        assert_eq!(quotas.connects(one, 12_000), 0);
    }

    #[test]
    fn idle_meters_are_forgotten() {
        let of_clients = QuotaEntity {
            client_id: Some(QuotaName::Default),
            ..QuotaEntity::default()
        };
        let key = QuotaKey::ProducerByteRate;
        let quotas = quotas(of_clients, key, 1.0);
        for number in 0..i64::try_from(METERS_BEFORE_CLEANING).unwrap() * 3 {
            let client_id = number.to_string();
            let used = Used {
                user: "a",
                client_id: &client_id,
                now_ms: number * 1_000,
            };
            quotas.charge(key, used, 1.0);
        }
        assert!(quotas.meters.lock().by_sharers.len() <= METERS_BEFORE_CLEANING + 12);
    }
}
