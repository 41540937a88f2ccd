//! Heartbeat 0–4: a member says that it lives and hears whether a rebalance is going on.
//!
//! While the coordinator loads the answer is no error, as in Kafka: the member's session begins anew once it is loaded.

use std::sync::Arc;

use kafka_codec::messages::{HeartbeatRequest, HeartbeatResponse};
use kafka_metadata::acl::AclOperation;

use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    groups::{Ask, GroupError, GroupId, InstanceId, MemberId, Speaker},
    response::group_error_code,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(12, "Heartbeat", 0..=4, HeartbeatRequest, handle);

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: HeartbeatRequest,
    _version: i16,
) -> HeartbeatResponse {
    let group_id = GroupId::new(request.group_id.as_str());
    let speaker = Speaker {
        member_id: MemberId::new(request.member_id.as_str()),
        instance_id: request.group_instance_id.as_deref().map(InstanceId::new),
        generation: request.generation_id,
    };
    let result = match context.may_with_group(broker, AclOperation::Read, &group_id) {
        Ok(()) => {
            let asked = broker.groups.ask(broker, &group_id, |answer| {
                Ask::Heartbeat(group_id.clone(), speaker, answer)
            });
            asked.await
        }
        Err(error) => Err(error),
    };
    let mut response = HeartbeatResponse::default();
    match result.and_then(|result| result) {
        Ok(()) | Err(GroupError::CoordinatorLoadInProgress) => {}
        Err(error) => response.error_code = group_error_code(error).code(),
    }
    response
}
