//! Names of the group coordinator, as types of their own.

use crate::coordinator::text_id;

text_id!(
    /// `group.id`.
    GroupId
);
text_id!(
    /// What the coordinator calls a member; empty while it has not called it anything.
    MemberId
);
text_id!(
    /// `group.instance.id` of a static member (KIP-345).
    InstanceId
);

impl GroupId {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl MemberId {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Names one waiting JoinGroup or SyncGroup request; whoever runs the machine keeps the connection that belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ReplyId(pub(crate) u64);
