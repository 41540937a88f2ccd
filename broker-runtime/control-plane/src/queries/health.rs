//! How clusters are: their state as it is reported, made of what the store says and what was last observed.

use control_plane_api::clusters::StateInfo;
use engine::{BrokerState, Counts, ObservedBroker, Step};

use super::iso8601;
use crate::{
    error::OperationError,
    services::{Observation, Services},
    store::{ClusterRecord, ClusterState},
};

/// Part of its declared storage from which a cluster asks for action.
const FULL_PERCENT: u64 = 90;
/// Part from which the action is urgent: a batch of records may not fit any more.
const CRITICAL_PERCENT: u64 = 99;
/// A certificate is renewed months before it ends. With fewer days than this left that must have failed for long.
const CERTIFICATE_DAYS_MIN: i64 = 30;
/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 3600 * 1000;
/// Bytes of a GiB.
const GIB: u64 = 1 << 30;

/// A cluster's health, for metrics.
pub(crate) struct ClusterHealth {
    pub(crate) name: String,
    pub(crate) state: &'static str,
    pub(crate) log_bytes: u64,
    pub(crate) counts: Counts,
    /// When its authority ends, unix milliseconds.
    pub(crate) authority_expires_at_ms: Option<i64>,
    pub(crate) brokers: Vec<ObservedBroker>,
}

/// Health of all clusters, by name.
pub(crate) fn cluster_health(services: &Services) -> Result<Vec<ClusterHealth>, OperationError> {
    let mut all: Vec<ClusterRecord> = services.store.all()?;
    all.sort_by(|one, other| one.name.cmp(&other.name));
    let of = |cluster: ClusterRecord| {
        let observation = services.observation(cluster.uuid).unwrap_or_default();
        ClusterHealth {
            state: reported_state(services, &cluster, Some(&observation)).0,
            name: cluster.name,
            log_bytes: observation.log_bytes,
            counts: observation.counts,
            authority_expires_at_ms: observation.authority_expires_at_ms,
            brokers: observation.brokers,
        }
    };
    Ok(all.into_iter().map(of).collect())
}

/// Succeeds when the store can be read.
pub(crate) fn ready(services: &Services) -> Result<(), OperationError> {
    services.store.get::<ClusterRecord>("")?;
    Ok(())
}

/// The state of a cluster, MSK's names, and what is to be said of it. A cluster that should serve and has a broker that
/// does not is `HEALING`: the supervisor restarts it, and what it holds is served by its other replicas meanwhile. While
/// its brokers are restarted one after the other though nobody has asked for it, such as after the runtime was replaced by
/// a newer one, it is in `MAINTENANCE`.
pub(crate) fn reported_state(
    services: &Services,
    cluster: &ClusterRecord,
    observation: Option<&Observation>,
) -> (&'static str, Option<StateInfo>) {
    let said = cluster.state_message.as_ref().map(|message| StateInfo {
        code: "OPERATION_FAILED".to_owned(),
        message: message.clone(),
    });
    if cluster.state != ClusterState::Active {
        return (cluster.state.name(), said);
    }
    let rolling = services.engine.progress(cluster.uuid);
    if let Some(progress) = rolling.filter(|progress| progress.step == Step::RestartBrokers) {
        let message = format!(
            "brokers are restarted one after the other, {} of {} are done; the others serve meanwhile. Changes wait for it",
            progress.done, progress.total
        );
        return ("MAINTENANCE", Some(info("ROLLING_RESTART", message)));
    }
    let Some(observation) = observation else {
        return (cluster.state.name(), said);
    };
    if let Some(problem) = &observation.problem {
        let message = format!("the cluster cannot be observed: {problem}");
        return ("HEALING", Some(info("CLUSTER_NOT_OBSERVED", message)));
    }
    let down: Vec<String> = observation
        .brokers
        .iter()
        .filter(|broker| broker.state != BrokerState::Running)
        .map(|broker| format!("broker {} ({} restarts)", broker.broker_id, broker.restarts))
        .collect();
    if down.is_empty() {
        let ending = ending_certificates(&observation.brokers, services.clock.now_ms());
        return (cluster.state.name(), said.or(ending));
    }
    let message = format!(
        "{} does not serve; it is being restarted. If that does not end, broker-runtime logs {} says why, and \
         broker-runtime doctor what is wrong with the machine",
        down.join(", "),
        cluster.name
    );
    ("HEALING", Some(info("BROKER_DOWN", message)))
}

