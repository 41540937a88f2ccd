//! Open monitoring, as MSK calls it: two pages for Prometheus on every broker, at `/metrics`.
//!
//! * 11001, the broker: names and labels are those that Prometheus' JMX exporter, without rules, gives Kafka's beans, so
//!   that dashboards made for MSK show it. A test compares them with Apache Kafka's.
//! * 11002, the machine: names and labels of Prometheus' node exporter.
//!
//! `start` has the crate `exporter` serve them; `beans`, `health` and `load` fill the first one.

mod beans;
mod health;
mod load;
mod start;

pub(crate) use start::start;
