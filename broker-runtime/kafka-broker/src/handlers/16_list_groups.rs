//! ListGroups 0–5: the groups this broker coordinates; clients ask every broker.
//!
//! * Version 4 filters by state (KIP-518), version 5 by type, `classic` or `consumer` (KIP-848). Neither minds case,
//!   and an unknown state or type matches nothing.
//! * A partition that is still loading makes the answer COORDINATOR_LOAD_IN_PROGRESS, with the groups known so far.

use std::sync::Arc;

use kafka_codec::{
    StrBytes,
    messages::{ListGroupsRequest, ListGroupsResponse, list_groups_response::ListedGroup},
};
use kafka_metadata::acl::AclOperation;

use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    groups::{Ask, GroupError},
    response::group_error_code,
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(16, "ListGroups", 0..=5, ListGroupsRequest, handle);

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: ListGroupsRequest,
    _version: i16,
) -> ListGroupsResponse {
    let matches = |filter: &[StrBytes], value: &str| {
        filter.is_empty() || filter.iter().any(|wanted| wanted.eq_ignore_ascii_case(value))
    };
    // Who may see the cluster sees all groups, others those that they may see.
    let sees_all = context.may_quietly(broker, AclOperation::Describe, Resource::Cluster);
    let sees = |group: &str| sees_all || context.may_quietly(broker, AclOperation::Describe, Resource::Group(group));
    let mut response = ListGroupsResponse::default();
    for answer in broker.groups.ask_all(Ask::List).await {
        match answer {
            Ok(groups) => {
                let wanted = groups.into_iter().filter(|group| {
                    matches(&request.states_filter, group.state)
                        && matches(&request.types_filter, group.kind.name())
                        && sees(group.group_id.as_str())
                });
                response.groups.extend(wanted.map(|group| {
                    let mut entry = ListedGroup::default();
                    entry.group_id = StrBytes::from(group.group_id.as_str());
                    entry.protocol_type = StrBytes::from(&*group.protocol_type);
                    entry.group_state = StrBytes::from(group.state);
                    entry.group_type = StrBytes::from(group.kind.name());
                    entry
                }));
            }
            // Another broker has it now, and will list its groups.
            Err(GroupError::NotCoordinator) => {}
            Err(error) => response.error_code = group_error_code(error).code(),
        }
    }
    response
        .groups
        .sort_by(|left, right| left.group_id.cmp(&right.group_id));
    response
}
