//! Open monitoring, as MSK calls it: two pages for Prometheus on every broker, at `/metrics`.
//!
//! * 11001, the broker: names and labels are those that Prometheus' JMX exporter, without rules, gives Kafka's beans, so
//!   that dashboards made for MSK show it. A test compares them with Apache Kafka's.
//! * 11002, the machine: names and labels of Prometheus' node exporter.
//!
//! `serve` listens and answers; `beans`, `health`, `load` and `node` fill the pages.

mod beans;
mod health;
mod load;
mod node;
mod serve;

pub(crate) use serve::start;
