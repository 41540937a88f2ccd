//! What ConsumerGroupDescribe says about a group.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    group::{ConsumerGroup, ConsumerGroupState},
    partitions::Partitions,
    settings::ConsumerConfig,
};
use crate::groups::ids::{InstanceId, MemberId};

/// A group as ConsumerGroupDescribe shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConsumerGroupDescription {
    pub(crate) state: ConsumerGroupState,
    pub(crate) epoch: i32,
    pub(crate) target_epoch: i32,
    pub(crate) assignor: &'static str,
    pub(crate) members: Vec<ConsumerMemberDescription>,
}

/// A member as ConsumerGroupDescribe shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConsumerMemberDescription {
    pub(crate) member_id: MemberId,
    pub(crate) instance_id: Option<InstanceId>,
    pub(crate) rack_id: Option<Arc<str>>,
    pub(crate) epoch: i32,
    pub(crate) client_id: Arc<str>,
    pub(crate) client_host: Arc<str>,
    pub(crate) topics: BTreeSet<Arc<str>>,
    pub(crate) regex: Option<Arc<str>>,
    /// What it has, and what it has not said that it gave up.
    pub(crate) assignment: Partitions,
    pub(crate) target: Partitions,
    /// True for a member that uses the classic protocol.
    pub(crate) is_classic: bool,
}

impl ConsumerGroup {
    pub(crate) fn describe(&self, config: &ConsumerConfig) -> ConsumerGroupDescription {
        let members = self.members.iter().map(|(member_id, member)| {
            let metadata = member.metadata.clone();
            ConsumerMemberDescription {
                member_id: member_id.clone(),
                instance_id: metadata.instance_id,
                rack_id: metadata.rack_id,
                epoch: member.current.epoch,
                client_id: metadata.client_id,
                client_host: metadata.client_host,
                topics: metadata.topics,
                regex: metadata.regex,
                assignment: member.current.held().collect(),
                target: self.targets.get(member_id).cloned().unwrap_or_default(),
                is_classic: metadata.classic.is_some(),
            }
        });
        ConsumerGroupDescription {
            state: self.state(),
            epoch: self.epoch,
            target_epoch: self.target_epoch,
            assignor: self.assignor(config).name(),
            members: members.collect(),
        }
    }
}