/// Says that certificates end before long: they should have been renewed months ago.
fn ending_certificates(brokers: &[ObservedBroker], now_ms: i64) -> Option<StateInfo> {
    let ends = |broker: &ObservedBroker| Some((broker.certificate_expires_at_ms?, broker.broker_id));
    let (end_ms, broker_id) = brokers.iter().filter_map(ends).min()?;
    if days_left(end_ms, now_ms) >= CERTIFICATE_DAYS_MIN {
        return None;
    }
    let message = format!(
        "the certificate of broker {broker_id} ends at {} and was not renewed; broker-runtime logs says why. Rotate the \
         certificates once that is mended: clients will refuse the broker",
        iso8601(end_ms)
    );
    Some(info("CERTIFICATES_END", message))
}

/// Whole days until a moment; negative when it has passed.
pub(crate) fn days_left(end_ms: i64, now_ms: i64) -> i64 {
    end_ms.saturating_sub(now_ms).div_euclid(DAY_MS)
}

fn info(code: &str, message: String) -> StateInfo {
    StateInfo {
        code: code.to_owned(),
        message,
    }
}

/// MSK's `customerActionStatus`: action is asked for while logs have more than 90 % of the size that was declared. It is urgent
/// where brokers refuse, or are about to refuse, what producers send.
pub(crate) fn customer_action(cluster: &ClusterRecord, observation: Option<&Observation>) -> &'static str {
    let storage = cluster.settings.broker_node_group_info.storage_info.as_ref();
    let volume = storage.and_then(|storage| storage.ebs_storage_info.as_ref());
    let size = volume.and_then(|volume| volume.volume_size);
    let (Some(size), Some(observation)) = (size, observation) else {
        return "NONE";
    };
    let declared = u64::try_from(size)
        .unwrap_or_default()
        .saturating_mul(GIB)
        .saturating_mul(u64::from(cluster.settings.broker_count));
    let percent = |bytes: u64| bytes.saturating_mul(100);
    match observation.log_bytes {
        bytes if percent(bytes) >= declared.saturating_mul(CRITICAL_PERCENT) => "CRITICAL_ACTION_REQUIRED",
        bytes if percent(bytes) >= declared.saturating_mul(FULL_PERCENT) => "ACTION_RECOMMENDED",
        _ => "NONE",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificate_that_was_not_renewed_in_time_is_told_with_its_end() {
        let broker = |broker_id, certificate_expires_at_ms| ObservedBroker {
            broker_id,
            zone: String::new(),
            host: String::new(),
            endpoints: Vec::new(),
            state: BrokerState::Running,
            pid: None,
            started_at_ms: None,
            resident_bytes: None,
            cpu_ms: None,
            restarts: 0,
            certificate_expires_at_ms,
            metrics: std::sync::Arc::default(),
        };
        let brokers = [
            broker(1, Some(90 * DAY_MS)),
            broker(2, Some(40 * DAY_MS)),
            broker(3, None),
        ];
        assert_eq!(ending_certificates(&brokers, 10 * DAY_MS), None);
        let told = ending_certificates(&brokers, 10 * DAY_MS + 1).unwrap();
        assert_eq!(told.code, "CERTIFICATES_END");
        assert!(
            told.message.contains("of broker 2 ends at 1970-02-10T"),
            "{}",
            told.message
        );
        assert_eq!(days_left(0, 1), -1);
    }
}
