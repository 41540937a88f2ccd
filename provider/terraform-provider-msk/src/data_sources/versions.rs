//! `msk_kafka_version` and `msk_kafka_versions`.

use async_trait::async_trait;
use control_plane_client::Client;
use plugin_framework::{
    schema::{Attribute, Schema},
    value::{Object, Value},
};

use super::look_up::{Answer, Missing, Question, computed, enumerated};

/// A version of Kafka that is offered.
pub(super) struct KafkaVersion;

#[async_trait]
impl Question for KafkaVersion {
    const TYPE_NAME: &'static str = "msk_kafka_version";

    fn schema() -> Schema {
        Schema::new()
            .description(
                "A version of Kafka that clusters can have: the one that is named, else the first of the preferred ones that is \
                 offered, else the newest.",
            )
            .attribute(
                "version",
                Attribute::string()
                    .optional()
                    .computed()
                    .description("Version, such as `4.2.x.kraft`."),
            )
            .attribute(
                "preferred_versions",
                Attribute::list_of_strings()
                    .optional()
                    .description("Versions, the best one first."),
            )
            .attribute("status", computed("`ACTIVE`."))
    }

    async fn ask(client: &Client, mut asked: Object) -> Answer {
        let all = client.list_kafka_versions().await?;
        let preferred = asked.get("preferred_versions").as_list().unwrap_or_default();
        let (argument, wanted): (_, Vec<String>) = match asked.string("version") {
            Some(version) => ("version", vec![version.to_owned()]),
            None => (
                "preferred_versions",
                preferred.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            ),
        };
        let found = if wanted.is_empty() {
            all.last()
        } else {
            wanted
                .iter()
                .find_map(|version| all.iter().find(|offered| offered.version == *version))
        };
        let Some(found) = found else {
            let offered = enumerated(all.iter().map(|offered| offered.version.as_str()));
            return Ok(Err(Missing {
                argument,
                detail: format!("The runtime offers {offered}."),
            }));
        };
        asked
            .set_string("version", &found.version)
            .set_string("status", &found.status);
        Ok(Ok(asked))
    }
}

/// All versions that are offered.
pub(super) struct KafkaVersions;

#[async_trait]
impl Question for KafkaVersions {
    const TYPE_NAME: &'static str = "msk_kafka_versions";

    fn schema() -> Schema {
        Schema::new()
            .description("The versions of Kafka that clusters can have, the oldest first.")
            .attribute(
                "versions",
                Attribute::list_of_strings()
                    .computed()
                    .description("Versions, such as `4.2.x.kraft`."),
            )
    }

    async fn ask(client: &Client, mut asked: Object) -> Answer {
        let all = client.list_kafka_versions().await?;
        asked.set("versions", Value::strings(all.iter().map(|offered| &offered.version)));
        Ok(Ok(asked))
    }
}
