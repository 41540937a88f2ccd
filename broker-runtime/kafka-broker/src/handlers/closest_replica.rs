//! Consumers that read from a replica near them (KIP-392): with `replica.selector.class` set to `RackAwareReplicaSelector` a leader
//! sends a consumer that says where it is (`client.rack`) to an in-sync follower of the same zone.

use kafka_metadata::BrokerId;

use crate::{broker::Broker, dispatch::RequestContext};

/// The brokers of the client's zone that its fetches of this broker's partitions can be sent to; none when this broker is in the
/// zone itself.
pub(super) fn near_brokers(context: &RequestContext, broker: &Broker, rack: &str) -> Vec<BrokerId> {
    if rack.is_empty() || !broker.settings.rack_aware_reads || context.is_internal() {
        return Vec::new();
    }
    let image = broker.metadata.image();
    let own = image.brokers.get(&broker.config.broker_id);
    if own.is_some_and(|own| own.rack.as_deref() == Some(rack)) {
        return Vec::new();
    }
    let listener = context.listener();
    let near = image.brokers.values().filter(|other| {
        !other.fenced && other.rack.as_deref() == Some(rack) && other.endpoint(listener.as_str()).is_some()
    });
    near.map(|other| other.broker_id).collect()
}
