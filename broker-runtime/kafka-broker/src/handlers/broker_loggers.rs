//! Loggers of this broker as a configuration (KIP-412), as Kafka's `RuntimeLoggerManager` and `ConfigHelper` have them: a broker is
//! asked about itself, levels are set and taken away and nothing else, and what is set lasts as long as the process.
//!
//! Differences from Kafka: loggers have the names of modules, such as `kafka_broker.groups`; an operation that there is not is
//! INVALID_REQUEST, where Kafka 4.3 says UNKNOWN_SERVER_ERROR.

use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{
        describe_configs_response::DescribeConfigsResourceResult,
        incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig},
    },
};
use kafka_metadata::acl::AclOperation;

use super::config_resource::ResourceError;
use crate::{
    broker::Broker,
    dispatch::RequestContext,
    loggers::{Levels, LogLevel, ROOT_LOGGER},
    security::Resource,
};

/// `ConfigResource.Type.BROKER_LOGGER` of Kafka.
pub(super) const BROKER_LOGGER: i8 = 8;

/// `DescribeConfigsResponse.ConfigSource.DYNAMIC_BROKER_LOGGER_CONFIG`.
const SOURCE: i8 = 6;

/// All loggers of the broker with this name.
pub(super) fn describe(
    context: &RequestContext,
    broker: &Broker,
    name: &str,
) -> Result<Vec<DescribeConfigsResourceResult>, ResourceError> {
    check_access(context, broker, AclOperation::DescribeConfigs)?;
    if name.is_empty() {
        return Err(ResourceError::invalid_request("Broker id must not be empty"));
    }
    let own = broker.config.broker_id.0;
    match name.parse::<i32>() {
        Ok(id) if id == own => Ok(entries(&broker.loggers.levels())),
        Ok(_) => Err(ResourceError::invalid_request(format!(
            "Unexpected broker id, expected {own} but received {name}"
        ))),
        Err(_) => Err(ResourceError::invalid_request(format!(
            "Broker id must be an integer, but it is: {name}"
        ))),
    }
}

fn entries(levels: &Levels) -> Vec<DescribeConfigsResourceResult> {
    let entries = levels.all().into_iter().map(|(name, level)| {
        let mut entry = DescribeConfigsResourceResult::default();
        entry.name = StrBytes::from(name.to_owned());
        entry.value = Some(StrBytes::from(level.name()));
        entry.config_source = SOURCE;
        entry
    });
    entries.collect()
}

/// Changes levels of this broker.
pub(super) fn alter(
    context: &RequestContext,
    broker: &Broker,
    wanted: &AlterConfigsResource,
    validate_only: bool,
) -> Result<(), ResourceError> {
    check_keys(&wanted.configs)?;
    check_access(context, broker, AclOperation::AlterConfigs)?;
    let (own, name) = (broker.config.broker_id.0, &wanted.resource_name);
    match name.parse::<i32>() {
        Ok(id) if id == own => {}
        Ok(id) => {
            return Err(ResourceError::invalid_request(format!(
                "Unexpected node id. Expected {own}, but received {id}"
            )));
        }
        Err(_) => {
            return Err(ResourceError::invalid_request(format!(
                "Node id must be an integer, but it is: {name}"
            )));
        }
    }
    let levels = broker.loggers.levels();
    let changes = wanted.configs.iter().map(|config| change(&levels, config));
    let changes = changes.collect::<Result<Vec<_>, _>>()?;
    if validate_only {
        return Ok(());
    }
    broker.loggers.alter(&changes).map_err(|reason| {
        tracing::error!(reason, "levels of loggers cannot be changed");
        ResourceError {
            code: ErrorCode::UnknownServerError,
            message: format!("levels of loggers cannot be changed: {reason}"),
        }
    })?;
    for (logger, level) in changes {
        let level = level.map_or("that of the loggers around it", LogLevel::name);
        tracing::warn!(
            logger,
            level,
            principal = context.principal.as_str(),
            "level of a logger changed"
        );
    }
    Ok(())
}

