//! What a broker reports to the control plane, whose page of metrics shows it: in as much detail as the cluster's level of monitoring
//! asks for, which are MSK's levels (Amazon MSK Developer Guide, "Metrics for monitoring Standard brokers").

use std::{collections::BTreeMap, sync::Arc};

use kafka_metadata::{
    MetadataImage, instructions,
    rpc::{ControllerRequest, Metric},
};
use tokio::time::{MissedTickBehavior, interval};
use tracing::debug;

use super::{lag::measure, meter::Meter, metrics::TICK, traffic::TrafficMeters};
use crate::broker::Broker;

/// Metrics of a report, at most: with more of them the next lower level is reported.
const METRICS_MAX: usize = 50_000;

/// How much is reported; each level has what the one before has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    /// Of the broker, what everybody wants to know.
    Default,
    /// Of the broker, the rest; and how far groups are behind.
    PerBroker,
    /// By topic.
    PerTopicPerBroker,
    /// By partition.
    PerTopicPerPartition,
}

/// All of them, the one with the least first.
const LEVELS: [Level; 4] = [
    Level::Default,
    Level::PerBroker,
    Level::PerTopicPerBroker,
    Level::PerTopicPerPartition,
];

impl Level {
    fn of(image: &MetadataImage) -> Self {
        match instructions::text(image, instructions::MONITORING) {
            Some("PER_BROKER") => Self::PerBroker,
            Some("PER_TOPIC_PER_BROKER") => Self::PerTopicPerBroker,
            Some("PER_TOPIC_PER_PARTITION") => Self::PerTopicPerPartition,
            _ => Self::Default,
        }
    }
}

/// Takes counts into averages and measures lag where somebody may ask for them, and reports, every [`TICK`], until the broker stops.
pub(crate) async fn keep_reporting(broker: Arc<Broker>) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = broker.shutdown.cancelled() => return,
        }
        let level = Level::of(&broker.metadata.image());
        let measured = broker.config.jmx_exporter.is_some() || level > Level::Default;
        if measured {
            broker.metrics.tick();
        }
        let round = async {
            if measured {
                measure(&broker).await;
            }
            report(&broker, level).await;
        };
        tokio::select! {
            () = round => {}
            () = broker.shutdown.cancelled() => return,
        }
    }
}

async fn report(broker: &Arc<Broker>, level: Level) {
    let reporter = Arc::clone(broker);
    // Logs are asked for their sizes: that is not for a thread that serves clients.
    let Ok(metrics) = tokio::task::spawn_blocking(move || collect_within(&reporter, level, METRICS_MAX)).await else {
        return;
    };
    let request = ControllerRequest::Report {
        broker_id: broker.config.broker_id,
        metrics,
    };
    if let Err(error) = broker.controller.call(request).await {
        // The next report tells all of it again.
        debug!(%error, "metrics were not reported");
    }
}

/// Metrics as they are put together.
#[derive(Default)]
struct Report(Vec<Metric>);

impl Report {
    fn add(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        if value.is_finite() {
            self.0.push(Metric {
                name: name.to_owned(),
                labels: labels
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect(),
                value,
            });
        }
    }

    fn meter(&mut self, name: &str, labels: &[(&str, &str)], meter: &Meter) {
        self.add(name, labels, meter.count() as f64);
    }
}

/// As much as `level` asks for, or less where that would be too much.
fn collect_within(broker: &Broker, level: Level, most: usize) -> Vec<Metric> {
    let mut metrics = Vec::new();
    for level in LEVELS.into_iter().rev().filter(|it| *it <= level) {
        metrics = collect(broker, level);
        if metrics.len() <= most {
            break;
        }
        debug!(?level, metrics = metrics.len(), "too much to report at this level");
    }
    metrics
}

fn collect(broker: &Broker, level: Level) -> Vec<Metric> {
    let mut report = Report::default();
    of_broker(&mut report, broker);
    if level >= Level::PerBroker {
        more_of_broker(&mut report, broker);
        groups(&mut report, broker, level);
    }
    if level >= Level::PerTopicPerBroker {
        broker.metrics.traffic.each(|topic, meters| {
            traffic(&mut report, "openmsk_topic", &[("topic", topic)], meters);
        });
        let mut sizes: BTreeMap<Arc<str>, u64> = BTreeMap::new();
        for partition in broker.partitions.all() {
            *sizes.entry(Arc::clone(&partition.topic)).or_default() += partition.size_in_bytes();
        }
        for (topic, bytes) in sizes {
            report.add("openmsk_topic_log_bytes", &[("topic", &*topic)], bytes as f64);
        }
    }
    if level >= Level::PerTopicPerPartition {
        for partition in broker.partitions.all() {
            let index = partition.index.to_string();
            let labels = [("topic", &*partition.topic), ("partition", index.as_str())];
            report.add("openmsk_partition_log_bytes", &labels, partition.size_in_bytes() as f64);
            report.add(
                "openmsk_partition_log_end_offset",
                &labels,
                partition.log_end_offset() as f64,
            );
        }
    }
    report.0
}

