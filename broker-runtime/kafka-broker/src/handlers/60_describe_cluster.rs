//! DescribeCluster 0–2: the brokers, the cluster id and a stand-in for the controller.
//!
//! * Fenced brokers are listed when asked for (version 2).
//! * There are no controller endpoints to describe: asking for them is UNSUPPORTED_ENDPOINT_TYPE.

use std::sync::Arc;

use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{DescribeClusterRequest, DescribeClusterResponse, describe_cluster_response::DescribeClusterBroker},
};
use kafka_metadata::acl::AclOperation;

use super::stand_in_controller;
use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(60, "DescribeCluster", 0..=2, DescribeClusterRequest, handle);

/// `EndpointType.BROKER` of Kafka.
const BROKER_ENDPOINTS: i8 = 1;

/// First version that lists fenced brokers.
const FENCED_VERSION: i16 = 2;

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: DescribeClusterRequest,
    version: i16,
) -> DescribeClusterResponse {
    let mut response = DescribeClusterResponse::default();
    response.cluster_id = StrBytes::from(broker.config.cluster_id.as_str());
    if request.endpoint_type != BROKER_ENDPOINTS {
        response.error_code = ErrorCode::UnsupportedEndpointType.code();
        response.error_message = Some(StrBytes::from("controllers have no endpoints of their own"));
        return response;
    }
    let image = broker.metadata.image();
    let with_fenced = version >= FENCED_VERSION && request.include_fenced_brokers;
    let listener = context.listener().as_str();
    response.controller_id = stand_in_controller(&image, broker.config.broker_id).map_or(-1, |id| id.0);
    response.brokers = image
        .brokers
        .values()
        .filter(|member| with_fenced || !member.fenced)
        .filter_map(|member| {
            let endpoint = member.endpoint(listener)?;
            let mut entry = DescribeClusterBroker::default();
            entry.broker_id = member.broker_id.0;
            entry.host = StrBytes::from(endpoint.host.as_str());
            entry.port = i32::from(endpoint.port);
            entry.rack = member.rack.as_deref().map(StrBytes::from);
            entry.is_fenced = version >= FENCED_VERSION && member.fenced;
            Some(entry)
        })
        .collect();
    if request.include_cluster_authorized_operations {
        let may = context.may_quietly(broker, AclOperation::Describe, Resource::Cluster);
        response.cluster_authorized_operations = if may {
            context.authorized_operations(broker, Resource::Cluster)
        } else {
            0
        };
    }
    response
}
