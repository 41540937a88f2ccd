//! What the broker does: traffic by topic, requests, connections, flushes, and its process.

use exposition::Kind;

use super::beans::Beans;
use crate::{broker::Broker, metrics::ListenerConnections};

/// Times are kept in microseconds and shown in milliseconds.
const MICROS_IN_MILLIS: f64 = 0.001;

const TOPICS: &str = "kafka_server_BrokerTopicMetrics";
const REQUESTS: &str = "kafka_network_RequestMetrics";
const SOCKETS: &str = "kafka_server_socket_server_metrics";

/// Puts all of it on the page.
pub(super) fn show(beans: &mut Beans, broker: &Broker) {
    traffic(beans, broker);
    requests(beans, broker);
    for listener in broker.metrics.connections.values() {
        connections(beans, listener);
    }
    let (kind, labels) = ("kafka_log_LogFlushStats", [("name", "LogFlushRateAndTimeMs")]);
    beans.distribution(kind, &labels, &broker.metrics.flush_times.lock(), MICROS_IN_MILLIS);
    beans.rates(kind, &labels, &broker.metrics.flushes);
    process(beans);
}

fn traffic(beans: &mut Beans, broker: &Broker) {
    for (name, meter) in broker.metrics.traffic.all().named() {
        let labels = [("name", name)];
        beans.meter(TOPICS, &labels, meter);
    }
    broker.metrics.traffic.each(|topic, meters| {
        // As in Kafka, a topic's meter is there once there is something to show.
        for (name, meter) in meters.named().into_iter().filter(|(_, meter)| meter.count() > 0) {
            let labels = [("name", name), ("topic", topic)];
            beans.meter(TOPICS, &labels, meter);
        }
    });
}

fn requests(beans: &mut Beans, broker: &Broker) {
    broker.metrics.requests.each(|api| {
        for (version, meter) in &api.versions {
            let version = version.to_string();
            let labels = [
                ("name", "RequestsPerSec"),
                ("request", api.name),
                ("version", version.as_str()),
            ];
            beans.meter(REQUESTS, &labels, meter);
        }
        for (name, values, unit) in [
            ("TotalTimeMs", &api.total_times, MICROS_IN_MILLIS),
            ("ResponseSendTimeMs", &api.send_times, MICROS_IN_MILLIS),
            ("RequestBytes", &api.bytes, 1.0),
        ] {
            let labels = [("name", name), ("request", api.name)];
            beans.distribution(REQUESTS, &labels, values, unit);
        }
    });
}

fn connections(beans: &mut Beans, connections: &ListenerConnections) {
    // Kafka shows them by network thread, too; here there is one row a listener.
    let labels = [("listener", connections.listener.as_str()), ("networkProcessor", "0")];
    let mut show = |name: &str, value: f64| {
        let help = "Connections of a listener";
        beans.other(&format!("{SOCKETS}_{name}"), Kind::Untyped, help, &labels, value);
    };
    let (created, closed) = (&connections.created, &connections.closed);
    show("connection_count", connections.open() as f64);
    show("connection_creation_total", created.count() as f64);
    show("connection_creation_rate", created.rates(0).one_minute);
    show("connection_close_total", closed.count() as f64);
    show("connection_close_rate", closed.rates(0).one_minute);
}

/// The process, where the system says something of it.
fn process(beans: &mut Beans) {
    let Ok(own) = procfs::process::Process::myself() else {
        return;
    };
    let mut show = |name: &str, kind: Kind, help: &str, value: f64| beans.other(name, kind, help, &[], value);
    if let Ok(stat) = own.stat() {
        let seconds = |ticks: u64| ticks as f64 / procfs::ticks_per_second() as f64;
        show(
            "process_cpu_seconds_total",
            Kind::Counter,
            "Processor time of the broker",
            seconds(stat.utime + stat.stime),
        );
        show(
            "process_resident_memory_bytes",
            Kind::Gauge,
            "Resident memory of the broker",
            (stat.rss * procfs::page_size()) as f64,
        );
        show(
            "process_virtual_memory_bytes",
            Kind::Gauge,
            "Virtual memory of the broker",
            stat.vsize as f64,
        );
        if let Ok(boot) = procfs::boot_time_secs() {
            show(
                "process_start_time_seconds",
                Kind::Gauge,
                "Start of the broker, Unix time",
                boot as f64 + seconds(stat.starttime),
            );
        }
    }
    if let Ok(count) = own.fd_count() {
        show(
            "process_open_fds",
            Kind::Gauge,
            "Open files and connections",
            count as f64,
        );
    }
    if let Ok(limits) = own.limits()
        && let procfs::process::LimitValue::Value(most) = limits.max_open_files.soft_limit
    {
        show("process_max_fds", Kind::Gauge, "How many may be open", most as f64);
    }
}
