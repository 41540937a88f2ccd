//! `msk_kafka_version` and `msk_kafka_versions`.

use async_trait::async_trait;
use control_plane_client::Client;
use plugin_framework::model::{Field, Model};

use super::look_up::{Answer, Missing, Question, enumerated, texts};

/// A version of Kafka that clusters can have: the one that is named, else the first of the preferred ones that is
/// offered, else the newest.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct KafkaVersion {
    /// Version, such as `4.2.x.kraft`.
    #[attribute(optional, computed)]
    version: Field<String>,
    /// Versions, the best one first.
    #[attribute(optional)]
    preferred_versions: Field<Vec<Field<String>>>,
    /// `ACTIVE`.
    #[attribute(computed)]
    status: Field<String>,
}

#[async_trait]
impl Question for KafkaVersion {
    const TYPE_NAME: &'static str = "msk_kafka_version";

    async fn ask(mut self, client: &Client) -> Answer<Self> {
        let all = client.list_kafka_versions().await?;
        let (argument, wanted): (_, Vec<&str>) = match self.version.as_str() {
            Some(version) => ("version", vec![version]),
            None => (
                "preferred_versions",
                self.preferred_versions
                    .elements()
                    .iter()
                    .filter_map(Field::as_str)
                    .collect(),
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
        self.version = found.version.as_str().into();
        self.status = found.status.as_str().into();
        Ok(Ok(self))
    }
}

/// The versions of Kafka that clusters can have, the oldest first.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct KafkaVersions {
    /// Versions, such as `4.2.x.kraft`.
    #[attribute(computed)]
    versions: Field<Vec<String>>,
}

#[async_trait]
impl Question for KafkaVersions {
    const TYPE_NAME: &'static str = "msk_kafka_versions";

    async fn ask(self, client: &Client) -> Answer<Self> {
        let all = client.list_kafka_versions().await?;
        Ok(Ok(Self {
            versions: texts(all.iter().map(|offered| &offered.version)),
        }))
    }
}
