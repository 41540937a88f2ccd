//! Configurations of topics and of all brokers (KIP-339, KIP-226).

use std::{collections::BTreeMap, net::SocketAddr};

use engine::TopicError;
use kafka_codec::messages::{
    DescribeConfigsRequest, IncrementalAlterConfigsRequest,
    describe_configs_request::DescribeConfigsResource,
    incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig},
};

use super::{Kafka, check, text};

/// Kafka's code of a topic.
const TOPIC: i8 = 2;
/// Kafka's code of a broker; without a name, of all of them.
const BROKER: i8 = 4;
/// The value was set for this topic.
const SOURCE_TOPIC: i8 = 1;
/// The value was set for all brokers.
const SOURCE_ALL_BROKERS: i8 = 3;

/// A value to set, or `None` to go back to the default.
pub(crate) type ConfigChange = (String, Option<String>);

impl Kafka {
    /// The configuration of each topic, without defaults.
    pub(crate) async fn topic_configs(
        &self,
        names: &[String],
    ) -> Result<BTreeMap<String, BTreeMap<String, String>>, TopicError> {
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let answer = self.ask(&describe(TOPIC, names), 4).await?;
        let mut found = BTreeMap::new();
        for result in answer.results {
            let name = result.resource_name.to_string();
            check(result.error_code, result.error_message.as_ref(), &name)?;
            let own = result.configs.into_iter().filter(|it| it.config_source == SOURCE_TOPIC);
            let values = own.filter_map(|it| Some((it.name.to_string(), it.value?.to_string())));
            found.insert(name, values.collect());
        }
        Ok(found)
    }

    /// What has been set for all brokers while they run.
    pub(crate) async fn broker_configs(&self) -> Result<BTreeMap<String, Option<String>>, TopicError> {
        let answer = self.ask(&describe(BROKER, &[String::new()]), 4).await?;
        let mut found = BTreeMap::new();
        for result in answer.results {
            check(result.error_code, result.error_message.as_ref(), "")?;
            let set = result
                .configs
                .into_iter()
                .filter(|it| it.config_source == SOURCE_ALL_BROKERS);
            found.extend(set.map(|it| (it.name.to_string(), it.value.map(|value| value.to_string()))));
        }
        Ok(found)
    }

    /// Changes the configuration of a topic, and waits until all brokers act on it.
    pub(crate) async fn alter_topic(&self, name: &str, changes: &[ConfigChange]) -> Result<(), TopicError> {
        self.alter(TOPIC, name, changes).await?;
        let request = describe(TOPIC, &[name.to_owned()]);
        let what = format!("changing topic {name:?}");
        self.wait_everywhere(&what, &request, 4, |answer| {
            let configs = answer.results.iter().flat_map(|result| &result.configs);
            let own: BTreeMap<String, Option<String>> = configs
                .filter(|it| it.config_source == SOURCE_TOPIC)
                .map(|it| (it.name.to_string(), it.value.as_ref().map(ToString::to_string)))
                .collect();
            changes.iter().all(|(name, value)| match value {
                Some(value) => own.get(name) == Some(&Some(value.clone())),
                None => !own.contains_key(name),
            })
        })
        .await
    }

    /// Changes what is set for all brokers while they run.
    pub(crate) async fn alter_brokers(&self, changes: &[ConfigChange]) -> Result<(), TopicError> {
        self.alter(BROKER, "", changes).await
    }

    /// Sets something for one node, which has to be asked itself.
    pub(crate) async fn alter_node(
        &self,
        id: i32,
        address: SocketAddr,
        changes: &[ConfigChange],
    ) -> Result<(), TopicError> {
        let request = alteration(BROKER, &id.to_string(), changes);
        let answer = self.ask_at(address, &request, 1).await?;
        for result in answer.responses {
            check(result.error_code, result.error_message.as_ref(), "")?;
        }
        Ok(())
    }

    async fn alter(&self, kind: i8, name: &str, changes: &[ConfigChange]) -> Result<(), TopicError> {
        let answer = self.order(&alteration(kind, name, changes), 1).await?;
        for result in answer.responses {
            check(result.error_code, result.error_message.as_ref(), name)?;
        }
        Ok(())
    }
}

fn alteration(kind: i8, name: &str, changes: &[ConfigChange]) -> IncrementalAlterConfigsRequest {
    let mut resource = AlterConfigsResource::default();
    resource.resource_type = kind;
    resource.resource_name = text(name);
    for (name, value) in changes {
        let mut config = AlterableConfig::default();
        config.name = text(name);
        config.config_operation = i8::from(value.is_none());
        config.value = value.as_deref().map(text);
        resource.configs.push(config);
    }
    let mut request = IncrementalAlterConfigsRequest::default();
    request.resources = vec![resource];
    request
}

fn describe(kind: i8, names: &[String]) -> DescribeConfigsRequest {
    let mut request = DescribeConfigsRequest::default();
    let resources = names.iter().map(|name| {
        let mut resource = DescribeConfigsResource::default();
        resource.resource_type = kind;
        resource.resource_name = text(name);
        resource.configuration_keys = None;
        resource
    });
    request.resources = resources.collect();
    request
}
