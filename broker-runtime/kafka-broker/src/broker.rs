//! What all parts of a broker share.

use std::sync::Arc;

use clock::Clock;
use tokio_util::sync::CancellationToken;

use crate::{
    config::BrokerConfig, controller::ControllerClient, groups::GroupManager, metadata::MetadataCache,
    partition::PartitionRegistry, settings::Settings,
};

/// One broker. Handlers get it as `&Arc<Broker>`.
pub struct Broker {
    /// As read at start.
    pub config: BrokerConfig,
    /// The server properties as numbers.
    pub settings: Settings,
    /// The only source of time.
    pub clock: Arc<dyn Clock>,
    /// Cluster metadata: `broker.metadata.image()`.
    pub metadata: MetadataCache,
    /// Partitions this broker holds a replica of: `broker.partitions.get(topic, index)`.
    pub partitions: PartitionRegistry,
    /// Asks the controller: `broker.controller.call(request).await`.
    pub controller: ControllerClient,
    /// The group coordinator.
    pub groups: GroupManager,
    /// Cancelled when the broker stops.
    pub shutdown: CancellationToken,
}
