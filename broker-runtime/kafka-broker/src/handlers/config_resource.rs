//! What a configuration belongs to, from its type and name on the wire; and changes of it on their way to the controller.

use std::collections::HashSet;

use kafka_codec::ErrorCode;
use kafka_metadata::{
    BrokerId, ConfigResource, MetadataImage,
    acl::AclOperation,
    rpc::{AlterConfigResource, ConfigChange, ControllerRequest, ControllerResponse},
};

use super::{
    controller_timeout::{APPLY_WAIT, CONTROLLER_TIMEOUT},
    metadata::is_valid_topic_name,
};
use crate::{broker::Broker, dispatch::RequestContext, response::controller_error_code, security::Resource};

/// `ConfigResource.Type.TOPIC` of Kafka.
pub(super) const TOPIC: i8 = 2;

/// `ConfigResource.Type.BROKER` of Kafka.
pub(super) const BROKER: i8 = 4;

/// `ConfigResource.Type.GROUP` of Kafka.
pub(super) const GROUP: i8 = 32;

/// What is said about a resource that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ResourceError {
    pub(super) code: ErrorCode,
    pub(super) message: String,
}

impl ResourceError {
    pub(super) fn invalid_request(message: impl Into<String>) -> Self {
        Self {
            code: ErrorCode::InvalidRequest,
            message: message.into(),
        }
    }
}

/// Changes to one resource, or why there can be none.
pub(super) type Alteration = Result<AlterConfigResource, ResourceError>;

/// Reads type and name.
pub(super) fn read_resource(resource_type: i8, name: &str) -> Result<ConfigResource, ResourceError> {
    match (resource_type, name) {
        (TOPIC, "") => Err(ResourceError::invalid_request("the name of the topic is empty")),
        (TOPIC, name) if !is_valid_topic_name(name) => Err(ResourceError {
            code: ErrorCode::InvalidTopicException,
            message: format!("{name} is no name of a topic"),
        }),
        (TOPIC, name) => Ok(ConfigResource::Topic(name.to_owned())),
        (BROKER, "") => Ok(ConfigResource::Brokers),
        (BROKER, name) => match name.parse() {
            Ok(id) => Ok(ConfigResource::Broker(BrokerId(id))),
            Err(_) => Err(ResourceError::invalid_request(format!(
                "Broker id must be an integer, but it is: {name}"
            ))),
        },
        (GROUP, "") => Err(ResourceError::invalid_request("Group name must not be empty")),
        (GROUP, name) => Ok(ConfigResource::Group(name.to_owned())),
        (other, _) => Err(ResourceError::invalid_request(format!(
            "resources of type {other} have no configuration here"
        ))),
    }
}

/// Whether the configuration of a resource may be seen or changed.
pub(super) fn check_access(
    context: &RequestContext,
    broker: &Broker,
    operation: AclOperation,
    resource: &ConfigResource,
) -> Result<(), ResourceError> {
    let (resource, code) = match resource {
        ConfigResource::Topic(name) => (Resource::Topic(name), ErrorCode::TopicAuthorizationFailed),
        ConfigResource::Group(name) => (Resource::Group(name), ErrorCode::GroupAuthorizationFailed),
        ConfigResource::Broker(_) | ConfigResource::Brokers => {
            (Resource::Cluster, ErrorCode::ClusterAuthorizationFailed)
        }
    };
    if context.may(broker, operation, resource) {
        return Ok(());
    }
    Err(ResourceError {
        code,
        message: code.message().to_owned(),
    })
}

/// Checks what holds for every request: a resource stands in it once, a property once in a resource.
pub(super) fn refuse_repeated(alterations: &mut [Alteration]) {
    let mut seen = HashSet::new();
    let mut repeated = HashSet::new();
    for alteration in alterations.iter().flatten() {
        if !seen.insert(alteration.resource.clone()) {
            repeated.insert(alteration.resource.clone());
        }
    }
    for entry in alterations {
        let Ok(alteration) = entry else {
            continue;
        };
        let mut names = HashSet::new();
        let twice = alteration.changes.iter().find(|(name, _)| !names.insert(name.as_str()));
        if repeated.contains(&alteration.resource) {
            *entry = Err(ResourceError::invalid_request("Each resource must appear at most once"));
        } else if let Some((name, _)) = twice {
            *entry = Err(ResourceError::invalid_request(format!(
                "Error due to duplicate config keys : {name}"
            )));
        }
    }
}

