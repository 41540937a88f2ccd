//! What DescribeGroups and ListGroups say about a group.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    consumer::ConsumerGroup,
    group::{CONSUMER_PROTOCOL_TYPE, ClassicGroup, GroupState},
    ids::{GroupId, InstanceId, MemberId},
};

/// A group as DescribeGroups shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupDescription {
    pub(crate) state: GroupState,
    pub(crate) protocol_type: Arc<str>,
    pub(crate) protocol_name: Arc<str>,
    pub(crate) members: Vec<MemberDescription>,
}

/// A member as DescribeGroups shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MemberDescription {
    pub(crate) member_id: MemberId,
    pub(crate) instance_id: Option<InstanceId>,
    pub(crate) client_id: Arc<str>,
    pub(crate) client_host: Arc<str>,
    pub(crate) metadata: Bytes,
    pub(crate) assignment: Bytes,
}

/// A group as ListGroups shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupListing {
    pub(crate) group_id: GroupId,
    pub(crate) protocol_type: Arc<str>,
    /// The name of its state.
    pub(crate) state: &'static str,
    pub(crate) kind: GroupKind,
}

/// The protocol of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GroupKind {
    Classic,
    Consumer,
}

impl GroupKind {
    /// The name in Kafka's protocol.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Consumer => "consumer",
        }
    }
}

impl ConsumerGroup {
    pub(crate) fn listing(&self) -> GroupListing {
        GroupListing {
            group_id: self.group_id().clone(),
            protocol_type: Arc::from(CONSUMER_PROTOCOL_TYPE),
            state: self.state().name(),
            kind: GroupKind::Consumer,
        }
    }
}

impl ClassicGroup {
    /// Protocol, subscriptions and assignments are told of a stable group only: before they are about to change.
    pub(crate) fn describe(&self) -> GroupDescription {
        let is_stable = self.state() == GroupState::Stable;
        let protocol = self.protocol_name().filter(|_| is_stable);
        let members = self.members().map(|member| MemberDescription {
            member_id: member.member_id.clone(),
            instance_id: member.instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            metadata: protocol.map(|protocol| member.metadata(protocol)).unwrap_or_default(),
            assignment: if is_stable {
                member.assignment.clone()
            } else {
                Bytes::new()
            },
        });
        GroupDescription {
            state: self.state(),
            protocol_type: Arc::from(self.protocol_type().unwrap_or_default()),
            protocol_name: Arc::from(protocol.unwrap_or_default()),
            members: members.collect(),
        }
    }

    pub(crate) fn listing(&self) -> GroupListing {
        GroupListing {
            group_id: self.group_id().clone(),
            protocol_type: Arc::from(self.protocol_type().unwrap_or_default()),
            state: self.state().name(),
            kind: GroupKind::Classic,
        }
    }
}
