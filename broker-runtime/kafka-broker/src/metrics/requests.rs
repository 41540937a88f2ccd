//! How many requests there were of each API and version, how large they were and how long they took: Kafka's
//! `RequestMetrics`. A request's time begins when it has been read completely and ends when its answer is written.

use std::{sync::OnceLock, time::Instant};

use parking_lot::Mutex;

use super::{distribution::Distribution, meter::Meter, metrics::micros};
use crate::{config::ListenerName, dispatch::find_api};

/// API key of Fetch, which is shown once more by who asks.
const FETCH: i16 = 1;
/// Keys of APIs are below.
const KEYS: usize = 128;
/// Behind the keys: what consumers fetch, and what followers fetch.
const FETCH_CONSUMER: usize = KEYS;
const FETCH_FOLLOWER: usize = KEYS + 1;

/// See the module.
#[derive(Debug)]
pub(crate) struct RequestMetrics {
    enabled: bool,
    apis: Vec<OnceLock<Mutex<ApiMetrics>>>,
}

/// Of one API. Times are in microseconds.
#[derive(Debug)]
pub(crate) struct ApiMetrics {
    pub(crate) name: &'static str,
    pub(crate) versions: Vec<(i16, Meter)>,
    pub(crate) total_times: Distribution,
    pub(crate) send_times: Distribution,
    pub(crate) bytes: Distribution,
}

/// A request that is being answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timed {
    name: &'static str,
    api_key: i16,
    api_version: i16,
    listener: ListenerName,
    bytes: usize,
    received: Instant,
}

impl RequestMetrics {
    /// Takes nothing down unless it is `enabled`.
    pub(super) fn new(enabled: bool) -> Self {
        let slots = if enabled { KEYS + 2 } else { 0 };
        Self {
            enabled,
            apis: std::iter::repeat_with(OnceLock::new).take(slots).collect(),
        }
    }

    /// A frame has been read. `None` where nothing is to be taken down, or when it begins like no request.
    pub(crate) fn begin(&self, frame: &[u8], listener: ListenerName, now: impl FnOnce() -> Instant) -> Option<Timed> {
        if !self.enabled {
            return None;
        }
        let &[key_high, key_low, version_high, version_low, ..] = frame else {
            return None;
        };
        let api = find_api(i16::from_be_bytes([key_high, key_low]))?;
        Some(Timed {
            name: api.name,
            api_key: api.key,
            api_version: i16::from_be_bytes([version_high, version_low]),
            listener,
            bytes: frame.len(),
            received: now(),
        })
    }

    /// The request has been answered; its answer was written from `sending` to `now`, `now_ms` after the broker's start.
    pub(crate) fn end(&self, timed: Timed, sending: Instant, now: Instant, now_ms: i64) {
        let Ok(key) = usize::try_from(timed.api_key) else {
            return;
        };
        let fetch = match timed.listener {
            ListenerName::Internal => (FETCH_FOLLOWER, "FetchFollower"),
            _ => (FETCH_CONSUMER, "FetchConsumer"),
        };
        let slots = [Some((key, timed.name)), (timed.api_key == FETCH).then_some(fetch)];
        for (slot, name) in slots.into_iter().flatten() {
            let Some(slot) = self.apis.get(slot) else {
                continue;
            };
            let api = slot.get_or_init(|| Mutex::new(ApiMetrics::new(name)));
            api.lock().record(&timed, sending, now, now_ms);
        }
    }

    /// Shows every API that has been asked.
    pub(crate) fn each(&self, mut show: impl FnMut(&ApiMetrics)) {
        for api in self.apis.iter().filter_map(OnceLock::get) {
            show(&api.lock());
        }
    }

    pub(super) fn tick(&self) {
        for api in self.apis.iter().filter_map(OnceLock::get) {
            let mut api = api.lock();
            api.versions.iter().for_each(|(_, meter)| meter.tick());
            api.total_times.tick();
            api.send_times.tick();
            api.bytes.tick();
        }
    }
}

impl ApiMetrics {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            versions: Vec::new(),
            total_times: Distribution::default(),
            send_times: Distribution::default(),
            bytes: Distribution::default(),
        }
    }

    fn record(&mut self, timed: &Timed, sending: Instant, now: Instant, now_ms: i64) {
        let version = timed.api_version;
        let meter = match self.versions.iter().position(|(known, _)| *known == version) {
            Some(index) => &self.versions[index].1,
            None => {
                self.versions.push((version, Meter::new(now_ms)));
                &self.versions[self.versions.len() - 1].1
            }
        };
        meter.mark(1);
        self.total_times
            .record(micros(now.saturating_duration_since(timed.received)));
        self.send_times.record(micros(now.saturating_duration_since(sending)));
        self.bytes.record(timed.bytes as u64);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn fetch_is_shown_by_who_asks_too() {
        let begun = Instant::now();
        let metrics = RequestMetrics::new(true);
        let fetch = [0, 1, 0, 17, 0, 0];
        let timed = metrics.begin(&fetch, ListenerName::Internal, || begun).unwrap();
        metrics.end(
            timed,
            begun + Duration::from_millis(2),
            begun + Duration::from_millis(5),
            10,
        );
        let mut seen = Vec::new();
        metrics.each(|api| {
            let times = (
                api.total_times.extremes().1,
                api.send_times.extremes().1,
                api.bytes.extremes().1,
            );
            seen.push((api.name, api.versions[0].0, api.versions[0].1.count(), times));
        });
        let expected = |name| (name, 17, 1, (5_000, 3_000, 6));
        assert_eq!(seen, [expected("Fetch"), expected("FetchFollower")]);
    }

    #[test]
    fn nothing_is_taken_down_of_what_is_no_request_or_when_nobody_can_ask() {
        let now = Instant::now;
        let metrics = RequestMetrics::new(true);
        for frame in [&[0, 1][..], &[0x7f, 0, 0, 0], &[0xff, 0xff, 0, 0]] {
            assert!(metrics.begin(frame, ListenerName::Tls, now).is_none());
        }
        assert!(
            RequestMetrics::new(false)
                .begin(&[0, 1, 0, 17], ListenerName::Tls, now)
                .is_none()
        );
    }
}
