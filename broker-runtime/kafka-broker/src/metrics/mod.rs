//! What a broker counts while it works. `exporters` shows it, with what can be looked up when somebody asks, and
//! `report` tells the control plane.
//!
//! Counting is always on where it costs an addition; times of requests are taken only where somebody may ask for them.

mod connections;
mod distribution;
mod lag;
mod meter;
mod metrics;
mod report;
mod requests;
mod traffic;

pub(crate) use connections::{Counted, ListenerConnections};
pub(crate) use distribution::Distribution;
pub(crate) use lag::{ConsumerLag, PartitionLag};
pub(crate) use meter::Meter;
pub(crate) use metrics::Metrics;
pub(crate) use report::keep_reporting;
pub(crate) use requests::Timed;
pub(crate) use traffic::TopicTraffic;
