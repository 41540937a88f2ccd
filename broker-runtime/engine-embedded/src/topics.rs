//! Topics of a running cluster: requests to its controller, descriptions from its metadata image.
//!
//! A change is answered once all brokers that serve have taken it up, so that a client that asks any of them next finds it.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use async_trait::async_trait;
use engine::{
    Elected, EngineError, NewTopic, PartitionDescription, Replicated, TopicAdmin, TopicDescription, TopicError,
    TopicSummary, TopicUpdate,
};
use kafka_metadata::{
    BrokerId, ConfigResource, MetadataImage, TopicImage,
    rpc::{self, AlterConfigResource, ConfigChange, ControllerError, ControllerRequest, ControllerResponse},
};
use uuid::Uuid;

use crate::{
    EmbeddedEngine,
    cluster::{Cluster, Progress},
    metadata_calls::{self, unexpected, wait_applied},
    replication,
};

/// How long partitions may take to get a leader.
const LEADER_LIMIT: Duration = Duration::from_secs(15);
/// Topics that Kafka itself makes.
const INTERNAL: [&str; 2] = ["__consumer_offsets", "__transaction_state"];

#[async_trait]
impl TopicAdmin for EmbeddedEngine {
    async fn create_topic(&self, cluster_id: Uuid, topic: &NewTopic) -> Result<TopicDescription, TopicError> {
        let cluster = self.cluster(cluster_id)?;
        create(&cluster, topic, false).await?;
        wait_until_led(&cluster, &topic.name).await
    }

    async fn validate_topic(&self, cluster_id: Uuid, topic: &NewTopic) -> Result<(), TopicError> {
        create(&*self.cluster(cluster_id)?, topic, true).await
    }

    async fn describe_topic(&self, cluster_id: Uuid, name: &str) -> Result<TopicDescription, TopicError> {
        let image = self.cluster(cluster_id)?.image();
        describe(&image, name).ok_or_else(|| TopicError::UnknownTopic(name.to_owned()))
    }

    async fn describe_topics(&self, cluster_id: Uuid) -> Result<Vec<TopicDescription>, TopicError> {
        let image = self.cluster(cluster_id)?.image();
        let mut names: Vec<&String> = image.topics.keys().collect();
        names.sort();
        Ok(names.into_iter().filter_map(|name| describe(&image, name)).collect())
    }

    async fn elect_preferred_leaders(&self, cluster_id: Uuid) -> Result<Elected, TopicError> {
        let cluster = self.cluster(cluster_id)?;
        let partitions = led_by_others(&cluster.image());
        let request = ControllerRequest::ElectPreferredLeaders {
            partitions: Some(partitions),
        };
        let results = match cluster.call(request).await.map_err(metadata_calls::refused)? {
            ControllerResponse::Results(results) => results,
            other => return Err(unexpected(&other)),
        };
        wait_applied(&cluster).await?;
        // Whoever has got its partition back meanwhile, or has lost the topic, is no failure.
        let failed =
            |result: &&Result<(), ControllerError>| matches!(result, Err(ControllerError::PreferredLeaderNotAvailable));
        Ok(Elected {
            elected: results.iter().filter(|result| result.is_ok()).count(),
            not_possible: results.iter().filter(failed).count(),
        })
    }

    async fn list_topics(&self, cluster_id: Uuid) -> Result<Vec<TopicSummary>, TopicError> {
        let image = self.cluster(cluster_id)?.image();
        let mut topics: Vec<TopicSummary> = image.topics.values().map(|topic| summary(topic)).collect();
        topics.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(topics)
    }

    async fn update_topic(&self, cluster_id: Uuid, name: &str, update: &TopicUpdate) -> Result<(), TopicError> {
        let cluster = self.cluster(cluster_id)?;
        let current = describe(&cluster.image(), name).ok_or_else(|| TopicError::UnknownTopic(name.to_owned()))?;
        let request = match update {
            TopicUpdate::PartitionCount(total) if *total == current.summary.partition_count => return Ok(()),
            TopicUpdate::PartitionCount(total) => ControllerRequest::CreatePartitions {
                topics: vec![rpc::NewPartitions {
                    name: name.to_owned(),
                    total: *total,
                    assignments: None,
                }],
                validate_only: false,
            },
            TopicUpdate::Configs(wanted) => {
                let changes = config_changes(&current.configs, wanted);
                if changes.is_empty() {
                    return Ok(());
                }
                let resource = ConfigResource::Topic(name.to_owned());
                ControllerRequest::AlterConfigs {
                    resources: vec![AlterConfigResource { resource, changes }],
                    validate_only: false,
                }
            }
        };
        match call(&cluster, request, name).await? {
            ControllerResponse::Results(results) => first(results, name)?,
            other => return Err(unexpected(&other)),
        }
        wait_until_led(&cluster, name).await.map(drop)
    }

