//! IncrementalAlterConfigs 0–1: sets properties of topics, brokers and groups, deletes them, adds to lists and takes from them
//! (KIP-339). The controller checks names and values; `validate_only` changes nothing. A resource named twice, a property
//! named twice, an unknown operation and a value that is missing are INVALID_REQUEST.
//!
//! Levels of loggers of this broker change at once, and only as long as it runs (KIP-412).
//!
//! Difference from Kafka: client metrics have no configuration here (INVALID_REQUEST).

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

use super::{
    broker_loggers::{self, BROKER_LOGGER},
    config_resource::{Alteration, ResourceError, alter, check_access, read_resource, refuse_repeated},
};
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
        .filter(|resource| resource.resource_type != BROKER_LOGGER)
        .map(|resource| {
            let alteration = alteration(resource)?;
            check_access(context, broker, AclOperation::AlterConfigs, &alteration.resource)?;
            Ok(alteration)
        })
        .collect();
    refuse_repeated(&mut alterations);
    let results = alter(broker, alterations, request.validate_only).await;
    let results = with_loggers(context, broker, &request, results);
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

/// One result a resource, of those that are kept in the metadata in `kept`.
fn with_loggers(
    context: &RequestContext,
    broker: &Broker,
    request: &IncrementalAlterConfigsRequest,
    kept: Vec<Result<(), ResourceError>>,
) -> Vec<Result<(), ResourceError>> {
    let mut kept = kept.into_iter();
    let results = request.resources.iter().map(|resource| {
        if resource.resource_type != BROKER_LOGGER {
            return kept.next().unwrap_or(Ok(()));
        }
        let same = request
            .resources
            .iter()
            .filter(|other| other.resource_type == BROKER_LOGGER && other.resource_name == resource.resource_name);
        if same.count() > 1 {
            return Err(ResourceError::invalid_request("Each resource must appear at most once"));
        }
        broker_loggers::alter(context, broker, resource, request.validate_only)
    });
    results.collect()
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
