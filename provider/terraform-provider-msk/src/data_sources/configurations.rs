//! `msk_configuration` and `msk_configurations`.

use std::collections::BTreeSet;

use async_trait::async_trait;
use control_plane_client::Client;
use plugin_framework::model::{Field, Model, Plain};

use super::look_up::{Answer, Missing, Question, enumerated, texts};

/// A configuration that exists, with the text of its newest revision.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct Configuration {
    /// Name of the configuration.
    #[attribute(required)]
    name: Field<String>,
    /// ARN of the configuration.
    #[attribute(computed)]
    arn: Field<String>,
    /// ARN of the configuration.
    #[attribute(computed)]
    id: Field<String>,
    /// What it is for.
    #[attribute(computed)]
    description: Field<String>,
    /// Text of the newest revision.
    #[attribute(computed)]
    server_properties: Field<String>,
    /// The newest revision.
    #[attribute(computed)]
    latest_revision: Field<i64>,
    /// Versions of Kafka it is meant for.
    #[attribute(computed)]
    kafka_versions: Field<BTreeSet<String>>,
}

#[async_trait]
impl Question for Configuration {
    const TYPE_NAME: &'static str = "msk_configuration";

    async fn ask(self, client: &Client) -> Answer<Self> {
        let name = self.name.or_default();
        let mut all = client.list_configurations().await?;
        let Some(place) = all.iter().position(|configuration| configuration.name == name) else {
            let there = enumerated(all.iter().map(|configuration| configuration.name.as_str()));
            return Ok(Err(Missing {
                argument: "name",
                detail: format!("There is no configuration {name:?}. Configurations that exist: {there}."),
            }));
        };
        let found = all.swap_remove(place);
        let revision = found.latest_revision.revision;
        let text = client.describe_configuration_revision(&found.arn, revision).await?;
        Ok(Ok(Self {
            name: self.name,
            arn: found.arn.clone().into(),
            id: found.arn.into(),
            description: found.description.into(),
            server_properties: text.server_properties.text().into(),
            latest_revision: revision.into(),
            kafka_versions: found.kafka_versions.into_iter().collect::<BTreeSet<_>>().into(),
        }))
    }
}

/// The configurations that exist, by name.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct Configurations {
    /// Only configurations whose name begins like this.
    #[attribute(optional)]
    name_prefix: Field<String>,
    /// Their ARNs.
    #[attribute(computed)]
    arns: Field<Vec<String>>,
    /// Their names.
    #[attribute(computed)]
    names: Field<Vec<String>>,
    /// What there is to say of each in a line.
    #[attribute(computed)]
    configurations: Field<Plain<Vec<ConfigurationLine>>>,
}

/// A configuration in a line.
#[derive(Clone, Debug, Default, Model)]
struct ConfigurationLine {
    #[attribute(computed)]
    arn: Field<String>,
    #[attribute(computed)]
    name: Field<String>,
    #[attribute(computed)]
    latest_revision: Field<i64>,
}

#[async_trait]
impl Question for Configurations {
    const TYPE_NAME: &'static str = "msk_configurations";

    async fn ask(mut self, client: &Client) -> Answer<Self> {
        let prefix = self.name_prefix.as_str().unwrap_or_default();
        let mut all = client.list_configurations().await?;
        all.retain(|configuration| configuration.name.starts_with(prefix));
        self.arns = texts(all.iter().map(|configuration| &configuration.arn));
        self.names = texts(all.iter().map(|configuration| &configuration.name));
        let lines = all.into_iter().map(|configuration| ConfigurationLine {
            arn: configuration.arn.into(),
            name: configuration.name.into(),
            latest_revision: configuration.latest_revision.revision.into(),
        });
        self.configurations = Plain(lines.collect()).into();
        Ok(Ok(self))
    }
}