    async fn update_replication_factor(
        &self,
        cluster_id: Uuid,
        name: &str,
        factor: i16,
    ) -> Result<Replicated, TopicError> {
        let cluster = self.cluster(cluster_id)?;
        if let Some(_held) = self.try_hold(cluster_id) {
            replication::begin_some(&cluster, name, factor).await?;
        }
        let replicated = replication::progress(&cluster.image(), name, factor)?;
        if replicated.remaining == 0 {
            wait_applied(&cluster).await?;
        }
        Ok(replicated)
    }

    async fn validate_replication_factor(&self, cluster_id: Uuid, name: &str, factor: i16) -> Result<(), TopicError> {
        replication::plan(&self.cluster(cluster_id)?.image(), name, factor).map(drop)
    }

    async fn delete_topic(&self, cluster_id: Uuid, name: &str) -> Result<(), TopicError> {
        let cluster = self.cluster(cluster_id)?;
        let request = ControllerRequest::DeleteTopics {
            topics: vec![name.to_owned()],
        };
        match call(&cluster, request, name).await? {
            ControllerResponse::Results(results) => first(results, name)?,
            other => return Err(unexpected(&other)),
        }
        cluster.wait_applied(cluster.image().applied).await.map_err(timeout)
    }
}

async fn call(cluster: &Cluster, request: ControllerRequest, name: &str) -> Result<ControllerResponse, TopicError> {
    cluster.call(request).await.map_err(|error| refused(error, name))
}

async fn create(cluster: &Cluster, topic: &NewTopic, validate_only: bool) -> Result<(), TopicError> {
    let request = ControllerRequest::CreateTopics {
        topics: vec![rpc::NewTopic {
            name: topic.name.clone(),
            partitions: Some(topic.partition_count),
            replication_factor: Some(topic.replication_factor),
            assignments: None,
            configs: topic.configs.clone(),
        }],
        validate_only,
    };
    match call(cluster, request, &topic.name).await? {
        ControllerResponse::CreateTopics(results) => first(results, &topic.name).map(drop),
        other => Err(unexpected(&other)),
    }
}

/// The result of the only entry of a request.
fn first<T>(results: Vec<Result<T, ControllerError>>, name: &str) -> Result<T, TopicError> {
    match results.into_iter().next() {
        Some(result) => result.map_err(|error| refused(error, name)),
        None => Err(TopicError::ClusterConnectivity(
            "the controller has answered nothing".to_owned(),
        )),
    }
}

fn refused(error: ControllerError, name: &str) -> TopicError {
    match error {
        ControllerError::UnknownTopicOrPartition(_) | ControllerError::UnknownTopicId(_) => {
            TopicError::UnknownTopic(name.to_owned())
        }
        ControllerError::TopicAlreadyExists(name) => TopicError::TopicExists(name),
        ControllerError::NotController => TopicError::NotController(error.to_string()),
        error => TopicError::InvalidRequest(error.to_string()),
    }
}

fn timeout(error: EngineError) -> TopicError {
    TopicError::Timeout(error.to_string())
}

/// Waits until all partitions have a leader and all brokers know it.
async fn wait_until_led(cluster: &Cluster, name: &str) -> Result<TopicDescription, TopicError> {
    let what = format!("electing leaders of topic {name:?}");
    let gone = || TopicError::UnknownTopic(name.to_owned());
    loop {
        let led = cluster.wait(&what, LEADER_LIMIT, |image| {
            Ok(
                match describe(image, name).map(|description| without_leader(&description)) {
                    // Deleted in the meantime: the caller learns it from the description.
                    None | Some(0) => Progress::Done(()),
                    Some(count) => Progress::Waiting(format!("{count} partitions have no leader")),
                },
            )
        });
        led.await.map_err(timeout)?;
        cluster.wait_applied(cluster.image().applied).await.map_err(timeout)?;
        let description = describe(&cluster.image(), name).ok_or_else(gone)?;
        // A leader that was asked and did not answer is none any more: the next one has to know of the topic too.
        if without_leader(&description) == 0 {
            return Ok(description);
        }
    }
}

