//! Operations on topics. They live in Kafka; the engine's controller carries them out at once.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use control_plane_api::{
    extensions::{ReplicationFactorUpdate, UpdateReplicationFactorRequest, ValidateTopicsRequest, ValidatedTopics},
    server_properties::validate_topic_config,
    topics::{CreateTopicRequest, TopicResponse, UpdateTopicRequest},
};
use engine::{NewTopic, TopicError, TopicUpdate};
use futures::future::join_all;

use super::creations::{Attempt, Creation, forget_creations};
use crate::{arn, error::OperationError, queries, services::Services, store::ClusterRecord};

/// `CreateTopic`.
pub(crate) async fn create_topic(
    services: &Services,
    arn: &str,
    request: CreateTopicRequest,
    attempt: Attempt,
) -> Result<TopicResponse, OperationError> {
    let creation = Creation::new(attempt.idempotency_token.clone(), &request);
    let cluster = queries::reachable_cluster(services, arn)?;
    let topic = NewTopic {
        partition_count: count("partitionCount", request.partition_count)?,
        replication_factor: replicas(request.replication_factor)?,
        configs: request.configs.as_deref().map(configs).transpose()?.unwrap_or_default(),
        name: request.topic_name,
    };
    let answer = answer(&cluster, &topic.name, "ACTIVE");
    if attempt.validate_only {
        let made_before = creation.as_ref().map(|creation| {
            services
                .store
                .transaction(|transaction| creation.made_before(transaction).map_err(OperationError::from))
        });
        let made_before = made_before.transpose()?.flatten();
        return match services.engine.topics().validate_topic(cluster.uuid, &topic).await {
            Err(TopicError::TopicExists(_)) if made_before.as_ref() == Some(&answer.topic_arn) => Ok(answer),
            checked => Ok(checked.map(|()| answer)?),
        };
    }
    let Some(creation) = creation else {
        services.engine.topics().create_topic(cluster.uuid, &topic).await?;
        return Ok(answer);
    };
    // Kafka keeps no tokens: the store says, before the topic is there, whose it will be.
    let begun_before = services.store.transaction(|transaction| {
        let made = creation.made_before(transaction)?;
        Ok::<_, OperationError>(made.as_ref() == Some(&answer.topic_arn))
    })?;
    if !begun_before {
        if services
            .engine
            .topics()
            .describe_topic(cluster.uuid, &topic.name)
            .await
            .is_ok()
        {
            return Err(TopicError::TopicExists(topic.name).into());
        }
        services
            .store
            .transaction_together(|transaction| {
                creation
                    .remember(transaction, &answer.topic_arn)
                    .map_err(OperationError::from)
            })
            .await?;
    }
    match services.engine.topics().create_topic(cluster.uuid, &topic).await {
        Ok(_) => Ok(answer),
        Err(TopicError::TopicExists(_)) if begun_before => Ok(answer),
        // It may have been made all the same.
        Err(error) if error.is_open() => Err(error.into()),
        Err(error) => {
            services
                .store
                .transaction(|transaction| creation.forget(transaction).map_err(OperationError::from))?;
            Err(error.into())
        }
    }
}

/// Topics that are looked at at once, when it is asked of many whether they could be created.
const VALIDATED_AT_ONCE: usize = 10;

/// Which of many topics could not be created.
pub(crate) async fn validate_topics(
    services: &Services,
    arn: &str,
    request: ValidateTopicsRequest,
) -> Result<ValidatedTopics, OperationError> {
    queries::reachable_cluster(services, arn)?;
    let mut refused_topics = BTreeSet::new();
    for some in request.topics.chunks(VALIDATED_AT_ONCE) {
        let validated = some.iter().map(|wanted| {
            let attempt = Attempt {
                idempotency_token: Some(wanted.idempotency_token.clone()),
                validate_only: true,
            };
            create_topic(services, arn, wanted.topic.clone(), attempt)
        });
        for (wanted, answer) in some.iter().zip(join_all(validated).await) {
            if answer.is_err() {
                refused_topics.insert(wanted.topic.topic_name.clone());
            }
        }
    }
    Ok(ValidatedTopics { refused_topics })
}