/// What Kafka asks of a configuration of any type.
fn check_keys(configs: &[AlterableConfig]) -> Result<(), ResourceError> {
    for (at, config) in configs.iter().enumerate() {
        if configs[..at].iter().any(|other| other.name == config.name) {
            let message = format!("Error due to duplicate config keys : {}", config.name);
            return Err(ResourceError::invalid_request(message));
        }
        if config.value.is_none() && config.config_operation != 1 {
            let message = format!("Null value not supported for : {}", config.name);
            return Err(ResourceError::invalid_request(message));
        }
    }
    Ok(())
}

fn check_access(context: &RequestContext, broker: &Broker, operation: AclOperation) -> Result<(), ResourceError> {
    if context.may(broker, operation, Resource::Cluster) {
        return Ok(());
    }
    let code = ErrorCode::ClusterAuthorizationFailed;
    Err(ResourceError {
        code,
        message: code.message().to_owned(),
    })
}

/// `AlterConfigOp.OpType` of Kafka: 0 sets, 1 deletes.
fn change<'a>(levels: &Levels, config: &'a AlterableConfig) -> Result<(&'a str, Option<LogLevel>), ResourceError> {
    let name = config.name.as_str();
    let refused = |operation: &str| {
        Err(ResourceError::invalid_request(format!(
            "{operation} is not allowed for the BROKER_LOGGER resource"
        )))
    };
    match config.config_operation {
        0 | 1 if !levels.has(name) => Err(invalid_config(format!("Logger {name} does not exist!"))),
        0 => {
            let value = config.value.as_deref().unwrap_or_default();
            let level = LogLevel::settable(value).ok_or_else(|| {
                let valid = LogLevel::SETTABLE.map(LogLevel::name).join(", ");
                invalid_config(format!(
                    "Cannot set the log level of {name} to {value} as it is not a supported log level. \
                     Valid log levels are {valid}"
                ))
            })?;
            Ok((name, Some(level)))
        }
        1 if name == ROOT_LOGGER => Err(ResourceError::invalid_request(
            "Removing the log level of the root logger is not allowed",
        )),
        1 => Ok((name, None)),
        2 => refused("APPEND operation"),
        3 => refused("SUBTRACT operation"),
        other => refused(&format!("Unknown operation type {other}")),
    }
}

fn invalid_config(message: String) -> ResourceError {
    ResourceError {
        code: ErrorCode::InvalidConfig,
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(name: &str, operation: i8, value: Option<&str>) -> AlterableConfig {
        let mut config = AlterableConfig::default();
        config.name = StrBytes::from(name.to_owned());
        config.config_operation = operation;
        config.value = value.map(|value| StrBytes::from(value.to_owned()));
        config
    }

    #[test]
    fn levels_are_set_and_taken_away_and_nothing_else() {
        let levels = Levels::read("info", ["kafka_log"]);
        let set = config("kafka_log", 0, Some("DEBUG"));
        assert_eq!(change(&levels, &set), Ok(("kafka_log", Some(LogLevel::Debug))));
        assert_eq!(change(&levels, &config("kafka_log", 1, None)), Ok(("kafka_log", None)));
        let refused = [
            (config("kafka_log", 0, Some("debug")), ErrorCode::InvalidConfig),
            (config("nobody", 0, Some("DEBUG")), ErrorCode::InvalidConfig),
            (config("nobody", 1, None), ErrorCode::InvalidConfig),
            (config("root", 1, None), ErrorCode::InvalidRequest),
            (config("kafka_log", 2, Some("DEBUG")), ErrorCode::InvalidRequest),
            (config("kafka_log", 3, Some("DEBUG")), ErrorCode::InvalidRequest),
            (config("kafka_log", 9, Some("DEBUG")), ErrorCode::InvalidRequest),
        ];
        for (config, code) in refused {
            assert_eq!(change(&levels, &config).unwrap_err().code, code, "{config:?}");
        }
    }

    #[test]
    fn a_logger_stands_in_a_request_once_and_with_a_value() {
        let set = config("kafka_log", 0, Some("DEBUG"));
        assert!(check_keys(&[set.clone(), config("root", 1, None)]).is_ok());
        assert!(check_keys(&[set, config("kafka_log", 1, None)]).is_err());
        assert!(check_keys(&[config("kafka_log", 0, None)]).is_err());
    }
}
