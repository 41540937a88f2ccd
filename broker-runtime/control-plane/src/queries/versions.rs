//! Versions of Kafka that clusters can have.

use control_plane_api::versions::{CompatibleKafkaVersion, KafkaVersion};

use super::cluster_record;
use crate::{error::OperationError, services::Services};

/// MSK's version names, newest last.
pub(crate) const KAFKA_VERSIONS: &[&str] = &["4.0.x.kraft", "4.1.x.kraft", "4.2.x.kraft"];

/// `ListKafkaVersions`: oldest first.
pub(crate) fn list_kafka_versions() -> Vec<KafkaVersion> {
    KAFKA_VERSIONS
        .iter()
        .map(|version| KafkaVersion {
            version: (*version).to_owned(),
            status: "ACTIVE".to_owned(),
        })
        .collect()
}

/// The versions that may follow `version`: all newer ones.
pub(crate) fn newer_versions(version: &str) -> &'static [&'static str] {
    let known = KAFKA_VERSIONS.iter().position(|known| *known == version);
    known.map_or(&[], |index| &KAFKA_VERSIONS[index + 1..])
}

/// `GetCompatibleKafkaVersions`: where updates lead, from all versions or from that of a cluster.
pub(crate) async fn get_compatible_kafka_versions(
    services: &Services,
    arn: Option<&str>,
) -> Result<Vec<CompatibleKafkaVersion>, OperationError> {
    let of_cluster = arn
        .map(|arn| cluster_record(services, arn).map(|cluster| cluster.settings.kafka_version))
        .transpose()?;
    Ok(KAFKA_VERSIONS
        .iter()
        .filter(|version| of_cluster.as_deref().is_none_or(|own| own == **version))
        .map(|version| CompatibleKafkaVersion {
            source_version: (*version).to_owned(),
            target_versions: newer_versions(version).iter().map(|it| (*it).to_owned()).collect(),
        })
        .collect())
}
