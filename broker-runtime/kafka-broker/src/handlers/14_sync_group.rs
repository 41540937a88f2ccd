//! SyncGroup 0–5: the leader hands in the assignment, every member gets its part once it is on disk.
//!
//! * Version 5: protocol type and name are checked (INCONSISTENT_GROUP_PROTOCOL) and told (KIP-559).
//! * While the coordinator loads the answer is REBALANCE_IN_PROGRESS, as in Kafka: what it loads knows nothing of the
//!   rebalance that is going on, and old clients do not expect COORDINATOR_LOAD_IN_PROGRESS here.
//!
//! Difference from Kafka: a leader that repeats its request while the assignment is being written does not replace it; so
//! a generation has one assignment, whatever fails.

use std::sync::Arc;

use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{SyncGroupRequest, SyncGroupResponse},
};
use kafka_metadata::acl::AclOperation;

use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    groups::{Ask, GroupError, GroupId, InstanceId, MemberId, Speaker, SyncRequest},
    response::group_error_code,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(14, "SyncGroup", 0..=5, SyncGroupRequest, handle);

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: SyncGroupRequest,
    _version: i16,
) -> SyncGroupResponse {
    let group_id = GroupId::new(request.group_id.as_str());
    let assignments = request.assignments.into_iter();
    let request = SyncRequest {
        group_id: group_id.clone(),
        speaker: Speaker {
            member_id: MemberId::new(request.member_id.as_str()),
            instance_id: request.group_instance_id.as_deref().map(InstanceId::new),
            generation: request.generation_id,
        },
        protocol_type: request.protocol_type.as_deref().map(Arc::from),
        protocol_name: request.protocol_name.as_deref().map(Arc::from),
        assignments: assignments
            .map(|entry| (MemberId::new(entry.member_id.as_str()), entry.assignment))
            .collect(),
    };
    let answer = match context.may_with_group(broker, AclOperation::Read, &group_id) {
        Ok(()) => {
            let asked = broker
                .groups
                .ask(broker, &group_id, |answer| Ask::Sync(request, answer));
            asked.await
        }
        Err(error) => Err(error),
    };
    let mut response = SyncGroupResponse::default();
    match answer.and_then(|answer| answer) {
        Ok(answer) => {
            response.protocol_type = answer.protocol_type.as_deref().map(StrBytes::from);
            response.protocol_name = answer.protocol_name.as_deref().map(StrBytes::from);
            response.assignment = answer.assignment;
        }
        Err(GroupError::CoordinatorLoadInProgress) => {
            response.error_code = group_error_code(GroupError::RebalanceInProgress).code();
        }
        // The assignments are larger than a record may be: the code for offsets would only confuse.
        Err(GroupError::Unwritable) => response.error_code = ErrorCode::UnknownServerError.code(),
        Err(error) => response.error_code = group_error_code(error).code(),
    }
    response
}
