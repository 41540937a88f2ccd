//! Configurations, as they are reported.

use control_plane_api::{
    Blob,
    configurations::{Configuration, ConfigurationRevision, DescribeConfigurationRevisionResponse},
};

use crate::{
    arn::Scope,
    error::OperationError,
    services::Services,
    store::{ConfigurationRecord, RevisionRecord},
};

/// A point in time, as the API writes it.
pub(crate) fn iso8601(ms: i64) -> String {
    // Every time in the store was read from a clock, so it is in the range.
    let time = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
    format!("{time:.3}")
}

/// MSK answers a missing configuration with a bad request, and clients look for these words.
pub(crate) fn no_configuration(arn: &str) -> OperationError {
    OperationError::invalid("arn", format!("Configuration ARN does not exist: {arn}"))
}

/// `DescribeConfiguration`.
pub(crate) async fn describe_configuration(services: &Services, arn: &str) -> Result<Configuration, OperationError> {
    Ok(configuration(&record(services, arn)?))
}

/// `DescribeConfigurationRevision`.
pub(crate) async fn describe_configuration_revision(
    services: &Services,
    arn: &str,
    number: i64,
) -> Result<DescribeConfigurationRevisionResponse, OperationError> {
    let found = record(services, arn)?;
    let found = found.revisions.into_iter().find(|it| it.revision == number);
    let found = found.ok_or_else(|| OperationError::invalid("revision", format!("{arn} has no revision {number}")))?;
    Ok(DescribeConfigurationRevisionResponse {
        arn: arn.to_owned(),
        creation_time: iso8601(found.created_ms),
        description: found.description.unwrap_or_default(),
        revision: found.revision,
        server_properties: Blob::from(found.server_properties.as_str()),
    })
}

/// `ListConfigurations`: by name.
pub(crate) async fn list_configurations(
    services: &Services,
    world: &Scope,
) -> Result<Vec<Configuration>, OperationError> {
    let mut all: Vec<ConfigurationRecord> = services.store.all()?;
    all.retain(|configuration| world.holds(&configuration.arn));
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all.iter().map(configuration).collect())
}

/// `ListConfigurationRevisions`: oldest first.
pub(crate) async fn list_configuration_revisions(
    services: &Services,
    arn: &str,
) -> Result<Vec<ConfigurationRevision>, OperationError> {
    Ok(record(services, arn)?.revisions.iter().map(revision).collect())
}

fn record(services: &Services, arn: &str) -> Result<ConfigurationRecord, OperationError> {
    services.store.get(arn)?.ok_or_else(|| no_configuration(arn))
}

fn revision(record: &RevisionRecord) -> ConfigurationRevision {
    ConfigurationRevision {
        creation_time: iso8601(record.created_ms),
        description: record.description.clone(),
        revision: record.revision,
    }
}

/// A configuration with its newest revision.
pub(crate) fn configuration(record: &ConfigurationRecord) -> Configuration {
    let latest_revision = record.revisions.last().map(revision).unwrap_or_default();
    Configuration {
        arn: record.arn.clone(),
        creation_time: iso8601(record.created_ms),
        description: latest_revision.description.clone().unwrap_or_default(),
        kafka_versions: record.kafka_versions.clone(),
        latest_revision,
        name: record.name.clone(),
        state: "ACTIVE".to_owned(),
    }
}
