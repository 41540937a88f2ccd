//! Serverless clusters grow and shrink by load, between bounds that their tags declare: a broker more when brokers have been
//! busy for a while, one less when they have been idle for a longer while. Load is CPU time of the brokers' processes, because
//! that is what a broker runs out of first on one machine.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use engine::ObservedBroker;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    error::OperationError,
    operations,
    services::Services,
    store::{ClusterRecord, ClusterState},
};
use engine::chain;

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(1);
/// Parts of a core, in percent, that brokers use on average: from here on they are busy, and up to there idle.
const BUSY_PERCENT: u64 = 30;
const IDLE_PERCENT: u64 = 5;
/// How long they have to be busy, and idle, before the number of brokers changes.
const BUSY_FOR: Duration = Duration::from_secs(5);
const IDLE_FOR: Duration = Duration::from_secs(30);
/// Bounds of a cluster that declares none, and the most brokers a cluster may have.
const BROKERS_MIN_DEFAULT: u32 = 3;
const BROKERS_MAX_DEFAULT: u32 = 6;
const BROKERS_MAX: u32 = 15;

/// How many brokers a serverless cluster may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) min: u32,
    pub(crate) max: u32,
}

impl Bounds {
    /// Tags that declare them.
    const MIN_TAG: &str = "openmsk:min-brokers";
    const MAX_TAG: &str = "openmsk:max-brokers";

    /// The bounds that these tags declare. The error says what is wrong with them.
    pub(crate) fn of(tags: &BTreeMap<String, String>) -> Result<Self, String> {
        let read = |tag: &str| -> Result<Option<u32>, String> {
            let Some(text) = tags.get(tag) else { return Ok(None) };
            let number = text.parse().ok().filter(|number| (1..=BROKERS_MAX).contains(number));
            number
                .map(Some)
                .ok_or_else(|| format!("tag {tag} is a number from 1 to {BROKERS_MAX}, not {text:?}"))
        };
        let (min, max) = (read(Self::MIN_TAG)?, read(Self::MAX_TAG)?);
        let bounds = Self {
            min: min.unwrap_or_else(|| BROKERS_MIN_DEFAULT.min(max.unwrap_or(BROKERS_MIN_DEFAULT))),
            max: max.unwrap_or_else(|| BROKERS_MAX_DEFAULT.max(min.unwrap_or(BROKERS_MAX_DEFAULT))),
        };
        if bounds.min > bounds.max {
            return Err(format!(
                "tag {} is {}, more than tag {}, which is {}",
                Self::MIN_TAG,
                bounds.min,
                Self::MAX_TAG,
                bounds.max
            ));
        }
        Ok(bounds)
    }
}

/// What the load of one cluster has been.
#[derive(Debug, Default)]
struct Load {
    /// When it was looked at, and the CPU time of each process then.
    last: Option<(Instant, BTreeMap<u32, u64>)>,
    busy_since: Option<Instant>,
    idle_since: Option<Instant>,
}

impl Load {
    /// Takes in how brokers are at `now`, and answers with the number of brokers there should be, if that is another one.
    fn look(&mut self, now: Instant, brokers: &[ObservedBroker], bounds: Bounds) -> Option<u32> {
        let count = u32::try_from(brokers.len()).unwrap_or(u32::MAX);
        if count < bounds.min || count > bounds.max {
            return Some(count.clamp(bounds.min, bounds.max));
        }
        let cpu_ms: BTreeMap<u32, u64> = brokers
            .iter()
            .filter_map(|broker| broker.pid.zip(broker.cpu_ms))
            .collect();
        let before = self.last.replace((now, cpu_ms.clone()));
        let (at, before) = before.filter(|(at, _)| *at < now)?;
        let used: u64 = cpu_ms
            .iter()
            .filter_map(|(pid, used)| used.checked_sub(*before.get(pid)?))
            .sum();
        let elapsed_ms = u64::try_from((now - at).as_millis()).unwrap_or(u64::MAX).max(1);
        let percent = used * 100 / elapsed_ms / u64::from(count.max(1));
        let since = |since: &mut Option<Instant>, holds: bool| {
            *since = holds.then(|| since.unwrap_or(at));
            since.map_or(Duration::ZERO, |since| now - since)
        };
        let busy_for = since(&mut self.busy_since, percent >= BUSY_PERCENT);
        let idle_for = since(&mut self.idle_since, percent <= IDLE_PERCENT);
        if busy_for >= BUSY_FOR && count < bounds.max {
            return Some(count + 1);
        }
        (idle_for >= IDLE_FOR && count > bounds.min).then(|| count - 1)
    }
}

