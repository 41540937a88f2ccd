//! DescribeConfigs 1–4: every property of topics, of groups and of this broker, with its value, the place it comes from and the
//! places it would come from otherwise, type and documentation.
//!
//! * Passwords are never shown. A broker's properties are read-only unless they may change while it runs.
//! * A broker is asked about itself; the empty name asks for what is set on all brokers while they run.
//! * Loggers of this broker have their levels (KIP-412).
//! * A group has the two properties that are honoured, whether it is there or not.
//!
//! Differences from Kafka: client metrics have no configuration here (INVALID_REQUEST), nor have share groups and streams
//! groups; a broker property shows its own places only, not those of properties that stand in for it, such as
//! `log.retention.hours` for `log.retention.ms`. Topics show both, without their defaults.

use std::{collections::BTreeMap, sync::Arc};

use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{
        DescribeConfigsRequest, DescribeConfigsResponse,
        describe_configs_request::DescribeConfigsResource,
        describe_configs_response::{DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym},
    },
};
use kafka_metadata::{ConfigResource, MetadataImage, acl::AclOperation};

use super::{
    broker_loggers::{self, BROKER_LOGGER},
    config_entries::{ConfigEntry, ConfigView, type_code},
    config_resource::{ResourceError, check_access, read_resource},
};
use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
};

/// See the module.
pub(crate) const API: ApiEntry = api!(32, "DescribeConfigs", 1..=4, DescribeConfigsRequest, handle);

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: DescribeConfigsRequest,
    _version: i16,
) -> DescribeConfigsResponse {
    let image = broker.metadata.image();
    let mut response = DescribeConfigsResponse::default();
    for resource in &request.resources {
        let mut result = DescribeConfigsResult::default();
        result.resource_type = resource.resource_type;
        result.resource_name = resource.resource_name.clone();
        match described(context, broker, &image, &request, resource) {
            Ok(entries) => {
                let wanted = entries.into_iter().filter(|entry| is_wanted(resource, &entry.name));
                result.configs = wanted.collect();
            }
            Err(ResourceError { code, message }) => {
                result.error_code = code.code();
                result.error_message = Some(StrBytes::from(message));
            }
        }
        response.results.push(result);
    }
    response
}

fn described(
    context: &RequestContext,
    broker: &Broker,
    image: &MetadataImage,
    request: &DescribeConfigsRequest,
    resource: &DescribeConfigsResource,
) -> Result<Vec<DescribeConfigsResourceResult>, ResourceError> {
    if resource.resource_type == BROKER_LOGGER {
        return broker_loggers::describe(context, broker, &resource.resource_name);
    }
    let entries = entries(context, broker, image, resource)?;
    Ok(entries.into_iter().map(|entry| describe(entry, request)).collect())
}

fn entries(
    context: &RequestContext,
    broker: &Broker,
    image: &MetadataImage,
    resource: &DescribeConfigsResource,
) -> Result<Vec<ConfigEntry>, ResourceError> {
    let view = ConfigView::new(broker, image);
    let wanted = read_resource(resource.resource_type, &resource.resource_name)?;
    check_access(context, broker, AclOperation::DescribeConfigs, &wanted)?;
    let nothing = BTreeMap::new();
    let own = image.configs.get(&wanted).unwrap_or(&nothing);
    match wanted {
        ConfigResource::Topic(name) if image.topics.contains_key(&name) => Ok(view.topic(own)),
        ConfigResource::Topic(_) => Err(ResourceError {
            code: ErrorCode::UnknownTopicOrPartition,
            message: ErrorCode::UnknownTopicOrPartition.message().to_owned(),
        }),
        ConfigResource::Group(_) => Ok(view.group(own)),
        ConfigResource::Brokers => Ok(view.cluster_defaults()),
        ConfigResource::Broker(id) if id == broker.config.broker_id => Ok(view.broker()),
        ConfigResource::Broker(id) => Err(ResourceError {
            code: ErrorCode::InvalidRequest,
            message: format!(
                "Unexpected broker id, expected {} or empty string, but received {id}",
                broker.config.broker_id
            ),
        }),
    }
}

/// No names means all of them.
fn is_wanted(resource: &DescribeConfigsResource, name: &str) -> bool {
    let names = resource.configuration_keys.as_deref().unwrap_or_default();
    names.is_empty() || names.iter().any(|wanted| wanted.as_str() == name)
}

fn describe(entry: ConfigEntry, request: &DescribeConfigsRequest) -> DescribeConfigsResourceResult {
    let mut result = DescribeConfigsResourceResult::default();
    result.name = StrBytes::from(entry.name);
    result.value = entry.value.map(StrBytes::from);
    result.read_only = entry.read_only;
    result.config_source = entry.source.code();
    result.is_sensitive = entry.sensitive;
    result.config_type = type_code(entry.value_type);
    let documentation = request.include_documentation.then_some(entry.documentation);
    result.documentation = documentation.map(StrBytes::from);
    if request.include_synonyms {
        let synonyms = entry.synonyms.into_iter().map(|place| {
            let mut synonym = DescribeConfigsSynonym::default();
            synonym.name = StrBytes::from(place.name);
            synonym.value = place.value.map(StrBytes::from);
            synonym.source = place.source.code();
            synonym
        });
        result.synonyms = synonyms.collect();
    }
    result
}
