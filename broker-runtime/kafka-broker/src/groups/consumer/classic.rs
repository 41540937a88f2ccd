//! Members of a consumer group that use the classic protocol (KIP-848, migration while a group has members): their
//! JoinGroup, SyncGroup, Heartbeat and LeaveGroup. A generation is an epoch of the member; JoinGroup takes the member a step
//! on, as a heartbeat does with the others, and SyncGroup tells what it has. The coordinator assigns, so none of them leads.
//!
//! ```text
//!   JoinGroup ──► SyncGroup ──► Heartbeat ──┐  the epoch of the group has grown, or partitions are to be given up,
//!      ▲                            ▲       │  or all that it waits for is free: REBALANCE_IN_PROGRESS
//!      │                            └───────┤
//!      └────────────────────────────────────┘
//! ```

use std::collections::BTreeSet;

use super::{
    group::{ConsumerGroup, World},
    member::ConsumerMember,
    partitions::Partitions,
    record::{ClassicMember, ConsumerRecord, MemberMetadata, MemberState},
};
use crate::groups::{
    command::{JoinAnswer, JoinRequest, Joined, LeavingMember, Speaker, SyncAnswer, SyncRequest},
    embedded_protocol::{EmbeddedSubscription, NamedPartitions, write_assignment},
    error::GroupError,
    group::CONSUMER_PROTOCOL_TYPE,
    ids::MemberId,
    member::MemberProtocol,
};

/// What JoinGroup leads to: records to append together, and what its sender hears once they are on disk.
#[derive(Debug)]
pub(crate) struct JoinOutcome {
    pub(crate) records: Vec<ConsumerRecord>,
    pub(crate) answer: JoinAnswer,
    /// Another member's place was taken.
    pub(crate) replaced: bool,
}

impl ConsumerGroup {
    /// JoinGroup of a member that is new or comes back. Nothing has changed when it is refused.
    pub(crate) fn join_classic(&mut self, request: &JoinRequest, world: World<'_>) -> Result<JoinOutcome, GroupError> {
        let is_nameless = request.member_id.is_empty();
        if !self.members.contains_key(&request.member_id) && self.members.len() >= world.config.members_max {
            return Err(GroupError::GroupMaxSizeReached);
        }
        if !self.supports(request) {
            return Err(GroupError::InconsistentGroupProtocol);
        }
        if is_nameless && request.requires_known_member_id {
            return Ok(refused(&request.fresh_member_id, GroupError::MemberIdRequired));
        }
        let first = request.protocols.first().ok_or(GroupError::InconsistentGroupProtocol)?;
        let subscription = EmbeddedSubscription::read(&first.metadata);
        let subscription = subscription.map_err(|_| GroupError::InconsistentGroupProtocol)?;
        let member_id = if is_nameless {
            request.fresh_member_id.clone()
        } else {
            request.member_id.clone()
        };
        let replaced = self.place_of(request, is_nameless)?;
        let mut records = Vec::new();
        if let Some(before) = &replaced {
            self.replace_member(before, &member_id, world, &mut records);
        }
        let owned = self.by_id(&subscription.owned, world);
        let changed = self.take_subscription(&member_id, request, subscription, world, &mut records);
        self.look_at_topics(changed, world, &mut records);
        self.assign_if_due(world, &mut records);
        self.reconcile(&member_id, Some(&owned), world, &mut records);
        let member = self.members.get_mut(&member_id).ok_or(GroupError::UnknownMemberId)?;
        member.session_deadline_ms = world.now.after(request.session_timeout_ms);
        member.join_deadline_ms = None;
        member.sync_deadline_ms = Some(world.now.after(request.rebalance_timeout_ms));
        self.wakes_at_ms = self.wakes_at_ms.min(member.next_deadline_ms());
        let joined = Joined {
            generation: member.current.epoch,
            protocol_type: Some(CONSUMER_PROTOCOL_TYPE.into()),
            protocol_name: Some(first.name.clone()),
            leader: MemberId::new(""),
            skip_assignment: false,
            members: Vec::new(),
        };
        let answer = JoinAnswer {
            member_id,
            result: Ok(joined),
        };
        Ok(JoinOutcome {
            records,
            answer,
            replaced: replaced.is_some(),
        })
    }

    /// True when the member shares a protocol with all others of the classic kind.
    fn supports(&self, request: &JoinRequest) -> bool {
        let others = self.members.values();
        let others = others.filter_map(|member| member.metadata.classic.as_ref());
        let all_offer = |name: &str| {
            let offers = |other: &ClassicMember| other.protocols.iter().any(|offered| &*offered.name == name);
            others.clone().all(offers)
        };
        let mut offered = request.protocols.iter();
        &*request.protocol_type == CONSUMER_PROTOCOL_TYPE && offered.any(|protocol| all_offer(&protocol.name))
    }

