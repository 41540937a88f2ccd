//! Topics of a running cluster.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    net::SocketAddr,
    time::Duration,
};

use engine::{
    Elected, NewTopic, PartitionDescription, Replicated, TopicDescription, TopicError, TopicSummary, TopicUpdate,
};
use kafka_codec::messages::{
    CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest, MetadataResponse,
    create_partitions_request::CreatePartitionsTopic,
    create_topics_request::{CreatableTopic, CreatableTopicConfig},
    delete_topics_request::DeleteTopicState,
};
use kafka_metadata::{BrokerId, MetadataImage, PartitionState, TopicImage, controller::replicate, rpc::Reassignment};

use super::{ConfigChange, Kafka, LOOK_AGAIN, MOVING_MAX, check, image::all_topics, text};

/// How long partitions may take to get a leader, and brokers to know it.
const LEADER_LIMIT: Duration = Duration::from_secs(20);
/// Longest time the controller may take, milliseconds.
const CONTROLLER_LIMIT_MS: i32 = 10_000;
/// Topics that Kafka itself makes.
const INTERNAL: [&str; 3] = ["__consumer_offsets", "__transaction_state", "__share_group_state"];

impl Kafka {
    /// Creates a topic, and returns once every broker knows leaders of all its partitions.
    pub(crate) async fn create_topic(&self, topic: &NewTopic) -> Result<TopicDescription, TopicError> {
        self.create(topic, false).await?;
        self.wait_until_led(&topic.name, topic.partition_count).await?;
        self.describe_topic(&topic.name).await
    }

    /// Says whether a topic could be created.
    pub(crate) async fn validate_topic(&self, topic: &NewTopic) -> Result<(), TopicError> {
        self.create(topic, true).await
    }

    async fn create(&self, topic: &NewTopic, validate_only: bool) -> Result<(), TopicError> {
        let mut new = CreatableTopic::default();
        new.name = text(&topic.name);
        new.num_partitions = topic.partition_count;
        new.replication_factor = topic.replication_factor;
        let configs = topic.configs.iter().map(|(name, value)| {
            let mut config = CreatableTopicConfig::default();
            config.name = text(name);
            config.value = Some(text(value));
            config
        });
        new.configs = configs.collect();
        let mut request = CreateTopicsRequest::default();
        request.topics = vec![new];
        request.timeout_ms = CONTROLLER_LIMIT_MS;
        request.validate_only = validate_only;
        let answer = self.order(&request, 7).await?;
        for result in answer.topics {
            check(result.error_code, result.error_message.as_ref(), &topic.name)?;
        }
        Ok(())
    }

    /// Describes one topic.
    pub(crate) async fn describe_topic(&self, name: &str) -> Result<TopicDescription, TopicError> {
        let image = self.image(&[]).await?;
        let topic = find(&image, name)?;
        let mut configs = self.topic_configs(&[name.to_owned()]).await?;
        Ok(describe(topic, configs.remove(name).unwrap_or_default()))
    }

    /// Describes all topics, in order of their names.
    pub(crate) async fn describe_topics(&self) -> Result<Vec<TopicDescription>, TopicError> {
        let image = self.image(&[]).await?;
        let names: BTreeSet<String> = image.topics.keys().cloned().collect();
        let names: Vec<String> = names.into_iter().collect();
        let mut configs = self.topic_configs(&names).await?;
        let topics = names.iter().filter_map(|name| image.topics.get(name));
        Ok(topics
            .map(|topic| describe(topic, configs.remove(&topic.name).unwrap_or_default()))
            .collect())
    }

    /// All topics in order of their names.
    pub(crate) async fn list_topics(&self) -> Result<Vec<TopicSummary>, TopicError> {
        let image = self.image(&[]).await?;
        let mut topics: Vec<TopicSummary> = image.topics.values().map(|topic| summary(topic)).collect();
        topics.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(topics)
    }

    /// Changes a topic.
    pub(crate) async fn update_topic(&self, name: &str, update: &TopicUpdate) -> Result<(), TopicError> {
        let current = self.describe_topic(name).await?;
        match update {
            TopicUpdate::PartitionCount(total) if *total == current.summary.partition_count => Ok(()),
            TopicUpdate::PartitionCount(total) => self.grow(name, *total).await,
            TopicUpdate::Configs(wanted) => {
                let changes = changes(&current.configs, wanted);
                if changes.is_empty() {
                    return Ok(());
                }
                self.alter_topic(name, &changes).await
            }
        }
    }