/// Has the controller make the changes and waits until this broker knows of them. One result an alteration.
pub(super) async fn alter(
    broker: &Broker,
    alterations: Vec<Alteration>,
    validate_only: bool,
) -> Vec<Result<(), ResourceError>> {
    let accepted: Vec<AlterConfigResource> = alterations.iter().flatten().cloned().collect();
    let mut outcomes = Vec::new();
    if !accepted.is_empty() {
        let count = accepted.len();
        let request = ControllerRequest::AlterConfigs {
            resources: accepted.clone(),
            validate_only,
        };
        let controller = |error| {
            let code = controller_error_code(&error);
            ResourceError {
                code,
                message: error.to_string(),
            }
        };
        outcomes = match broker.controller.call_within(request, CONTROLLER_TIMEOUT).await {
            Ok(ControllerResponse::Results(results)) => {
                results.into_iter().map(|result| result.map_err(controller)).collect()
            }
            Ok(_) => {
                let code = ErrorCode::UnknownServerError;
                vec![
                    Err(ResourceError {
                        code,
                        message: code.message().to_owned()
                    });
                    count
                ]
            }
            Err(error) => vec![Err(controller(error)); count],
        };
        if !validate_only {
            let made: Vec<&AlterConfigResource> = accepted
                .iter()
                .zip(&outcomes)
                .filter(|(_, outcome)| outcome.is_ok())
                .map(|(made, _)| made)
                .collect();
            broker
                .metadata
                .wait_for(APPLY_WAIT, |image| made.iter().all(|change| is_applied(image, change)))
                .await;
        }
    }
    let mut outcomes = outcomes.into_iter();
    let results = alterations.into_iter().map(|alteration| match alteration {
        Ok(_) => outcomes.next().unwrap_or(Ok(())),
        Err(error) => Err(error),
    });
    results.collect()
}

/// True when the image shows the change, as far as one can tell from outside: what a list grows to, one cannot.
fn is_applied(image: &MetadataImage, alteration: &AlterConfigResource) -> bool {
    let values = image.configs.get(&alteration.resource);
    alteration.changes.iter().all(|(name, change)| {
        let value = values.and_then(|values| values.get(name));
        match change {
            ConfigChange::Set(_) => value.is_some(),
            ConfigChange::Delete => value.is_none(),
            ConfigChange::Append(_) | ConfigChange::Subtract(_) => true,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_read() {
        assert_eq!(
            read_resource(2, "orders"),
            Ok(ConfigResource::Topic("orders".to_owned()))
        );
        assert_eq!(read_resource(4, "3"), Ok(ConfigResource::Broker(BrokerId(3))));
        assert_eq!(read_resource(4, ""), Ok(ConfigResource::Brokers));
        assert_eq!(read_resource(32, "g"), Ok(ConfigResource::Group("g".to_owned())));
        for (resource_type, name) in [(2, ""), (4, "x"), (8, "1"), (16, "m"), (32, ""), (0, "x")] {
            assert_eq!(
                read_resource(resource_type, name).unwrap_err().code,
                ErrorCode::InvalidRequest
            );
        }
    }

    #[test]
    fn repeated_resources_and_properties_are_refused() {
        let alteration = |name: &str, properties: &[&str]| {
            Ok(AlterConfigResource {
                resource: ConfigResource::Topic(name.to_owned()),
                changes: properties
                    .iter()
                    .map(|name| ((*name).to_owned(), ConfigChange::Delete))
                    .collect(),
            })
        };
        let mut alterations = vec![
            alteration("a", &["x"]),
            alteration("b", &["x", "x"]),
            alteration("a", &["y"]),
            alteration("c", &["x", "y"]),
        ];
        refuse_repeated(&mut alterations);
        assert_eq!(
            alterations.iter().map(Result::is_ok).collect::<Vec<_>>(),
            [false, false, false, true]
        );
    }
}
