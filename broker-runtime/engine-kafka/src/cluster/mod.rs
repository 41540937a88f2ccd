//! One cluster: what is written down of it, and what makes it so.

mod certificates;
mod classes;
mod cluster;
mod ensure;
mod exporters;
mod finalize;
mod measured;
mod moving;
mod node_exporters;
mod nodes;
mod observe;
mod quorum;
mod relocation;
mod remove;
mod rolling;
mod settings;
mod shown;
mod thread_counts;
mod waiting;

use cluster::refused;
pub(crate) use cluster::{Cluster, Settings};
pub(crate) use nodes::{FILE_BYTES_MAX, PROCESS};
pub(crate) use observe::at_rest;
pub(crate) use relocation::Displaced;
pub(crate) use remove::remove;
