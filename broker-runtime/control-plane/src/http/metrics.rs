//! Metrics of the control plane. What can be looked up when somebody asks is not counted beforehand.

use std::{collections::BTreeMap, time::Duration};

use control_plane_api::hosts::Host;
use engine::Metric;
use exposition::{Kind, Page};
use parking_lot::Mutex;

use crate::{
    queries::{self, ClusterHealth},
    services::Services,
};

/// Upper bounds of the buckets of durations, seconds.
const BUCKETS_S: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];

/// What is counted while calls are answered.
#[derive(Default)]
pub(crate) struct Metrics {
    calls: Mutex<BTreeMap<(String, u16), u64>>,
    durations: Mutex<Durations>,
}

#[derive(Default)]
struct Durations {
    buckets: [u64; BUCKETS_S.len()],
    count: u64,
    sum_s: f64,
}

impl Metrics {
    /// Counts a call.
    pub(crate) fn count(&self, action: &str, status: u16, took: Duration) {
        *self.calls.lock().entry((action.to_owned(), status)).or_default() += 1;
        let mut durations = self.durations.lock();
        let seconds = took.as_secs_f64();
        for (bucket, bound) in durations.buckets.iter_mut().zip(BUCKETS_S) {
            *bucket += u64::from(seconds <= bound);
        }
        durations.count += 1;
        durations.sum_s += seconds;
    }

    /// Everything, in the format of OpenMetrics.
    pub(crate) fn text(&self, services: &Services) -> String {
        let mut page = Page::default();
        let family = page.family(
            "openmsk_api_calls",
            Kind::Counter,
            "Calls of the API by action and HTTP status",
        );
        for ((action, status), count) in &*self.calls.lock() {
            let labels = [("action", action.as_str()), ("status", &status.to_string())];
            family.sample_of("_total", &labels, *count as f64);
        }
        let family = page.family(
            "openmsk_api_call_seconds",
            Kind::Histogram,
            "How long calls of the API took",
        );
        let durations = self.durations.lock();
        for (bucket, bound) in durations.buckets.iter().zip(BUCKETS_S) {
            family.sample_of("_bucket", &[("le", &bound.to_string())], *bucket as f64);
        }
        family.sample_of("_bucket", &[("le", "+Inf")], durations.count as f64);
        family.sample_of("_sum", &[], durations.sum_s);
        family.sample_of("_count", &[], durations.count as f64);
        drop(durations);
        match queries::cluster_health(services) {
            Ok(clusters) => clusters.iter().for_each(|cluster| of_cluster(&mut page, cluster)),
            Err(error) => tracing::error!(%error, "metrics of clusters cannot be read"),
        }
        match queries::list_hosts(services) {
            Ok(found) => found.hosts.iter().for_each(|host| of_host(&mut page, host)),
            Err(error) => tracing::error!(%error, "metrics of hosts cannot be read"),
        }
        page.open_metrics()
    }
}

fn of_host(page: &mut Page, host: &Host) {
    let mut gauge =
        |name, help, labels: &[(&str, &str)], value| page.family(name, Kind::Gauge, help).sample(labels, value);
    let (name, zone) = (("host", host.name.as_str()), ("zone", host.zone.as_str()));
    gauge(
        "openmsk_host_state",
        "1 for the state that a host is in",
        &[name, zone, ("state", &host.state)],
        1.0,
    );
    gauge(
        "openmsk_host_disk_free_bytes",
        "What is free of the disk under the data directory of a host",
        &[name, zone],
        host.disk_free_bytes as f64,
    );
    gauge(
        "openmsk_host_clock_ahead_seconds",
        "By how much the clock of a host is ahead of the control plane's",
        &[name, zone],
        host.clock_ahead_ms as f64 / 1000.0,
    );
}

fn of_cluster(page: &mut Page, cluster: &ClusterHealth) {
    let mut gauge =
        |name, help, labels: &[(&str, &str)], value| page.family(name, Kind::Gauge, help).sample(labels, value);
    let name = ("cluster", cluster.name.as_str());
    gauge(
        "openmsk_cluster_state",
        "1 for the state that a cluster is in",
        &[name, ("state", cluster.state)],
        1.0,
    );
    gauge(
        "openmsk_cluster_log_bytes",
        "Bytes in the log directories of a cluster",
        &[name],
        cluster.log_bytes as f64,
    );
    for (metric, help, count) in [
        ("openmsk_cluster_topics", "Topics of a cluster", cluster.counts.topics),
        (
            "openmsk_cluster_partitions",
            "Partitions of a cluster",
            cluster.counts.partitions,
        ),
        (
            "openmsk_cluster_offline_partitions",
            "Partitions that have no leader",
            cluster.counts.offline_partitions,
        ),
    ] {
        gauge(metric, help, &[name], count as f64);
    }
    for broker in &cluster.brokers {
        let id = broker.broker_id.to_string();
        let labels = [name, ("broker", id.as_str())];
        let up = f64::from(u8::from(broker.state == engine::BrokerState::Running));
        gauge("openmsk_broker_up", "1 when a broker serves", &labels, up);
        gauge(
            "openmsk_broker_resident_bytes",
            "Resident memory of a broker",
            &labels,
            broker.resident_bytes.unwrap_or_default() as f64,
        );
        gauge(
            "openmsk_broker_restarts",
            "Restarts of a broker since it was last healthy",
            &labels,
            f64::from(broker.restarts),
        );
    }
    for broker in &cluster.brokers {
        let id = broker.broker_id.to_string();
        reported(page, [name, ("broker", &id)], &broker.metrics);
    }
    certificate_ends(page, cluster);
}

/// When certificates end, unix time.
fn certificate_ends(page: &mut Page, cluster: &ClusterHealth) {
    let name = ("cluster", cluster.name.as_str());
    let mut gauge = |metric, help, labels: &[(&str, &str)], end_ms: i64| {
        page.family(metric, Kind::Gauge, help)
            .sample(labels, end_ms as f64 / 1000.0);
    };
    if let Some(end_ms) = cluster.authority_expires_at_ms {
        gauge(
            "openmsk_cluster_certificate_authority_expiration_timestamp_seconds",
            "When the certificate authority of a cluster ends, unix time",
            &[name],
            end_ms,
        );
    }
    for broker in &cluster.brokers {
        let id = broker.broker_id.to_string();
        if let Some(end_ms) = broker.certificate_expires_at_ms {
            gauge(
                "openmsk_broker_certificate_expiration_timestamp_seconds",
                "When the certificate of a broker ends, unix time",
                &[name, ("broker", &id)],
                end_ms,
            );
        }
    }
}

/// What a broker has reported: as much as the cluster's level of monitoring asks for.
fn reported(page: &mut Page, of: [(&str, &str); 2], metrics: &[Metric]) {
    const HELP: &str = "Reported by a broker";
    for metric in metrics {
        let mut labels = of.to_vec();
        labels.extend(
            metric
                .labels
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        );
        match metric.name.strip_suffix("_total") {
            Some(name) => page
                .family(name, Kind::Counter, HELP)
                .sample_of("_total", &labels, metric.value),
            None => page
                .family(&metric.name, Kind::Gauge, HELP)
                .sample(&labels, metric.value),
        }
    }
}
