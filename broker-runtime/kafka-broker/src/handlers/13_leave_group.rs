//! LeaveGroup 0–5: members leave, or an operator removes them. Version 3 and later name several, each with a result of
//! its own (KIP-345); before, the one result is that of the request.

use std::sync::Arc;

use kafka_codec::messages::{
    LeaveGroupRequest, LeaveGroupResponse, leave_group_request::MemberIdentity, leave_group_response::MemberResponse,
};
use kafka_metadata::acl::AclOperation;

use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    groups::{Ask, GroupId, InstanceId, LeavingMember, MemberId},
    response::group_error_code,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(13, "LeaveGroup", 0..=5, LeaveGroupRequest, handle);

/// First version that names several members.
const BATCH_VERSION: i16 = 3;

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: LeaveGroupRequest,
    version: i16,
) -> LeaveGroupResponse {
    let group_id = GroupId::new(request.group_id.as_str());
    let named = if version >= BATCH_VERSION {
        request.members
    } else {
        let mut only = MemberIdentity::default();
        only.member_id = request.member_id;
        vec![only]
    };
    let leaving = named.iter().map(|member| LeavingMember {
        member_id: MemberId::new(member.member_id.as_str()),
        instance_id: member.group_instance_id.as_deref().map(InstanceId::new),
    });
    let leaving: Vec<LeavingMember> = leaving.collect();
    let results = match context.may_with_group(broker, AclOperation::Read, &group_id) {
        Ok(()) => {
            let asked = broker.groups.ask(broker, &group_id, |answer| {
                Ask::Leave(group_id.clone(), leaving, answer)
            });
            asked.await
        }
        Err(error) => Err(error),
    };
    let mut response = LeaveGroupResponse::default();
    let results = match results.and_then(|results| results) {
        Ok(results) => results,
        Err(error) => {
            response.error_code = group_error_code(error).code();
            return response;
        }
    };
    let mut codes = results
        .into_iter()
        .map(|result| result.err().map_or(0, |error| group_error_code(error).code()));
    if version < BATCH_VERSION {
        response.error_code = codes.next().unwrap_or(0);
        return response;
    }
    let members = named.into_iter().zip(codes).map(|(member, error_code)| {
        let mut entry = MemberResponse::default();
        entry.member_id = member.member_id;
        entry.group_instance_id = member.group_instance_id;
        entry.error_code = error_code;
        entry
    });
    response.members = members.collect();
    response
}