    async fn grow(&self, name: &str, total: i32) -> Result<(), TopicError> {
        let mut topic = CreatePartitionsTopic::default();
        topic.name = text(name);
        topic.count = total;
        topic.assignments = None;
        let mut request = CreatePartitionsRequest::default();
        request.topics = vec![topic];
        request.timeout_ms = CONTROLLER_LIMIT_MS;
        let answer = self.order(&request, 3).await?;
        for result in answer.results {
            check(result.error_code, result.error_message.as_ref(), name)?;
        }
        self.wait_until_led(name, total).await
    }

    /// Deletes a topic, and returns once no broker that serves knows it.
    pub(crate) async fn delete_topic(&self, name: &str) -> Result<(), TopicError> {
        let mut state = DeleteTopicState::default();
        state.name = Some(text(name));
        let mut request = DeleteTopicsRequest::default();
        request.topics = vec![state];
        request.timeout_ms = CONTROLLER_LIMIT_MS;
        let answer = self.order(&request, 6).await?;
        for result in answer.responses {
            check(result.error_code, result.error_message.as_ref(), name)?;
        }
        let what = format!("deleting topic {name:?}");
        self.wait_everywhere(&what, &all_topics(), 12, |answer| led(answer, name).is_none())
            .await
    }

    /// Gives partitions to their preferred replicas.
    pub(crate) async fn elect_preferred_leaders(&self) -> Result<Elected, TopicError> {
        let image = self.image(&[]).await?;
        self.elect_preferred(&image).await
    }

    /// Says whether a topic could have so many replicas of each partition.
    pub(crate) async fn validate_replication_factor(&self, name: &str, factor: i16) -> Result<(), TopicError> {
        plan(&self.image(&[]).await?, name, factor).map(drop)
    }

    /// Begins what may go on at once of the way to another number of replicas, when `may_begin`, and says how far it is.
    pub(crate) async fn update_replication_factor(
        &self,
        name: &str,
        factor: i16,
        may_begin: bool,
    ) -> Result<Replicated, TopicError> {
        let image = self.image(&[]).await?;
        let planned = plan(&image, name, factor)?;
        if may_begin && !planned.is_empty() {
            let moving = image.topics.values().flat_map(|topic| &topic.partitions);
            let room = MOVING_MAX.saturating_sub(moving.filter(|state| state.is_moving()).count());
            let next: Vec<Reassignment> = planned.into_iter().take(room).collect();
            if !next.is_empty() {
                self.reassign(&next).await?;
            }
        }
        let image = self.image(&[]).await?;
        progress(find(&image, name)?, factor)
    }

    /// Waits until every broker that serves knows leaders of all partitions of a topic, and these have taken them up.
    async fn wait_until_led(&self, name: &str, partitions: i32) -> Result<(), TopicError> {
        let brokers: Vec<SocketAddr> = self.brokers.lock().values().copied().collect();
        let begun = self.clock.monotonic();
        for broker in brokers {
            loop {
                let missing = match self.ask_at(broker, &all_topics(), 12).await {
                    // Whoever cannot be reached is no leader, or not for long.
                    Err(_) => break,
                    Ok(answer) => match led(&answer, name) {
                        Some(led) if led >= partitions => break,
                        led => partitions - led.unwrap_or_default(),
                    },
                };
                if self.waited(begun) >= LEADER_LIMIT {
                    return Err(TopicError::Timeout(format!(
                        "electing leaders of topic {name:?}: broker {broker} knows none of {missing} partitions"
                    )));
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        }
        Ok(())
    }
}

/// Number of partitions with a leader that a broker knows of; `None` when it does not know the topic.
fn led(answer: &MetadataResponse, name: &str) -> Option<i32> {
    let topic = answer
        .topics
        .iter()
        .find(|topic| topic.error_code == 0 && topic.name.as_ref().is_some_and(|it| &**it == name))?;
    let led = topic.partitions.iter().filter(|partition| partition.leader_id >= 0);
    i32::try_from(led.count()).ok()
}

fn find<'a>(image: &'a MetadataImage, name: &str) -> Result<&'a TopicImage, TopicError> {
    let topic = image.topics.get(name).map(AsRef::as_ref);
    topic.ok_or_else(|| TopicError::UnknownTopic(name.to_owned()))
}

