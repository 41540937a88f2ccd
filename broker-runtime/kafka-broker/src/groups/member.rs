//! One member of a classic group.

use std::sync::Arc;

use bytes::Bytes;

use super::ids::{InstanceId, MemberId, ReplyId};

/// A protocol (for consumers: an assignor) a member offers, with what it has to say in it (its subscription).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MemberProtocol {
    pub(crate) name: Arc<str>,
    pub(crate) metadata: Bytes,
}

/// A member. It waits for at most one JoinGroup and one SyncGroup answer at a time.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) member_id: MemberId,
    pub(crate) instance_id: Option<InstanceId>,
    pub(crate) client_id: Arc<str>,
    pub(crate) client_host: Arc<str>,
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) session_timeout_ms: i32,
    /// In the order the member prefers them.
    pub(crate) protocols: Vec<MemberProtocol>,
    /// What the leader gave it in the generation that was last synchronised.
    pub(crate) assignment: Bytes,
    pub(crate) awaiting_join: Option<ReplyId>,
    pub(crate) awaiting_sync: Option<ReplyId>,
    /// True until its first JoinGroup is answered: it has no id yet and cannot send heartbeats.
    pub(crate) is_new: bool,
    /// When it is given up, on the monotonic clock; `None` while we owe it an answer.
    pub(crate) session_deadline_ms: Option<i64>,
}

impl Member {
    /// What the member says in `protocol`; empty when it does not offer it.
    pub(crate) fn metadata(&self, protocol: &str) -> Bytes {
        self.protocols
            .iter()
            .find(|offered| &*offered.name == protocol)
            .map(|offered| offered.metadata.clone())
            .unwrap_or_default()
    }

    /// When the member is given up. While we owe it an answer it is not, unless it never got one: then the deadline is
    /// that of newcomers.
    pub(crate) fn expires_at_ms(&self) -> Option<i64> {
        let owed = self.awaiting_join.is_some() || self.awaiting_sync.is_some();
        if owed && !self.is_new {
            None
        } else {
            self.session_deadline_ms
        }
    }

    pub(crate) fn offers(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|offered| &*offered.name == protocol)
    }
}