    /// Whether the sender may join as a static member; gives the member whose place it takes.
    fn place_of(&self, request: &JoinRequest, is_nameless: bool) -> Result<Option<MemberId>, GroupError> {
        let Some(instance_id) = &request.instance_id else {
            return Ok(None);
        };
        match self.static_members.get(instance_id) {
            Some(before) if is_nameless => Ok(Some(before.clone())),
            None if is_nameless => Ok(None),
            Some(current) if *current == request.member_id => Ok(None),
            Some(_) => Err(GroupError::FencedInstanceId),
            None => Err(GroupError::UnknownMemberId),
        }
    }

    /// Takes over what the member says of itself; true when that changes who reads what.
    fn take_subscription(
        &mut self,
        member_id: &MemberId,
        request: &JoinRequest,
        subscription: EmbeddedSubscription,
        world: World<'_>,
        records: &mut Vec<ConsumerRecord>,
    ) -> bool {
        let before = self.members.get(member_id).map(|member| &member.metadata);
        let known = before.cloned().unwrap_or_default();
        let metadata = MemberMetadata {
            instance_id: request.instance_id.clone().or(known.instance_id),
            rack_id: subscription.rack_id.or(known.rack_id),
            client_id: request.client_id.clone(),
            client_host: request.client_host.clone(),
            topics: subscription.topics,
            regex: None,
            rebalance_timeout_ms: request.rebalance_timeout_ms,
            server_assignor: None,
            classic: Some(ClassicMember {
                session_timeout_ms: request.session_timeout_ms,
                protocols: request.protocols.clone(),
            }),
        };
        if before == Some(&metadata) {
            return false;
        }
        let reads_otherwise = before.is_none_or(|before| {
            (&before.topics, &before.regex, &before.server_assignor)
                != (&metadata.topics, &metadata.regex, &metadata.server_assignor)
        });
        records.push(ConsumerRecord::Member(member_id.clone(), Some(metadata.clone())));
        self.set_metadata(member_id, metadata, world);
        self.forget_unused_regexes(records);
        reads_otherwise
    }

    /// Partitions that exist, by the ids of their topics.
    pub(super) fn by_id(&self, partitions: &NamedPartitions, world: World<'_>) -> Partitions {
        let known = partitions.iter().filter_map(|(topic, partition)| {
            let topic = world.image.topics.get(&**topic)?;
            Some((topic.topic_id.0, *partition))
        });
        known.collect()
    }

    /// SyncGroup: what the member has.
    pub(crate) fn sync_classic(&mut self, request: &SyncRequest, world: World<'_>) -> Result<SyncAnswer, GroupError> {
        let group_epoch = self.epoch;
        let member = self.classic_member(&request.speaker)?;
        let first = member.first_protocol();
        let type_differs = request
            .protocol_type
            .as_deref()
            .is_some_and(|kind| kind != CONSUMER_PROTOCOL_TYPE);
        let name_differs = request
            .protocol_name
            .as_ref()
            .is_some_and(|name| first.is_none_or(|first| first.name != *name));
        if type_differs || name_differs {
            return Err(GroupError::InconsistentGroupProtocol);
        }
        // Who is to give something up has joined for it already, and comes again when that is done.
        if group_epoch > member.current.epoch && member.current.state != MemberState::UnrevokedPartitions {
            return Err(self.call_to_join(&request.speaker.member_id, world));
        }
        let version = first.and_then(|first| EmbeddedSubscription::read(&first.metadata).ok());
        let version = version.map_or(0, |subscription| subscription.version);
        let assignment = assignment_of(&member.current.assigned.partitions(), version, world);
        let answer = SyncAnswer {
            protocol_type: request.protocol_type.clone(),
            protocol_name: request.protocol_name.clone(),
            assignment,
        };
        if let Some(member) = self.members.get_mut(&request.speaker.member_id) {
            member.sync_deadline_ms = None;
        }
        self.renew_classic_session(&request.speaker.member_id, world);
        Ok(answer)
    }

    /// Heartbeat: whether the member has to join again.
    pub(crate) fn heartbeat_classic(&mut self, speaker: &Speaker, world: World<'_>) -> Result<(), GroupError> {
        let group_epoch = self.epoch;
        let member = self.classic_member(speaker)?;
        let has_to_join = member.current.epoch < group_epoch
            || match member.current.state {
                MemberState::Stable | MemberState::Unknown => false,
                MemberState::UnrevokedPartitions => true,
                MemberState::UnreleasedPartitions => !self.waits_for_others(&speaker.member_id),
            };
        self.renew_classic_session(&speaker.member_id, world);
        if has_to_join {
            Err(self.call_to_join(&speaker.member_id, world))
        } else {
            Ok(())
        }
    }