/// What turns the one configuration into the other.
fn changes(current: &BTreeMap<String, String>, wanted: &BTreeMap<String, String>) -> Vec<ConfigChange> {
    let set = wanted.iter().filter(|(name, value)| current.get(*name) != Some(*value));
    let set = set.map(|(name, value)| (name.clone(), Some(value.clone())));
    let gone = current.keys().filter(|name| !wanted.contains_key(*name));
    set.chain(gone.map(|name| (name.clone(), None))).collect()
}

fn describe(topic: &TopicImage, configs: BTreeMap<String, String>) -> TopicDescription {
    let ids = |brokers: &[BrokerId]| brokers.iter().map(|broker| broker.0).collect();
    let partitions = (0..).zip(&topic.partitions);
    TopicDescription {
        summary: summary(topic),
        configs,
        partitions: partitions
            .map(|(partition, state)| PartitionDescription {
                partition,
                leader: state.leader.map(|leader| leader.0),
                replicas: ids(&state.replicas),
                isr: ids(&state.isr),
            })
            .collect(),
    }
}

fn summary(topic: &TopicImage) -> TopicSummary {
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    let out_of_sync = topic.partitions.iter().filter(|state| {
        let isr: HashSet<BrokerId> = state.isr.iter().copied().collect();
        !state.replicas.iter().all(|replica| isr.contains(replica))
    });
    let replicas = topic.partitions.iter().map(|state| state.settled_replicas().len());
    TopicSummary {
        name: topic.name.clone(),
        topic_id: topic.topic_id.0,
        partition_count: count(topic.partitions.len()),
        replication_factor: i16::try_from(replicas.min().unwrap_or_default()).unwrap_or(i16::MAX),
        out_of_sync_partitions: count(out_of_sync.count()),
        internal: INTERNAL.contains(&topic.name.as_str()),
    }
}

fn plan(image: &MetadataImage, name: &str, factor: i16) -> Result<Vec<Reassignment>, TopicError> {
    find(image, name)?;
    let planned = usize::try_from(factor)
        .ok()
        .and_then(|factor| replicate(image, name, factor));
    planned.ok_or_else(|| {
        TopicError::InvalidRequest(format!(
            "topic {name:?} cannot have a replication factor of {factor}: each replica needs a broker of its own, and the \
             cluster has {}",
            image.brokers.len()
        ))
    })
}

fn progress(topic: &TopicImage, factor: i16) -> Result<Replicated, TopicError> {
    let factor = usize::try_from(factor).unwrap_or_default();
    let states = topic.partitions.iter().enumerate();
    let remaining: Vec<(usize, &PartitionState)> = states.filter(|(_, state)| !state.has_replicas(factor)).collect();
    let waits_for = remaining.first().map(|(index, state)| {
        let name = &topic.name;
        match state.adding.iter().find(|broker| !state.isr.contains(broker)) {
            Some(broker) => format!("{name}-{index} waits for broker {broker}, which copies it"),
            None => format!("{name}-{index} waits until other partitions have moved"),
        }
    });
    Ok(Replicated {
        partitions: topic.partitions.len(),
        remaining: remaining.len(),
        waits_for,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configuration_becomes_exactly_what_is_wanted() {
        let map = |entries: &[(&str, &str)]| -> BTreeMap<String, String> {
            let owned = entries
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            owned.collect()
        };
        let current = map(&[("retention.ms", "1"), ("cleanup.policy", "delete")]);
        let wanted = map(&[("retention.ms", "2"), ("max.message.bytes", "9")]);
        assert_eq!(
            changes(&current, &wanted),
            [
                ("max.message.bytes".to_owned(), Some("9".to_owned())),
                ("retention.ms".to_owned(), Some("2".to_owned())),
                ("cleanup.policy".to_owned(), None),
            ]
        );
        assert!(changes(&wanted, &wanted).is_empty());
    }
}
