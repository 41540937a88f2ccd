//! IncrementalAlterConfigs 0–1: sets properties of topics, brokers and groups, deletes them, adds to lists and takes from them
//! (KIP-339). The controller checks names and values; `validate_only` changes nothing. A resource named twice, a property
//! named twice, an unknown operation and a value that is missing are INVALID_REQUEST.
//!
//! Difference from Kafka: broker loggers and client metrics have no configuration here (INVALID_REQUEST).

use std::sync::Arc;

use kafka_codec::{
    StrBytes,
    messages::{
        IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
        incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig},
        incremental_alter_configs_response::AlterConfigsResourceResponse,
    },
};
use kafka_metadata::{
    acl::AclOperation,
    rpc::{AlterConfigResource, ConfigChange},
};

use super::config_resource::{Alteration, ResourceError, alter, check_access, read_resource, refuse_repeated};
use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
};

/// See the module.
pub(crate) const API: ApiEntry = api!(
    44,
    "IncrementalAlterConfigs",
    0..=1,
    IncrementalAlterConfigsRequest,
    handle
);

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: IncrementalAlterConfigsRequest,
    _version: i16,
) -> IncrementalAlterConfigsResponse {
    let mut alterations: Vec<Alteration> = request
        .resources
        .iter()
        .map(|resource| {
            let alteration = alteration(resource)?;
            check_access(context, broker, AclOperation::AlterConfigs, &alteration.resource)?;
            Ok(alteration)
        })
        .collect();
    refuse_repeated(&mut alterations);
    let results = alter(broker, alterations, request.validate_only).await;
    let mut response = IncrementalAlterConfigsResponse::default();
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

fn alteration(wanted: &AlterConfigsResource) -> Alteration {
    let resource = read_resource(wanted.resource_type, &wanted.resource_name)?;
    let changes = wanted
        .configs
        .iter()
        .map(|config| Ok((config.name.as_str().to_owned(), change(config)?)));
    Ok(AlterConfigResource {
        resource,
        changes: changes.collect::<Result<_, ResourceError>>()?,
    })
}

/// `AlterConfigOp.OpType` of Kafka: 0 sets, 1 deletes, 2 appends, 3 subtracts.
fn change(config: &AlterableConfig) -> Result<ConfigChange, ResourceError> {
    let value = || match &config.value {
        Some(value) => Ok(value.as_str().to_owned()),
        None => Err(ResourceError::invalid_request(format!(
            "Null value not supported for : {}",
            config.name
        ))),
    };
    match config.config_operation {
        0 => Ok(ConfigChange::Set(value()?)),
        1 => Ok(ConfigChange::Delete),
        2 => Ok(ConfigChange::Append(value()?)),
        3 => Ok(ConfigChange::Subtract(value()?)),
        other => Err(ResourceError::invalid_request(format!(
            "Unknown operation type {other}"
        ))),
    }
}
