//! What the log keeps of a consumer group.

use std::{collections::BTreeSet, sync::Arc};

use uuid::Uuid;

use super::partitions::{HeldPartitions, Partitions};
use crate::groups::{
    ids::{InstanceId, MemberId},
    member::MemberProtocol,
};

/// A record; `None` is a tombstone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ConsumerRecord {
    Group(Option<GroupEpoch>),
    Member(MemberId, Option<MemberMetadata>),
    TargetEpoch(Option<TargetEpoch>),
    Target(MemberId, Option<Partitions>),
    Current(MemberId, Option<CurrentAssignment>),
    Regex(Arc<str>, Option<ResolvedRegex>),
}

/// How often the group has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupEpoch {
    pub(crate) epoch: i32,
    /// Of the topics the group reads: another one means another number of partitions, or another topic.
    pub(crate) metadata_hash: i64,
}

/// For which epoch of the group the target was computed, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TargetEpoch {
    pub(crate) epoch: i32,
    pub(crate) timestamp_ms: i64,
}

/// What a member says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MemberMetadata {
    pub(crate) instance_id: Option<InstanceId>,
    pub(crate) rack_id: Option<Arc<str>>,
    pub(crate) client_id: Arc<str>,
    pub(crate) client_host: Arc<str>,
    pub(crate) topics: BTreeSet<Arc<str>>,
    pub(crate) regex: Option<Arc<str>>,
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) server_assignor: Option<Arc<str>>,
    /// Of a member that uses the classic protocol.
    pub(crate) classic: Option<ClassicMember>,
}

/// What a member says that uses the classic protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClassicMember {
    pub(crate) session_timeout_ms: i32,
    /// In the order the member prefers them.
    pub(crate) protocols: Vec<MemberProtocol>,
}

/// How far a member is on its way to its target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum MemberState {
    /// It has what it can have.
    #[default]
    Stable,
    /// It has to say that it has given partitions up.
    UnrevokedPartitions,
    /// Others hold partitions that it is to get.
    UnreleasedPartitions,
    /// A later version of Kafka wrote something else.
    Unknown,
}

impl MemberState {
    /// The number in the log.
    pub(crate) fn code(self) -> i8 {
        match self {
            Self::Stable => 0,
            Self::UnrevokedPartitions => 1,
            Self::UnreleasedPartitions => 2,
            Self::Unknown => 127,
        }
    }

    /// The state with this number.
    pub(crate) fn from_code(code: i8) -> Self {
        match code {
            0 => Self::Stable,
            1 => Self::UnrevokedPartitions,
            2 => Self::UnreleasedPartitions,
            _ => Self::Unknown,
        }
    }
}

/// What a member has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CurrentAssignment {
    /// The epoch it heartbeats with; `-2` while a static member is away for a while.
    pub(crate) epoch: i32,
    /// The one before, with which it comes when it did not hear of the newest.
    pub(crate) previous_epoch: i32,
    pub(crate) state: MemberState,
    pub(crate) assigned: HeldPartitions,
    /// It is to give these up, and has not said that it did.
    pub(crate) revoking: HeldPartitions,
}

impl CurrentAssignment {
    /// What nobody else may have: what it has, and what it has not said that it gave up.
    pub(super) fn held(&self) -> impl Iterator<Item = (Uuid, i32)> {
        let held = self.assigned.iter().chain(self.revoking.iter());
        held.map(|(topic_id, partition, _)| (topic_id, partition))
    }
}

/// Topics whose names match a regular expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResolvedRegex {
    pub(crate) topics: BTreeSet<Arc<str>>,
    /// Offset of the metadata that was looked at.
    pub(crate) version: i64,
    pub(crate) timestamp_ms: i64,
}
