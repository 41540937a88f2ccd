//! ListConfigResources 0–1 (KIP-714, KIP-1142): what has a configuration: topics, brokers and their loggers, and groups for which something
//! is set. It takes DESCRIBE_CONFIGS on the cluster. Version 0 lists subscriptions to clients' metrics, of which there are none.

use std::sync::Arc;

use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{
        ListConfigResourcesRequest, ListConfigResourcesResponse,
        list_config_resources_response::ConfigResource as Listed,
    },
};
use kafka_metadata::{ConfigResource, acl::AclOperation};

use super::{
    broker_loggers::BROKER_LOGGER,
    config_resource::{BROKER, GROUP, TOPIC},
};
use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(74, "ListConfigResources", 0..=1, ListConfigResourcesRequest, handle);

/// First version that says what is to be listed.
const TYPES_VERSION: i16 = 1;

/// Kafka's type that has nothing to list here.
const CLIENT_METRICS: i8 = 16;

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: ListConfigResourcesRequest,
    version: i16,
) -> ListConfigResourcesResponse {
    let mut response = ListConfigResourcesResponse::default();
    if !context.may(broker, AclOperation::DescribeConfigs, Resource::Cluster) {
        response.error_code = ErrorCode::ClusterAuthorizationFailed.code();
        return response;
    }
    let types = match &request.resource_types[..] {
        _ if version < TYPES_VERSION => vec![CLIENT_METRICS],
        [] => vec![TOPIC, BROKER, BROKER_LOGGER, GROUP],
        types => types.to_vec(),
    };
    let known = [TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP];
    if types.iter().any(|wanted| !known.contains(wanted)) {
        response.error_code = ErrorCode::UnsupportedVersion.code();
        return response;
    }
    let image = broker.metadata.image();
    let mut list = |kind: i8, name: &str| {
        let mut resource = Listed::default();
        (resource.resource_name, resource.resource_type) = (StrBytes::from(name), kind);
        response.config_resources.push(resource);
    };
    if types.contains(&GROUP) {
        for resource in image.configs.keys() {
            if let ConfigResource::Group(group_id) = resource {
                list(GROUP, group_id);
            }
        }
    }
    for kind in [BROKER_LOGGER, BROKER].into_iter().filter(|kind| types.contains(kind)) {
        let serving = image.brokers.values().filter(|member| !member.fenced);
        serving.for_each(|member| list(kind, &member.broker_id.to_string()));
    }
    if types.contains(&TOPIC) {
        image.topics.keys().for_each(|name| list(TOPIC, name));
    }
    response
}
