//! The Kafka APIs, one file each, numbered by API key. [`APIS`] is the protocol table of this broker: dispatch,
//! `ApiVersions` and the documentation read nothing else.

#[path = "18_api_versions.rs"]
mod api_versions;
#[path = "60_describe_cluster.rs"]
mod describe_cluster;
#[path = "01_fetch.rs"]
mod fetch;
#[path = "02_list_offsets.rs"]
mod list_offsets;
#[path = "03_metadata.rs"]
mod metadata;
#[path = "23_offset_for_leader_epoch.rs"]
mod offset_for_leader_epoch;
#[path = "00_produce.rs"]
mod produce;

use crate::dispatch::ApiEntry;

pub(crate) use api_versions::unsupported as api_versions_unsupported;
pub(crate) use metadata::stand_in_controller;

/// All APIs that are answered, by key.
pub(crate) static APIS: &[ApiEntry] = &[
    produce::API,
    fetch::API,
    list_offsets::API,
    metadata::API,
    api_versions::API,
    offset_for_leader_epoch::API,
    describe_cluster::API,
];
