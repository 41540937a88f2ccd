//! What comes into a group and what it wants done: requests, answers, commands.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;

use super::{
    consumer::ConsumerConfig,
    error::GroupError,
    ids::{GroupId, InstanceId, MemberId, ReplyId},
    member::MemberProtocol,
    record_format::GroupMetadata,
};
use crate::coordinator::Moment;

/// Limits that hold for every group of the broker.
#[derive(Clone, Debug)]
pub(crate) struct GroupConfig {
    /// `group.initial.rebalance.delay.ms`
    pub(crate) initial_rebalance_delay_ms: i32,
    /// `group.min.session.timeout.ms`
    pub(crate) session_timeout_ms_min: i32,
    /// `group.max.session.timeout.ms`
    pub(crate) session_timeout_ms_max: i32,
    /// `group.max.size`
    pub(crate) members_max: usize,
    /// Of groups of the consumer protocol.
    pub(crate) consumer: ConsumerConfig,
    /// `offset.metadata.max.bytes`
    pub(crate) offset_metadata_bytes_max: usize,
    /// `offsets.retention.minutes`
    pub(crate) offsets_retention_ms: i64,
    /// `offsets.retention.check.interval.ms`
    pub(crate) offsets_retention_check_interval_ms: i64,
}

/// What a group needs to know of the world to handle one event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surroundings<'a> {
    pub(crate) config: &'a GroupConfig,
    pub(crate) now: Moment,
}

/// A JoinGroup request.
#[derive(Clone, Debug)]
pub(crate) struct JoinRequest {
    pub(crate) group_id: GroupId,
    /// Empty on the first attempt.
    pub(crate) member_id: MemberId,
    pub(crate) instance_id: Option<InstanceId>,
    pub(crate) client_id: Arc<str>,
    pub(crate) client_host: Arc<str>,
    pub(crate) session_timeout_ms: i32,
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) protocol_type: Arc<str>,
    pub(crate) protocols: Vec<MemberProtocol>,
    /// Version 4 and later: a dynamic member first fetches its id (KIP-394).
    pub(crate) requires_known_member_id: bool,
    /// Version 9 and later: a returning static leader may be told to keep the assignment (KIP-814).
    pub(crate) supports_skipping_assignment: bool,
    /// The id the member gets if it needs one; random, so it comes from outside.
    pub(crate) fresh_member_id: MemberId,
}

/// Who speaks, in SyncGroup, Heartbeat and OffsetCommit.
#[derive(Clone, Debug)]
pub(crate) struct Speaker {
    pub(crate) member_id: MemberId,
    pub(crate) instance_id: Option<InstanceId>,
    pub(crate) generation: i32,
}

/// A SyncGroup request.
#[derive(Clone, Debug)]
pub(crate) struct SyncRequest {
    pub(crate) group_id: GroupId,
    pub(crate) speaker: Speaker,
    pub(crate) protocol_type: Option<Arc<str>>,
    pub(crate) protocol_name: Option<Arc<str>>,
    /// Filled by the leader.
    pub(crate) assignments: BTreeMap<MemberId, Bytes>,
}

/// One member that leaves; an operator may name a static member by its instance id alone.
#[derive(Clone, Debug)]
pub(crate) struct LeavingMember {
    pub(crate) member_id: MemberId,
    pub(crate) instance_id: Option<InstanceId>,
}

/// Answer to JoinGroup; the id is told with errors too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JoinAnswer {
    pub(crate) member_id: MemberId,
    pub(crate) result: Result<Joined, GroupError>,
}

/// A completed join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Joined {
    pub(crate) generation: i32,
    pub(crate) protocol_type: Option<Arc<str>>,
    pub(crate) protocol_name: Option<Arc<str>>,
    pub(crate) leader: MemberId,
    pub(crate) skip_assignment: bool,
    /// For the leader only.
    pub(crate) members: Vec<JoinedMember>,
}

/// A member as its leader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JoinedMember {
    pub(crate) member_id: MemberId,
    pub(crate) instance_id: Option<InstanceId>,
    pub(crate) metadata: Bytes,
}

/// Answer to SyncGroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SyncAnswer {
    pub(crate) protocol_type: Option<Arc<str>>,
    pub(crate) protocol_name: Option<Arc<str>>,
    pub(crate) assignment: Bytes,
}

/// What a group wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Answer a waiting JoinGroup.
    AnswerJoin { reply: ReplyId, answer: JoinAnswer },
    /// Answer a waiting SyncGroup.
    AnswerSync {
        reply: ReplyId,
        result: Result<SyncAnswer, GroupError>,
    },
    /// Append the record, and report to [`super::group::ClassicGroup::persisted`] once the high watermark passed it.
    Persist { metadata: GroupMetadata, purpose: Purpose },
}

/// Why a group is written, and so what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A generation without members: nothing follows.
    Empty,
    /// The leader's assignment: the members hear of it.
    Assignment {
        generation: i32,
        assignments: BTreeMap<MemberId, Bytes>,
    },
    /// A static member came back under a new id: it hears that it is in.
    StaticMemberReturned {
        instance_id: InstanceId,
        new_member_id: MemberId,
        /// The leader before, which clients below version 9 are told, so that they do not assign anew.
        leader_before: MemberId,
        supports_skipping_assignment: bool,
    },
}
