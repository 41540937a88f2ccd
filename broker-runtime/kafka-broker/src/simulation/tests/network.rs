//! What is on its way between the parts of a simulation. Messages arrive in any order; each arrives once, twice or never.

use bytes::Bytes;
use kafka_codec::messages::fetch_response::PartitionData;
use kafka_log::VerificationGuard;
use kafka_metadata::{
    BrokerEpoch, BrokerId, LeaderEpoch, PartitionEpoch, PartitionState,
    rpc::{AlterPartition, ControllerError},
};

use super::producers::BatchName;
use crate::partition::FollowerFetch;

/// A process: the broker, and which of its lives.
pub(super) type ProcessName = (BrokerId, u32);

/// Something on its way.
#[derive(Clone, Debug)]
pub(super) enum Message {
    /// A follower asks its leader.
    Fetch {
        from: ProcessName,
        to: BrokerId,
        index: i32,
        id: u64,
        fetch: FollowerFetch,
        epochs: (i32, i32),
    },
    /// The leader's answer.
    Fetched {
        to: ProcessName,
        from: BrokerId,
        index: i32,
        id: u64,
        data: PartitionData,
    },
    /// A producer's batch.
    Produce {
        to: BrokerId,
        name: BatchName,
        bytes: Bytes,
    },
    /// A leader asks whether a transaction is open.
    Join {
        from: ProcessName,
        name: BatchName,
        bytes: Bytes,
        guard: VerificationGuard,
    },
    /// The coordinator's answer.
    Joined {
        to: ProcessName,
        name: BatchName,
        bytes: Bytes,
        guard: VerificationGuard,
    },
    /// The end of a transaction.
    Marker { to: BrokerId, producer: usize, index: i32 },
    /// A leader proposes an ISR.
    Propose {
        from: ProcessName,
        broker_epoch: BrokerEpoch,
        proposal: AlterPartition,
    },
    /// The controller's answer; no state stands for an answer that was lost.
    Proposed {
        to: ProcessName,
        index: i32,
        epochs: (LeaderEpoch, PartitionEpoch),
        result: Result<PartitionState, ControllerError>,
    },
}

impl Message {
    /// The brokers between which it is, if it is between two.
    pub(super) fn link(&self) -> Option<(BrokerId, BrokerId)> {
        match self {
            Self::Fetch { from, to, .. } => Some((from.0, *to)),
            Self::Fetched { to, from, .. } => Some((*from, to.0)),
            _ => None,
        }
    }

    /// Whether a connection could carry it twice: a client that has got no answer sends again.
    pub(super) fn may_double(&self) -> bool {
        matches!(self, Self::Fetch { .. } | Self::Produce { .. } | Self::Marker { .. })
    }
}