fn traffic(report: &mut Report, of: &str, labels: &[(&str, &str)], meters: &TrafficMeters) {
    report.meter(&format!("{of}_bytes_in_total"), labels, &meters.bytes_in);
    report.meter(&format!("{of}_bytes_out_total"), labels, &meters.bytes_out);
    report.meter(&format!("{of}_messages_in_total"), labels, &meters.messages_in);
}

fn of_broker(report: &mut Report, broker: &Broker) {
    let all = broker.partitions.all();
    let led: Vec<_> = all.iter().filter_map(|it| it.leader_health()).collect();
    let connections: u64 = broker
        .metrics
        .connections
        .values()
        .map(|listener| listener.open())
        .sum();
    for (name, value) in [
        ("openmsk_broker_partitions", all.len()),
        ("openmsk_broker_leaders", led.len()),
        (
            "openmsk_broker_under_replicated_partitions",
            led.iter().filter(|it| it.is_under_replicated()).count(),
        ),
        (
            "openmsk_broker_under_min_isr_partitions",
            led.iter().filter(|it| it.is_under_min_isr()).count(),
        ),
        (
            "openmsk_broker_offline_replicas",
            all.iter().filter(|it| !it.is_online()).count(),
        ),
    ] {
        report.add(name, &[], value as f64);
    }
    report.add("openmsk_broker_connections", &[], connections as f64);
    let bytes: u64 = all.iter().map(|it| it.size_in_bytes()).sum();
    report.add("openmsk_broker_log_bytes", &[], bytes as f64);
    traffic(report, "openmsk_broker", &[], broker.metrics.traffic.all());
}

fn more_of_broker(report: &mut Report, broker: &Broker) {
    let (metrics, traffic) = (&broker.metrics, broker.metrics.traffic.all());
    for (name, meter) in [
        ("replication_bytes_in_total", &traffic.replication_bytes_in),
        ("replication_bytes_out_total", &traffic.replication_bytes_out),
        ("bytes_rejected_total", &traffic.bytes_rejected),
        ("produce_requests_total", &traffic.produce_requests),
        ("failed_produce_requests_total", &traffic.failed_produce_requests),
        ("fetch_requests_total", &traffic.fetch_requests),
        ("failed_fetch_requests_total", &traffic.failed_fetch_requests),
        ("isr_shrinks_total", &metrics.isr_shrinks),
        ("isr_expands_total", &metrics.isr_expands),
        ("flushes_total", &metrics.flushes),
    ] {
        report.meter(&format!("openmsk_broker_{name}"), &[], meter);
    }
    let connections = || metrics.connections.values();
    let created: u64 = connections().map(|listener| listener.created.count()).sum();
    let closed: u64 = connections().map(|listener| listener.closed.count()).sum();
    report.add("openmsk_broker_connections_created_total", &[], created as f64);
    report.add("openmsk_broker_connections_closed_total", &[], closed as f64);
}

/// How far the groups that this broker coordinates are behind.
fn groups(report: &mut Report, broker: &Broker, level: Level) {
    let lag = broker.metrics.lag.lock();
    let mut topics: BTreeMap<(&str, &str), (i64, i64, Option<f64>)> = BTreeMap::new();
    for ((group, partition), lag) in &lag.partitions {
        let Some(records) = lag.records() else {
            continue;
        };
        let (sum, most, seconds) = topics.entry((group.as_str(), &*partition.topic)).or_default();
        *sum += records;
        *most = records.max(*most);
        *seconds = [*seconds, lag.seconds()].into_iter().flatten().reduce(f64::max);
        if level >= Level::PerTopicPerPartition {
            let index = partition.partition.to_string();
            let labels = [
                ("group", group.as_str()),
                ("topic", &*partition.topic),
                ("partition", index.as_str()),
            ];
            report.add("openmsk_partition_lag_records", &labels, records as f64);
            if let Some(seconds) = lag.seconds() {
                report.add("openmsk_partition_lag_seconds", &labels, seconds);
            }
        }
    }
    for ((group, topic), (sum, most, seconds)) in topics {
        let labels = [("group", group), ("topic", topic)];
        report.add("openmsk_group_lag_records", &labels, sum as f64);
        report.add("openmsk_group_max_lag_records", &labels, most as f64);
        if let Some(seconds) = seconds {
            report.add("openmsk_group_lag_seconds", &labels, seconds);
        }
    }
}