/// Follows the load until it is told to end.
pub(crate) async fn run(services: Arc<Services>, until: CancellationToken) {
    let mut loads: BTreeMap<Uuid, Load> = BTreeMap::new();
    loop {
        tokio::select! {
            () = until.cancelled() => return,
            () = services.clock.sleep(INTERVAL) => (),
        }
        if let Err(error) = follow(&services, &mut loads).await {
            tracing::error!(error = chain(&error), "the load of clusters cannot be followed");
        }
    }
}

async fn follow(services: &Services, loads: &mut BTreeMap<Uuid, Load>) -> Result<(), OperationError> {
    let mut clusters: Vec<ClusterRecord> = services.store.all()?;
    clusters.retain(|cluster| cluster.settings.serverless.is_some() && cluster.state == ClusterState::Active);
    // What was there before a change says nothing of the load after it.
    loads.retain(|uuid, _| clusters.iter().any(|cluster| cluster.uuid == *uuid));
    for cluster in clusters {
        let Some(seen) = services.observation(cluster.uuid) else {
            continue;
        };
        let (Some(seen_at), Ok(bounds)) = (seen.seen_at, Bounds::of(&cluster.tags)) else {
            continue;
        };
        let load = loads.entry(cluster.uuid).or_default();
        if load.last.as_ref().is_some_and(|(at, _)| *at == seen_at) {
            continue;
        }
        let Some(wanted) = load.look(seen_at, &seen.brokers, bounds) else {
            continue;
        };
        loads.remove(&cluster.uuid);
        match operations::follow_load(services, &cluster.arn, wanted).await {
            Ok(()) => {
                tracing::info!(cluster = %cluster.arn, brokers = wanted, "the number of brokers follows the load")
            }
            // A topic needs all of the brokers, or somebody else was faster: it is looked at again.
            Err(error) => tracing::debug!(cluster = %cluster.arn, error = chain(&error), "the number of brokers stays"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::BrokerState;

    use super::*;

    fn brokers(cpu_ms: &[u64]) -> Vec<ObservedBroker> {
        let all = (1..).zip(cpu_ms);
        all.map(|(id, cpu_ms)| ObservedBroker {
            broker_id: id,
            zone: String::new(),
            host: String::new(),
            endpoints: Vec::new(),
            state: BrokerState::Running,
            pid: u32::try_from(id).ok(),
            started_at_ms: None,
            resident_bytes: None,
            cpu_ms: Some(*cpu_ms),
            restarts: 0,
            certificate_expires_at_ms: None,
            metrics: std::sync::Arc::default(),
        })
        .collect()
    }

    /// Looks every second at brokers that each use `percent` of a core; the second in which another number is wanted.
    fn follow(count: usize, percent: impl Fn(u64) -> u64, bounds: Bounds) -> Option<(u64, u32)> {
        let (begin, mut load, mut used) = (Instant::now(), Load::default(), 0);
        (0..120).find_map(|second| {
            used += percent(second) * 10;
            let now = begin + Duration::from_secs(second);
            load.look(now, &brokers(&vec![used; count]), bounds)
                .map(|wanted| (second, wanted))
        })
    }

    const BOUNDS: Bounds = Bounds { min: 2, max: 4 };

    #[test]
    fn busy_brokers_get_help_and_idle_ones_leave() {
        assert_eq!(follow(3, |_| 40, BOUNDS), Some((5, 4)));
        assert_eq!(follow(3, |_| 1, BOUNDS), Some((30, 2)));
        assert_eq!(follow(3, |_| 20, BOUNDS), None);
    }

    #[test]
    fn bounds_hold_whatever_the_load() {
        assert_eq!(follow(4, |_| 90, BOUNDS), None);
        assert_eq!(follow(2, |_| 0, BOUNDS), None);
        assert_eq!(follow(1, |_| 20, BOUNDS), Some((0, 2)));
        assert_eq!(follow(5, |_| 20, BOUNDS), Some((0, 4)));
    }

    #[test]
    fn a_short_burst_and_a_short_rest_change_nothing() {
        assert_eq!(follow(3, |second| if second % 4 == 0 { 5 } else { 90 }, BOUNDS), None);
        assert_eq!(follow(3, |second| if second % 20 == 0 { 15 } else { 0 }, BOUNDS), None);
    }

    #[test]
    fn bounds_come_from_tags() {
        let of = |tags: &[(&str, &str)]| {
            let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            Bounds::of(&tags.collect())
        };
        assert_eq!(of(&[]), Ok(Bounds { min: 3, max: 6 }));
        assert_eq!(of(&[("openmsk:max-brokers", "1")]), Ok(Bounds { min: 1, max: 1 }));
        assert_eq!(of(&[("openmsk:min-brokers", "9")]), Ok(Bounds { min: 9, max: 9 }));
        assert!(of(&[("openmsk:min-brokers", "0")]).is_err());
        assert!(of(&[("openmsk:max-brokers", "many")]).is_err());
        assert!(of(&[("openmsk:min-brokers", "4"), ("openmsk:max-brokers", "2")]).is_err());
    }
}
