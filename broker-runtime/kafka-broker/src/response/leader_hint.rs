//! Where the leader is, for clients that asked the wrong broker (KIP-951): Produce 10 and Fetch 16 carry it in their
//! errors, and the client need not ask for metadata.

use kafka_codec::StrBytes;
use kafka_metadata::{BrokerId, LeaderEpoch, MetadataImage};

use crate::config::ListenerName;

/// The leader of a partition and how it is reached on the client's listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LeaderHint {
    /// The leader.
    pub(crate) leader_id: BrokerId,
    /// Its epoch.
    pub(crate) leader_epoch: LeaderEpoch,
    /// Host on the client's listener.
    pub(crate) host: StrBytes,
    /// Port on the client's listener.
    pub(crate) port: i32,
    /// Zone.
    pub(crate) rack: Option<StrBytes>,
}

impl LeaderHint {
    /// What the metadata says about the leader of `topic`-`partition`.
    pub(crate) fn find(image: &MetadataImage, topic: &str, partition: i32, listener: ListenerName) -> Option<Self> {
        let state = image.partition(topic, partition)?;
        let leader_id = state.leader?;
        let broker = image.brokers.get(&leader_id)?;
        let endpoint = broker.endpoint(listener.as_str())?;
        Some(Self {
            leader_id,
            leader_epoch: state.leader_epoch,
            host: StrBytes::from(endpoint.host.as_str()),
            port: i32::from(endpoint.port),
            rack: broker.rack.as_deref().map(StrBytes::from),
        })
    }
}
