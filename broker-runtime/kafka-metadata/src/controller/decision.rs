//! What comes into the controller, and what comes out.

use crate::{
    BrokerId, MetadataImage, MetadataRecord, TopicId,
    mutations::Allowance,
    rpc::{ControllerRequest, ControllerResponse},
};

/// What the controller has to decide on.
#[derive(Clone, Debug)]
pub enum ControllerEvent {
    /// The log is empty: this cluster begins.
    CreateCluster {
        /// Kafka's id of the cluster.
        cluster_id: String,
    },
    /// A broker or the engine asks for something.
    Request(ControllerRequest),
    /// A client asks for something that it has a quota of.
    Limited {
        /// What it asks.
        request: ControllerRequest,
        /// What it may change now.
        allowance: Allowance,
    },
    /// A broker's process is gone, or has not been heard of for too long.
    Fence {
        /// The broker.
        broker_id: BrokerId,
    },
    /// Preferred replicas of these partitions have been in sync for long enough to lead again.
    BalanceLeaders {
        /// The partitions.
        partitions: Vec<(TopicId, i32)>,
    },
}

/// What was decided.
#[derive(Clone, Debug)]
pub struct Decision {
    /// Records of one atomic batch; none when nothing changes.
    pub records: Vec<MetadataRecord>,
    /// The image with the records applied.
    pub image: MetadataImage,
    /// The answer.
    pub response: ControllerResponse,
    /// What is left to the client of [`ControllerEvent::Limited`].
    pub allowance: Option<Allowance>,
}
