//! AlterConfigs 0–2: replaces the whole configuration of topics, brokers and groups. It is translated to changes: what is given is
//! set, what is set and not given is deleted.
//!
//! Difference from Kafka: two such requests at the same time may leave properties of both, because the translation is
//! made here and not in the controller. IncrementalAlterConfigs has no such gap.

use std::sync::Arc;

use kafka_codec::{
    StrBytes,
    messages::{
        AlterConfigsRequest, AlterConfigsResponse, alter_configs_request::AlterConfigsResource,
        alter_configs_response::AlterConfigsResourceResponse,
    },
};
use kafka_metadata::{
    MetadataImage,
    acl::AclOperation,
    instructions,
    rpc::{AlterConfigResource, ConfigChange},
};

use super::config_resource::{Alteration, ResourceError, alter, check_access, read_resource, refuse_repeated};
use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
};

/// See the module.
pub(crate) const API: ApiEntry = api!(33, "AlterConfigs", 0..=2, AlterConfigsRequest, handle);

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: AlterConfigsRequest,
    _version: i16,
) -> AlterConfigsResponse {
    let image = broker.metadata.image();
    let mut alterations: Vec<Alteration> = request
        .resources
        .iter()
        .map(|resource| {
            let alteration = replacement(&image, resource)?;
            check_access(context, broker, AclOperation::AlterConfigs, &alteration.resource)?;
            Ok(alteration)
        })
        .collect();
    refuse_repeated(&mut alterations);
    let results = alter(broker, alterations, request.validate_only).await;
    let mut response = AlterConfigsResponse::default();
    for (resource, result) in request.resources.into_iter().zip(results) {
        let mut entry = AlterConfigsResourceResponse::default();
        entry.resource_type = resource.resource_type;
        entry.resource_name = resource.resource_name;
        entry.error_message = None;
        if let Err(error) = result {
            entry.error_code = error.code.code();
            entry.error_message = Some(StrBytes::from(error.message));
        }
        response.responses.push(entry);
    }
    response
}

fn replacement(image: &MetadataImage, wanted: &AlterConfigsResource) -> Alteration {
    let resource = read_resource(wanted.resource_type, &wanted.resource_name)?;
    let mut changes = Vec::new();
    for config in &wanted.configs {
        let Some(value) = &config.value else {
            let message = format!("Null value not supported for : {}", config.name);
            return Err(ResourceError::invalid_request(message));
        };
        changes.push((
            config.name.as_str().to_owned(),
            ConfigChange::Set(value.as_str().to_owned()),
        ));
    }
    let set = image
        .configs
        .get(&resource)
        .into_iter()
        .flat_map(|values| values.keys());
    let left_out = set.filter(|name| !instructions::is_instruction(name)).filter(|name| {
        !wanted
            .configs
            .iter()
            .any(|config| config.name.as_str() == name.as_str())
    });
    changes.extend(left_out.map(|name| (name.clone(), ConfigChange::Delete)));
    Ok(AlterConfigResource { resource, changes })
}
