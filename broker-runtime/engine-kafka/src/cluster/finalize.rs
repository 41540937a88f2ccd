//! The end of a change of version: once every node runs the new release, the levels of features become those that it gives to
//! new clusters. From then on older releases cannot read what is written, so that is written down first.

use engine::{ClusterSpec, EngineError, Step};

use super::{Cluster, refused};
use crate::{admin::missing, releases::Release};

impl Cluster {
    /// Raises levels of features that are lower than those of the release.
    pub(super) async fn finalize(&self, release: Release) -> Result<(), EngineError> {
        let failed = |error| refused("finalising the version", error);
        let current = self.kafka.levels().await.map_err(failed)?;
        let missing = missing(&release.levels(), &current);
        if !missing.is_empty() {
            self.report_step(Step::FinalizeVersion);
        }
        if self.description().finalized.as_deref() != Some(release.number) {
            self.describe(|next| next.finalized = Some(release.number.to_owned()))
                .await?;
        }
        if missing.is_empty() {
            return Ok(());
        }
        self.kafka.raise(&missing).await.map_err(failed)?;
        tracing::info!(
            cluster = self.name(),
            release = release.number,
            levels = ?missing,
            "version is finalised"
        );
        Ok(())
    }

    /// Refuses a release that is older than the one whose levels of features are in force.
    pub(crate) fn refuse_to_go_back(&self, spec: &ClusterSpec) -> Result<(), EngineError> {
        let description = self.description();
        let finalized = description.finalized.as_deref().and_then(Release::numbered);
        let wanted = Release::of(&spec.kafka_version);
        match finalized.zip(wanted) {
            Some((finalized, wanted)) if wanted.is_before(&finalized) => Err(EngineError::Unsupported {
                reason: format!(
                    "cluster {:?} cannot go back from Apache Kafka {} to {}: its version is finalised, and older brokers cannot \
                     read the metadata that newer ones have written",
                    spec.cluster_name, finalized.number, wanted.number
                ),
            }),
            _ => Ok(()),
        }
    }
}
