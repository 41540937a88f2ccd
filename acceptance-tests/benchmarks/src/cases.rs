//! The cases, in the order in which they run.

use anyhow::Result;

use crate::{
    Scale, api, failover, first_record, latency, machine, moto, moving, partitions, provider, report::Report, startup,
    throughput, tls,
};

/// One case.
pub struct Case {
    /// As on the command line.
    pub name: &'static str,
    /// As in the table.
    pub title: &'static str,
    /// Measures it.
    pub run: fn(Scale, &mut Report) -> Result<()>,
}

/// All cases, in the order in which they run.
#[expect(clippy::too_many_lines, reason = "a flat table")]
pub fn all() -> Vec<Case> {
    vec![
        Case {
            name: "machine",
            title: "what the machine itself can do",
            run: machine::measure,
        },
        Case {
            name: "plugin",
            title: "start of the provider, and plans of one resource under OpenTofu",
            run: provider::measure_one,
        },
        Case {
            name: "provider",
            title: "plans and applies of a thousand resources under OpenTofu, against built-in ones and providers in Go",
            run: provider::measure_many,
        },
        Case {
            name: "start",
            title: "three brokers ready, and idle memory",
            run: startup::start,
        },
        Case {
            name: "apply",
            title: "apply of the quickstart to the first acknowledged record",
            run: startup::apply,
        },
        Case {
            name: "first-ack",
            title: "three brokers made, or started, to the first acknowledged record",
            run: startup::first_ack,
        },
        Case {
            name: "rf1",
            title: "one broker, acks=all, page cache",
            run: throughput::one_broker,
        },
        Case {
            name: "rf3",
            title: "three brokers, acks=all, our fdatasync on, Kafka's off",
            run: throughput::three_brokers,
        },
        Case {
            name: "rf3-flush",
            title: "three brokers, acks=all, fdatasync on both sides",
            run: throughput::flushed,
        },
        Case {
            name: "memory",
            title: "the most memory of one broker under load",
            run: throughput::memory,
        },
        Case {
            name: "encrypted",
            title: "one broker, encrypted at rest, against one that is not",
            run: throughput::encrypted,
        },
        Case {
            name: "tls",
            title: "one broker over TLS, against one without",
            run: tls::measure,
        },
        Case {
            name: "api",
            title: "the API with 100 clusters and 10,000 topics",
            run: api::measure,
        },
        Case {
            name: "moto",
            title: "the API, call by call, against moto's server",
            run: moto::measure,
        },
        Case {
            name: "first-record",
            title: "three brokers of Apache Kafka, made by us and started by hand, to the first acknowledged records",
            run: first_record::measure,
        },
        Case {
            name: "latency",
            title: "one record in flight, three brokers",
            run: latency::latency,
        },
        Case {
            name: "steady",
            title: "2,000 records a second, three brokers",
            run: latency::steady,
        },
        Case {
            name: "transactions",
            title: "transactions one after the other, three brokers",
            run: latency::transactions,
        },
        Case {
            name: "failover",
            title: "a leader killed under a producer",
            run: failover::measure,
        },
        Case {
            name: "moving",
            title: "replicas moved to a fourth broker",
            run: moving::measure,
        },
        Case {
            name: "partitions",
            title: "2,000 partitions made, and 10,000 held",
            run: partitions::measure,
        },
    ]
}