    /// LeaveGroup; one result each, in order. An operator removes members of either protocol so.
    pub(crate) fn leave_classic(
        &mut self,
        leaving: &[LeavingMember],
        world: World<'_>,
    ) -> (Vec<Result<(), GroupError>>, Vec<ConsumerRecord>) {
        let mut records = Vec::new();
        let mut results = Vec::with_capacity(leaving.len());
        for member in leaving {
            let found = self.find_leaving(member);
            if let Ok(member_id) = &found {
                self.remove(member_id, world, &mut records);
            }
            results.push(found.map(drop));
        }
        (results, records)
    }

    fn find_leaving(&self, leaving: &LeavingMember) -> Result<MemberId, GroupError> {
        let member_id = match &leaving.instance_id {
            Some(instance_id) => {
                let named = self.static_members.get(instance_id);
                let named = named.ok_or(GroupError::UnknownMemberId)?;
                // An operator may name a static member by its instance id alone.
                if !leaving.member_id.is_empty() && *named != leaving.member_id {
                    return Err(GroupError::FencedInstanceId);
                }
                named
            }
            None => &leaving.member_id,
        };
        if self.members.contains_key(member_id) {
            Ok(member_id.clone())
        } else {
            Err(GroupError::UnknownMemberId)
        }
    }

    /// The member that speaks, in its epoch.
    fn classic_member(&self, speaker: &Speaker) -> Result<&ConsumerMember, GroupError> {
        if let Some(instance_id) = &speaker.instance_id {
            match self.static_members.get(instance_id) {
                Some(current) if *current != speaker.member_id => return Err(GroupError::FencedInstanceId),
                Some(_) => {}
                None => return Err(GroupError::UnknownMemberId),
            }
        }
        let member = self.members.get(&speaker.member_id);
        let member = member.filter(|member| member.is_classic());
        let member = member.ok_or(GroupError::UnknownMemberId)?;
        if member.current.epoch == speaker.generation {
            Ok(member)
        } else {
            Err(GroupError::IllegalGeneration)
        }
    }

    /// True while another member holds a partition that this one is to get.
    fn waits_for_others(&self, member_id: &MemberId) -> bool {
        let target = self.targets.get(member_id).into_iter().flat_map(Partitions::iter);
        let mut owners = target.filter_map(|partition| self.owners.get(&partition));
        owners.any(|owner| owner != member_id)
    }

    /// The member is told to join again, and has its rebalance timeout to do so.
    fn call_to_join(&mut self, member_id: &MemberId, world: World<'_>) -> GroupError {
        if let Some(member) = self.members.get_mut(member_id) {
            let deadline_ms = world.now.after(member.metadata.rebalance_timeout_ms);
            member.join_deadline_ms.get_or_insert(deadline_ms);
            self.wakes_at_ms = self.wakes_at_ms.min(member.next_deadline_ms());
        }
        GroupError::RebalanceInProgress
    }

    fn renew_classic_session(&mut self, member_id: &MemberId, world: World<'_>) {
        if let Some(member) = self.members.get_mut(member_id) {
            member.session_deadline_ms = world.session_deadline_ms(&self.group_id, &member.metadata);
            self.wakes_at_ms = self.wakes_at_ms.min(member.next_deadline_ms());
        }
    }
}

impl ConsumerMember {
    /// True for a member that uses the classic protocol.
    pub(super) fn is_classic(&self) -> bool {
        self.metadata.classic.is_some()
    }

    fn first_protocol(&self) -> Option<&MemberProtocol> {
        self.metadata.classic.as_ref()?.protocols.first()
    }
}

/// Partitions as a leader of the classic protocol would assign them. Topics that are gone are left out.
pub(super) fn assignment_of(partitions: &Partitions, version: i16, world: World<'_>) -> bytes::Bytes {
    let topics = partitions.topics().filter_map(|(topic_id, of_topic)| {
        let topic = world.image.topic_by_id(kafka_metadata::TopicId(topic_id))?;
        Some((topic.name.as_str(), of_topic))
    });
    let topics: Vec<(&str, &BTreeSet<i32>)> = topics.collect();
    write_assignment(version, topics.into_iter())
}

fn refused(member_id: &MemberId, error: GroupError) -> JoinOutcome {
    JoinOutcome {
        records: Vec::new(),
        answer: JoinAnswer {
            member_id: member_id.clone(),
            result: Err(error),
        },
        replaced: false,
    }
}
