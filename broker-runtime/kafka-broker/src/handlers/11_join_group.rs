//! JoinGroup 0–9: enters the classic group, or comes back to it, and waits for the rebalance to gather all members.
//!
//! * Version 4 and later: a dynamic member is first told its id (MEMBER_ID_REQUIRED, KIP-394). Version 5 and later: static
//!   members (KIP-345). Version 9: a static leader that comes back keeps the assignment (KIP-814).
//! * A group of the consumer protocol that has members takes the member in beside them (KIP-848); nobody leads there.
//! * The protocol name of errors is null from version 7 on, empty before.
//!
//! Differences from Kafka: `group.initial.rebalance.delay.ms` is 0 unless it is set; a request that is repeated on another
//! connection ends the one before with REBALANCE_IN_PROGRESS instead of leaving it without an answer; among protocols
//! with equal votes the choice is always the same one.

use std::sync::Arc;

use kafka_codec::{
    StrBytes,
    messages::{JoinGroupRequest, JoinGroupResponse, join_group_response::JoinGroupResponseMember},
};
use kafka_metadata::acl::AclOperation;
use uuid::Uuid;

use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    groups::{Ask, GroupId, InstanceId, JoinAnswer, JoinRequest, MemberId, MemberProtocol},
    response::group_error_code,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(11, "JoinGroup", 0..=9, JoinGroupRequest, handle);

/// First version in which a dynamic member is told its id before it gets in.
const KNOWN_MEMBER_ID_VERSION: i16 = 4;

/// First version in which the protocol name may be null.
const NULLABLE_PROTOCOL_VERSION: i16 = 7;

/// First version in which a leader can be told to keep the assignment.
const SKIP_ASSIGNMENT_VERSION: i16 = 9;

/// Version 0 has one timeout for both.
const REBALANCE_TIMEOUT_VERSION: i16 = 1;

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: JoinGroupRequest,
    version: i16,
) -> JoinGroupResponse {
    let request = join_request(context, request, version);
    let (group_id, member_id) = (request.group_id.clone(), request.member_id.clone());
    let answer = match context.may_with_group(broker, AclOperation::Read, &group_id) {
        Ok(()) => {
            let asked = broker
                .groups
                .ask(broker, &group_id, |answer| Ask::Join(request, answer));
            asked.await
        }
        Err(error) => Err(error),
    };
    respond(
        answer.unwrap_or_else(|error| JoinAnswer {
            member_id,
            result: Err(error),
        }),
        version,
    )
}

fn join_request(context: &RequestContext, request: JoinGroupRequest, version: i16) -> JoinRequest {
    let instance_id = request.group_instance_id.as_deref().map(InstanceId::new);
    let named_after = instance_id.as_ref().map_or(context.client_id(), InstanceId::as_str);
    let protocols = request.protocols.into_iter();
    JoinRequest {
        group_id: GroupId::new(request.group_id.as_str()),
        member_id: MemberId::new(request.member_id.as_str()),
        fresh_member_id: MemberId::new(format!("{named_after}-{}", Uuid::new_v4())),
        requires_known_member_id: version >= KNOWN_MEMBER_ID_VERSION && instance_id.is_none(),
        supports_skipping_assignment: version >= SKIP_ASSIGNMENT_VERSION,
        instance_id,
        client_id: Arc::from(context.client_id()),
        client_host: Arc::from(format!("/{}", context.peer().ip())),
        session_timeout_ms: request.session_timeout_ms,
        rebalance_timeout_ms: if version >= REBALANCE_TIMEOUT_VERSION {
            request.rebalance_timeout_ms
        } else {
            request.session_timeout_ms
        },
        protocol_type: Arc::from(request.protocol_type.as_str()),
        protocols: protocols
            .map(|protocol| MemberProtocol {
                name: Arc::from(protocol.name.as_str()),
                metadata: protocol.metadata,
            })
            .collect(),
    }
}

fn respond(answer: JoinAnswer, version: i16) -> JoinGroupResponse {
    let mut response = JoinGroupResponse::default();
    response.member_id = StrBytes::from(answer.member_id.as_str());
    let without_protocol = (version < NULLABLE_PROTOCOL_VERSION).then(StrBytes::default);
    let joined = match answer.result {
        Ok(joined) => joined,
        Err(error) => {
            response.error_code = group_error_code(error).code();
            response.generation_id = -1;
            response.protocol_name = without_protocol;
            return response;
        }
    };
    response.generation_id = joined.generation;
    response.protocol_type = joined.protocol_type.as_deref().map(StrBytes::from);
    response.protocol_name = joined.protocol_name.as_deref().map(StrBytes::from).or(without_protocol);
    response.leader = StrBytes::from(joined.leader.as_str());
    response.skip_assignment = joined.skip_assignment;
    let members = joined.members.into_iter().map(|member| {
        let mut entry = JoinGroupResponseMember::default();
        entry.member_id = StrBytes::from(member.member_id.as_str());
        entry.group_instance_id = member.instance_id.as_ref().map(|id| StrBytes::from(id.as_str()));
        entry.metadata = member.metadata;
        entry
    });
    response.members = members.collect();
    response
}
