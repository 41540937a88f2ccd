//! `msk_configuration` and `msk_configurations`.

use async_trait::async_trait;
use control_plane_client::Client;
use plugin_framework::{
    schema::{Attribute, Schema},
    value::{Object, Type, Value},
};

use super::look_up::{Answer, Missing, Question, computed, computed_objects, enumerated, name_prefix};

/// One configuration, by its name.
pub(super) struct Configuration;

#[async_trait]
impl Question for Configuration {
    const TYPE_NAME: &'static str = "msk_configuration";

    fn schema() -> Schema {
        Schema::new()
            .description("A configuration that exists, with the text of its newest revision.")
            .attribute(
                "name",
                Attribute::string().required().description("Name of the configuration."),
            )
            .attribute("arn", computed("ARN of the configuration."))
            .attribute("id", computed("ARN of the configuration."))
            .attribute("description", computed("What it is for."))
            .attribute("server_properties", computed("Text of the newest revision."))
            .attribute(
                "latest_revision",
                Attribute::number().computed().description("The newest revision."),
            )
            .attribute(
                "kafka_versions",
                Attribute::set_of_strings()
                    .computed()
                    .description("Versions of Kafka it is meant for."),
            )
    }

    async fn ask(client: &Client, mut asked: Object) -> Answer {
        let name = asked.string("name").unwrap_or_default().to_owned();
        let all = client.list_configurations().await?;
        let Some(found) = all.iter().find(|configuration| configuration.name == name) else {
            let there = enumerated(all.iter().map(|configuration| configuration.name.as_str()));
            return Ok(Err(Missing {
                argument: "name",
                detail: format!("There is no configuration {name:?}. Configurations that exist: {there}."),
            }));
        };
        let revision = found.latest_revision.revision;
        let text = client.describe_configuration_revision(&found.arn, revision).await?;
        asked
            .set_string("arn", &found.arn)
            .set_string("id", &found.arn)
            .set_string("description", &found.description)
            .set_optional_string("server_properties", text.server_properties.text())
            .set_i64("latest_revision", revision)
            .set("kafka_versions", Value::strings(&found.kafka_versions));
        Ok(Ok(asked))
    }
}

/// All configurations.
pub(super) struct Configurations;

#[async_trait]
impl Question for Configurations {
    const TYPE_NAME: &'static str = "msk_configurations";

    fn schema() -> Schema {
        let row = [
            ("arn", Type::String),
            ("name", Type::String),
            ("latest_revision", Type::Number),
        ];
        Schema::new()
            .description("The configurations that exist, by name.")
            .attribute("name_prefix", name_prefix("configurations"))
            .attribute(
                "arns",
                Attribute::list_of_strings().computed().description("Their ARNs."),
            )
            .attribute(
                "names",
                Attribute::list_of_strings().computed().description("Their names."),
            )
            .attribute(
                "configurations",
                computed_objects(&row, "What there is to say of each in a line."),
            )
    }

    async fn ask(client: &Client, mut asked: Object) -> Answer {
        let prefix = asked.string("name_prefix").unwrap_or_default().to_owned();
        let mut all = client.list_configurations().await?;
        all.retain(|configuration| configuration.name.starts_with(&prefix));
        let rows = all.iter().map(|configuration| {
            let mut row = Object::new();
            row.set_string("arn", &configuration.arn)
                .set_string("name", &configuration.name)
                .set_i64("latest_revision", configuration.latest_revision.revision);
            row.into_value()
        });
        let rows = Value::List(rows.collect());
        asked
            .set("arns", Value::strings(all.iter().map(|it| &it.arn)))
            .set("names", Value::strings(all.iter().map(|it| &it.name)))
            .set("configurations", rows);
        Ok(Ok(asked))
    }
}