/// `UpdateTopic`: the configuration, or the number of partitions.
pub(crate) async fn update_topic(
    services: &Services,
    arn: &str,
    name: &str,
    request: UpdateTopicRequest,
) -> Result<TopicResponse, OperationError> {
    let cluster = queries::reachable_cluster(services, arn)?;
    let update = match (request.configs, request.partition_count) {
        (Some(text), None) => TopicUpdate::Configs(configs(&text)?),
        (None, Some(partitions)) => TopicUpdate::PartitionCount(count("partitionCount", partitions)?),
        _ => {
            let message = "an update names either configs or partitionCount";
            return Err(OperationError::invalid("configs", message));
        }
    };
    services
        .engine
        .topics()
        .update_topic(cluster.uuid, name, &update)
        .await?;
    Ok(answer(&cluster, name, "ACTIVE"))
}

/// Brings a topic nearer to another number of replicas of each partition. To be called again until no partition remains.
pub(crate) async fn update_replication_factor(
    services: &Services,
    (arn, name): (&str, &str),
    request: UpdateReplicationFactorRequest,
    validate_only: bool,
) -> Result<ReplicationFactorUpdate, OperationError> {
    let cluster = queries::reachable_cluster(services, arn)?;
    let factor = replicas(request.replication_factor)?;
    let topics = services.engine.topics();
    if validate_only {
        topics.validate_replication_factor(cluster.uuid, name, factor).await?;
        return Ok(ReplicationFactorUpdate::default());
    }
    let replicated = topics.update_replication_factor(cluster.uuid, name, factor).await?;
    Ok(ReplicationFactorUpdate {
        partition_count: replicated.partitions as u64,
        remaining_partitions: replicated.remaining as u64,
        waits_for: replicated.waits_for,
    })
}

/// `DeleteTopic`.
pub(crate) async fn delete_topic(services: &Services, arn: &str, name: &str) -> Result<TopicResponse, OperationError> {
    let cluster = queries::reachable_cluster(services, arn)?;
    services.engine.topics().delete_topic(cluster.uuid, name).await?;
    let answer = answer(&cluster, name, "DELETING");
    services
        .store
        .transaction(|transaction| forget_creations(transaction, &answer.topic_arn).map_err(OperationError::from))?;
    Ok(answer)
}

fn answer(cluster: &ClusterRecord, topic: &str, status: &str) -> TopicResponse {
    TopicResponse {
        topic_arn: arn::topic(&cluster.arn, topic),
        topic_name: topic.to_owned(),
        status: status.to_owned(),
    }
}

fn count(parameter: &'static str, count: i64) -> Result<i32, OperationError> {
    let valid = i32::try_from(count).ok().filter(|count| *count > 0);
    valid.ok_or_else(|| OperationError::invalid(parameter, format!("{count} is not a number of partitions")))
}

fn replicas(factor: i64) -> Result<i16, OperationError> {
    let valid = i16::try_from(factor).ok().filter(|factor| *factor > 0);
    valid.ok_or_else(|| OperationError::invalid("replicationFactor", format!("{factor} is not a number of replicas")))
}

/// Base64 of a JSON object of text; each entry checked.
fn configs(text: &str) -> Result<BTreeMap<String, String>, OperationError> {
    const PARAMETER: &str = "configs";
    let invalid = |message: String| OperationError::invalid(PARAMETER, message);
    let bytes = STANDARD
        .decode(text)
        .map_err(|_| invalid("configs is not base64".to_owned()))?;
    let configs: BTreeMap<String, String> = serde_json::from_slice(&bytes)
        .map_err(|error| invalid(format!("configs is no JSON object of text: {error}")))?;
    for (name, value) in &configs {
        validate_topic_config(name, value).map_err(invalid)?;
    }
    Ok(configs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configurations_are_checked_by_name_and_value() {
        let encoded = |text: &str| STANDARD.encode(text);
        assert_eq!(
            configs(&encoded(r#"{"retention.ms":"60000"}"#)).unwrap()["retention.ms"],
            "60000"
        );
        let problem = |text: &str| configs(text).unwrap_err().to_string();
        assert!(problem(&encoded(r#"{"retention.mss":"60000"}"#)).contains("did you mean retention.ms"));
        assert!(problem(&encoded(r#"{"retention.ms":"soon"}"#)).contains("retention.ms"));
        assert!(problem("{}").contains("base64"));
    }
}
