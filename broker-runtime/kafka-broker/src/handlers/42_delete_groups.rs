//! DeleteGroups 0–2: forgets groups without members, and their offsets. NON_EMPTY_GROUP and GROUP_ID_NOT_FOUND otherwise;
//! COORDINATOR_NOT_AVAILABLE, on which clients try again, while an open transaction has offsets of the group.

use std::sync::Arc;

use kafka_codec::messages::{DeleteGroupsRequest, DeleteGroupsResponse, delete_groups_response::DeletableGroupResult};
use kafka_metadata::acl::AclOperation;

use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    groups::{Ask, GroupId},
    response::group_error_code,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(42, "DeleteGroups", 0..=2, DeleteGroupsRequest, handle);

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: DeleteGroupsRequest,
    _version: i16,
) -> DeleteGroupsResponse {
    let mut response = DeleteGroupsResponse::default();
    for name in request.groups_names {
        let group_id = GroupId::new(name.as_str());
        let result = match context.may_with_group(broker, AclOperation::Delete, &group_id) {
            Ok(()) => {
                let asked = broker
                    .groups
                    .ask(broker, &group_id, |answer| Ask::DeleteGroup(group_id.clone(), answer));
                asked.await
            }
            Err(error) => Err(error),
        };
        let mut entry = DeletableGroupResult::default();
        entry.group_id = name;
        entry.error_code = match result.and_then(|result| result) {
            Ok(()) => 0,
            Err(error) => group_error_code(error).code(),
        };
        response.results.push(entry);
    }
    response
}
