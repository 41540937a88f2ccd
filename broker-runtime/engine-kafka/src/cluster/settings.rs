//! What takes effect without a restart: dynamic properties and SCRAM users.

use engine::{ClusterSpec, EngineError};

use super::{Cluster, nodes::is_dynamic, refused};
use crate::{
    admin::{ConfigChange, fingerprints},
    description::Description,
    node_properties::threads,
};

impl Cluster {
    /// Puts them in force. What was in force before is forgotten only once the new is, so that what it set is taken back.
    pub(super) async fn apply_settings(&self, spec: &ClusterSpec, before: &Description) -> Result<(), EngineError> {
        let changes = self.dynamic_changes(spec, before).await?;
        if !changes.is_empty() {
            self.kafka
                .alter_brokers(&changes)
                .await
                .map_err(|error| refused("setting the dynamic properties", error))?;
        }
        self.kafka
            .ensure_users(&before.scram_users, &spec.scram_users)
            .await
            .map_err(|error| refused("setting the SCRAM users", error))?;
        let (properties, users) = (spec.server_properties.clone(), fingerprints(&spec.scram_users));
        if before.server_properties == properties && before.scram_users == users {
            return Ok(());
        }
        self.describe(|next| (next.server_properties, next.scram_users) = (properties, users))
            .await
    }

    /// What has to be changed. Only what a specification had set is taken back: others may have set more.
    async fn dynamic_changes(
        &self,
        spec: &ClusterSpec,
        before: &Description,
    ) -> Result<Vec<ConfigChange>, EngineError> {
        let current = self
            .kafka
            .broker_configs()
            .await
            .map_err(|error| refused("reading the dynamic properties", error))?;
        let wanted = spec.server_properties.iter().filter(|(name, _)| is_dynamic(name));
        let from_the_start = threads();
        let set = wanted.filter(|(name, value)| match current.get(*name) {
            Some(now) => now.as_ref() != Some(*value),
            None => from_the_start.get(name.as_str()) != Some(*value),
        });
        let set = set.map(|(name, value)| (name.clone(), Some(value.clone())));
        let gone = before.server_properties.keys().filter(|name| {
            is_dynamic(name) && !spec.server_properties.contains_key(*name) && current.contains_key(*name)
        });
        Ok(set.chain(gone.map(|name| (name.clone(), None))).collect())
    }
}
