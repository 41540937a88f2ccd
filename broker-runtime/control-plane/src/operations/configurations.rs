//! Operations on configurations: text of `server.properties`, kept in revisions.

use control_plane_api::{
    Blob,
    configurations::{
        Configuration, ConfigurationRevision, CreateConfigurationRequest, DeleteConfigurationResponse,
        UpdateConfigurationRequest, UpdateConfigurationResponse,
    },
    server_properties,
};

use super::creations::{Attempt, Creation, forget_creations};
use crate::{
    arn::Scope,
    error::OperationError,
    queries::{self, KAFKA_VERSIONS, iso8601},
    services::Services,
    store::{ClusterRecord, ConfigurationRecord, OperationRecord, RevisionRecord},
};

/// Longest name of a configuration.
const NAME_CHARS_MAX: usize = 255;

/// `CreateConfiguration`.
pub(crate) async fn create_configuration(
    services: &Services,
    world: &Scope,
    request: CreateConfigurationRequest,
    attempt: Attempt,
) -> Result<Configuration, OperationError> {
    let creation = Creation::new(attempt.idempotency_token.clone(), &request);
    check_name(&request.name)?;
    if let Some(unknown) = request
        .kafka_versions
        .iter()
        .find(|it| !KAFKA_VERSIONS.contains(&it.as_str()))
    {
        let message = format!(
            "{unknown:?} is not a version that is offered: use {}",
            KAFKA_VERSIONS.join(", ")
        );
        return Err(OperationError::invalid("kafkaVersions", message));
    }
    let now_ms = services.clock.now_ms();
    let configuration = ConfigurationRecord {
        arn: world.configuration(&request.name, services.new_uuid()),
        name: request.name,
        created_ms: now_ms,
        kafka_versions: request.kafka_versions,
        revisions: vec![RevisionRecord {
            revision: 1,
            created_ms: now_ms,
            description: request.description,
            server_properties: properties(&request.server_properties)?,
        }],
    };
    let configuration = services.store.transaction(|transaction| {
        let all = transaction.all::<ConfigurationRecord>()?;
        if let Some(there) = all
            .into_iter()
            .find(|there| there.name == configuration.name && world.holds(&there.arn))
        {
            let made_before = creation.as_ref().map(|it| it.made_before(transaction)).transpose()?;
            if made_before.flatten().as_ref() == Some(&there.arn) {
                return Ok(there);
            }
            let message = format!("configuration {:?} already exists", configuration.name);
            return Err(OperationError::Conflict(message));
        }
        if attempt.validate_only {
            return Ok(configuration);
        }
        if let Some(creation) = &creation {
            creation.remember(transaction, &configuration.arn)?;
        }
        transaction.put(&configuration)?;
        Ok(configuration)
    })?;
    Ok(queries::configuration(&configuration))
}

/// `UpdateConfiguration`: a new revision; clusters keep theirs.
pub(crate) async fn update_configuration(
    services: &Services,
    arn: &str,
    request: UpdateConfigurationRequest,
) -> Result<UpdateConfigurationResponse, OperationError> {
    let server_properties = properties(&request.server_properties)?;
    let now_ms = services.clock.now_ms();
    let revision = services.store.transaction(|transaction| {
        let mut configuration: ConfigurationRecord =
            transaction.get(arn)?.ok_or_else(|| queries::no_configuration(arn))?;
        let last = configuration.revisions.last().map_or(0, |revision| revision.revision);
        let revision = RevisionRecord {
            revision: last + 1,
            created_ms: now_ms,
            description: request.description,
            server_properties,
        };
        configuration.revisions.push(revision.clone());
        transaction.put(&configuration)?;
        Ok::<_, OperationError>(revision)
    })?;
    Ok(UpdateConfigurationResponse {
        arn: arn.to_owned(),
        latest_revision: ConfigurationRevision {
            creation_time: iso8601(revision.created_ms),
            description: revision.description,
            revision: revision.revision,
        },
    })
}

/// `DeleteConfiguration`, unless a cluster uses it.
pub(crate) async fn delete_configuration(
    services: &Services,
    arn: &str,
) -> Result<DeleteConfigurationResponse, OperationError> {
    services.store.transaction(|transaction| {
        let found: Option<ConfigurationRecord> = transaction.get(arn)?;
        found.ok_or_else(|| queries::no_configuration(arn))?;
        for cluster in transaction.all::<ClusterRecord>()? {
            let mut used = cluster
                .settings
                .configuration_info
                .as_ref()
                .is_some_and(|info| info.arn == arn);
            if let Some(operation) = cluster.active_operation
                && let Some(operation) = transaction.get::<OperationRecord>(&operation.to_string())?
            {
                used |= operation.wanted.configuration_info.is_some_and(|info| info.arn == arn);
            }
            if used {
                let message = format!("cluster {:?} uses the configuration", cluster.name);
                return Err(OperationError::invalid("arn", message));
            }
        }
        forget_creations(transaction, arn)?;
        transaction.delete::<ConfigurationRecord>(arn)?;
        Ok(())
    })?;
    Ok(DeleteConfigurationResponse {
        arn: arn.to_owned(),
        state: "DELETING".to_owned(),
    })
}

fn check_name(name: &str) -> Result<(), OperationError> {
    let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    let first = name
        .chars()
        .next()
        .is_some_and(|character| character.is_ascii_alphanumeric());
    if first && name.chars().count() <= NAME_CHARS_MAX && name.chars().all(allowed) {
        return Ok(());
    }
    let message = format!("{name:?} is not a name of a configuration: it has letters, digits, '-', '_' and '.'");
    Err(OperationError::invalid("name", message))
}

/// The text, checked line by line.
fn properties(blob: &Blob) -> Result<String, OperationError> {
    const PARAMETER: &str = "serverProperties";
    let text = blob
        .text()
        .ok_or_else(|| OperationError::invalid(PARAMETER, "serverProperties is not UTF-8"))?;
    match server_properties::parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(problems) => {
            let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
            Err(OperationError::invalid(PARAMETER, texts.join("; ")))
        }
    }
}
