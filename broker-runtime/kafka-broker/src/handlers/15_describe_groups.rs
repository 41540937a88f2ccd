//! DescribeGroups 0–6: state, protocol and members of groups.
//!
//! * Subscriptions and assignments are given while the group is stable.
//! * A group that does not exist, or that uses the consumer protocol (ConsumerGroupDescribe shows those), is `Dead` without an error up to version 5, GROUP_ID_NOT_FOUND in version 6 (KIP-1043).
//! * A group that may not be seen is GROUP_AUTHORIZATION_FAILED, whether it exists or not.

use std::sync::Arc;

use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{
        DescribeGroupsRequest, DescribeGroupsResponse,
        describe_groups_response::{DescribedGroup, DescribedGroupMember},
    },
};
use kafka_metadata::acl::AclOperation;

use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    groups::{Ask, GroupError, GroupId, GroupState},
    response::group_error_code,
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(15, "DescribeGroups", 0..=6, DescribeGroupsRequest, handle);

/// First version that knows GROUP_ID_NOT_FOUND.
const NOT_FOUND_VERSION: i16 = 6;

/// Means that nobody asked.
const OPERATIONS_NOT_ASKED: i32 = i32::MIN;

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: DescribeGroupsRequest,
    version: i16,
) -> DescribeGroupsResponse {
    let mut response = DescribeGroupsResponse::default();
    for name in request.groups {
        let resource = Resource::Group(&name);
        let may = context.may(broker, AclOperation::Describe, resource);
        let mut group = if may {
            describe(broker, &name, version).await
        } else {
            let mut refused = DescribedGroup::default();
            refused.error_code = ErrorCode::GroupAuthorizationFailed.code();
            refused
        };
        group.authorized_operations = if request.include_authorized_operations && may {
            context.authorized_operations(broker, resource)
        } else {
            OPERATIONS_NOT_ASKED
        };
        group.group_id = name;
        response.groups.push(group);
    }
    response
}

async fn describe(broker: &Broker, name: &StrBytes, version: i16) -> DescribedGroup {
    let group_id = GroupId::new(name.as_str());
    let description = broker
        .groups
        .ask(broker, &group_id, |answer| Ask::Describe(group_id.clone(), answer))
        .await;
    let mut group = DescribedGroup::default();
    match description.and_then(|description| description) {
        Ok(description) => {
            group.group_state = StrBytes::from(description.state.name());
            group.protocol_type = StrBytes::from(&*description.protocol_type);
            group.protocol_data = StrBytes::from(&*description.protocol_name);
            let members = description.members.into_iter().map(|member| {
                let mut entry = DescribedGroupMember::default();
                entry.member_id = StrBytes::from(member.member_id.as_str());
                entry.group_instance_id = member.instance_id.as_ref().map(|id| StrBytes::from(id.as_str()));
                entry.client_id = StrBytes::from(&*member.client_id);
                entry.client_host = StrBytes::from(&*member.client_host);
                entry.member_metadata = member.metadata;
                entry.member_assignment = member.assignment;
                entry
            });
            group.members = members.collect();
        }
        Err(GroupError::GroupIdNotFound) => {
            group.group_state = StrBytes::from(GroupState::Dead.name());
            if version >= NOT_FOUND_VERSION {
                group.error_code = group_error_code(GroupError::GroupIdNotFound).code();
                group.error_message = Some(StrBytes::from(format!("Group {name} not found.")));
            }
        }
        Err(error) => group.error_code = group_error_code(error).code(),
    }
    group
}
