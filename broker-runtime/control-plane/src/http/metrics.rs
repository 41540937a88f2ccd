//! Metrics of the control plane, in the format of OpenMetrics. What can be looked up when somebody asks is not counted
//! beforehand.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use parking_lot::Mutex;

use crate::{queries, services::Services};

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

    /// Everything, as Prometheus reads it.
    pub(crate) fn text(&self, services: &Services) -> String {
        let mut page = Page::default();
        page.family(
            "openmsk_api_calls",
            "counter",
            "Calls of the API by action and HTTP status",
        );
        for ((action, status), count) in &*self.calls.lock() {
            page.sample(
                "openmsk_api_calls_total",
                &[("action", action), ("status", &status.to_string())],
                *count as f64,
            );
        }
        page.family(
            "openmsk_api_call_seconds",
            "histogram",
            "How long calls of the API took",
        );
        let durations = self.durations.lock();
        for (bucket, bound) in durations.buckets.iter().zip(BUCKETS_S) {
            page.sample(
                "openmsk_api_call_seconds_bucket",
                &[("le", &bound.to_string())],
                *bucket as f64,
            );
        }
        page.sample(
            "openmsk_api_call_seconds_bucket",
            &[("le", "+Inf")],
            durations.count as f64,
        );
        page.sample("openmsk_api_call_seconds_sum", &[], durations.sum_s);
        page.sample("openmsk_api_call_seconds_count", &[], durations.count as f64);
        drop(durations);
        clusters(&mut page, services);
        page.end()
    }
}

fn clusters(page: &mut Page, services: &Services) {
    let clusters = match queries::cluster_health(services) {
        Ok(clusters) => clusters,
        Err(error) => {
            tracing::error!(%error, "metrics of clusters cannot be read");
            return;
        }
    };
    page.family("openmsk_cluster_state", "gauge", "1 for the state that a cluster is in");
    for cluster in &clusters {
        page.sample(
            "openmsk_cluster_state",
            &[("cluster", &cluster.name), ("state", cluster.state)],
            1.0,
        );
    }
    page.family(
        "openmsk_cluster_log_bytes",
        "gauge",
        "Bytes in the log directories of a cluster",
    );
    for cluster in &clusters {
        page.sample(
            "openmsk_cluster_log_bytes",
            &[("cluster", &cluster.name)],
            cluster.log_bytes as f64,
        );
    }
    let brokers = || {
        clusters
            .iter()
            .flat_map(|cluster| cluster.brokers.iter().map(move |broker| (&cluster.name, broker)))
    };
    page.family("openmsk_broker_up", "gauge", "1 when a broker serves");
    for (cluster, broker) in brokers() {
        let id = broker.broker_id.to_string();
        let up = f64::from(u8::from(broker.state == engine::BrokerState::Running));
        page.sample("openmsk_broker_up", &[("cluster", cluster), ("broker", &id)], up);
    }
    page.family("openmsk_broker_resident_bytes", "gauge", "Resident memory of a broker");
    for (cluster, broker) in brokers() {
        let id = broker.broker_id.to_string();
        let bytes = broker.resident_bytes.unwrap_or_default();
        page.sample(
            "openmsk_broker_resident_bytes",
            &[("cluster", cluster), ("broker", &id)],
            bytes as f64,
        );
    }
    page.family(
        "openmsk_broker_restarts",
        "gauge",
        "Restarts of a broker since it was last healthy",
    );
    for (cluster, broker) in brokers() {
        let id = broker.broker_id.to_string();
        page.sample(
            "openmsk_broker_restarts",
            &[("cluster", cluster), ("broker", &id)],
            f64::from(broker.restarts),
        );
    }
}

/// A page of metrics.
#[derive(Default)]
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to text does not fail.
        let _ = writeln!(self.0, "# TYPE {name} {kind}\n# HELP {name} {help}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<String> = labels
            .iter()
            .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
            .collect();
        let labels = if labels.is_empty() {
            String::new()
        } else {
            format!("{{{}}}", labels.join(","))
        };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    fn end(mut self) -> String {
        self.0.push_str("# EOF\n");
        self.0
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_written_as_prometheus_reads_them() {
        let mut page = Page::default();
        page.family("a", "gauge", "What it is");
        page.sample("a", &[("b", "x\"y\\z"), ("c", "1")], 1.5);
        page.sample("a", &[], 2.0);
        assert_eq!(
            page.end(),
            "# TYPE a gauge\n# HELP a What it is\na{b=\"x\\\"y\\\\z\",c=\"1\"} 1.5\na 2\n# EOF\n"
        );
    }
}