/// Number of its partitions that nobody leads.
fn without_leader(description: &TopicDescription) -> usize {
    let partitions = description.partitions.iter();
    partitions.filter(|partition| partition.leader.is_none()).count()
}

/// What turns the one configuration into the other.
fn config_changes(
    current: &BTreeMap<String, String>,
    wanted: &BTreeMap<String, String>,
) -> Vec<(String, ConfigChange)> {
    let set = wanted.iter().filter(|(name, value)| current.get(*name) != Some(*value));
    let set = set.map(|(name, value)| (name.clone(), ConfigChange::Set(value.clone())));
    let gone = current.keys().filter(|name| !wanted.contains_key(*name));
    set.chain(gone.map(|name| (name.clone(), ConfigChange::Delete)))
        .collect()
}

fn describe(image: &MetadataImage, name: &str) -> Option<TopicDescription> {
    let topic = image.topics.get(name)?;
    let configs = image
        .configs
        .get(&ConfigResource::Topic(name.to_owned()))
        .cloned()
        .unwrap_or_default();
    let ids = |brokers: &[BrokerId]| brokers.iter().map(|broker| broker.0).collect();
    let partitions = topic
        .partitions
        .iter()
        .zip(0..)
        .map(|(state, partition)| PartitionDescription {
            partition,
            leader: state.leader.map(|leader| leader.0),
            replicas: ids(&state.replicas),
            isr: ids(&state.isr),
        });
    Some(TopicDescription {
        summary: summary(topic),
        configs,
        partitions: partitions.collect(),
    })
}

/// Partitions that another replica than the preferred one leads, or none.
fn led_by_others(image: &MetadataImage) -> Vec<(String, i32)> {
    let mut found = Vec::new();
    for topic in image.topics.values() {
        for (index, state) in (0..).zip(&topic.partitions) {
            if state.leader != state.replicas.first().copied() {
                found.push((topic.name.clone(), index));
            }
        }
    }
    found.sort();
    found
}

fn summary(topic: &TopicImage) -> TopicSummary {
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    let out_of_sync = topic.partitions.iter().filter(|state| {
        let isr: HashSet<BrokerId> = state.isr.iter().copied().collect();
        !state.replicas.iter().all(|replica| isr.contains(replica))
    });
    TopicSummary {
        name: topic.name.clone(),
        topic_id: topic.topic_id.0,
        partition_count: count(topic.partitions.len()),
        replication_factor: topic
            .partitions
            .iter()
            .map(|state| i16::try_from(state.settled_replicas().len()).unwrap_or(i16::MAX))
            .min()
            .unwrap_or_default(),
        out_of_sync_partitions: count(out_of_sync.count()),
        internal: INTERNAL.contains(&topic.name.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configuration_becomes_exactly_what_is_wanted() {
        let map = |entries: &[(&str, &str)]| {
            entries
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect::<BTreeMap<_, _>>()
        };
        let current = map(&[
            ("retention.ms", "1"),
            ("cleanup.policy", "delete"),
            ("segment.bytes", "5"),
        ]);
        let wanted = map(&[
            ("retention.ms", "2"),
            ("cleanup.policy", "delete"),
            ("max.message.bytes", "9"),
        ]);
        assert_eq!(
            config_changes(&current, &wanted),
            [
                ("max.message.bytes".to_owned(), ConfigChange::Set("9".to_owned())),
                ("retention.ms".to_owned(), ConfigChange::Set("2".to_owned())),
                ("segment.bytes".to_owned(), ConfigChange::Delete),
            ]
        );
        assert!(config_changes(&wanted, &wanted).is_empty());
    }

    #[test]
    fn refusals_are_grouped_by_what_the_caller_should_do() {
        let text = |error| refused(error, "orders").to_string();
        assert_eq!(
            text(ControllerError::UnknownTopicOrPartition("x".into())),
            "topic \"orders\" does not exist"
        );
        assert_eq!(text(ControllerError::InvalidPartitions("no".into())), "no");
        assert!(matches!(
            refused(ControllerError::NotController, ""),
            TopicError::NotController(_)
        ));
    }
}
