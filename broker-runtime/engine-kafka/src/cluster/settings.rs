//! What takes effect without a restart: dynamic properties and SCRAM users.

use std::time::Duration;

use engine::{ClusterSpec, EngineError, TopicError};

use super::{Cluster, nodes::is_dynamic, refused, thread_counts::rounds};
use crate::{
    admin::{ConfigChange, fingerprints},
    description::Description,
    node_properties::threads,
};

/// How often a round is tried, and how long a pause is.
const ROUND_TRIES: usize = 50;
const ROUND_PAUSE: Duration = Duration::from_millis(100);

impl Cluster {
    /// Puts them in force. What was in force before is forgotten only once the new is, so that what it set is taken back.
    pub(super) async fn apply_settings(&self, spec: &ClusterSpec, before: &Description) -> Result<(), EngineError> {
        for (at, changes) in self.dynamic_changes(spec, before).await?.into_iter().enumerate() {
            let set = self.alter_brokers(&changes, at > 0).await;
            set.map_err(|error| refused("setting the dynamic properties", error))?;
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

    /// `again` where brokers may not have heard yet of the round before, on which it depends whether they take this one.
    async fn alter_brokers(&self, changes: &[ConfigChange], again: bool) -> Result<(), TopicError> {
        let mut tries = if again { ROUND_TRIES } else { 1 };
        loop {
            tries -= 1;
            match self.kafka.alter_brokers(changes).await {
                Err(TopicError::InvalidRequest(_)) if tries > 0 => self.settings.clock.sleep(ROUND_PAUSE).await,
                result => return result,
            }
        }
    }

    /// What has to be changed, in rounds. Only what a specification had set is taken back: others may have set more.
    async fn dynamic_changes(
        &self,
        spec: &ClusterSpec,
        before: &Description,
    ) -> Result<Vec<Vec<ConfigChange>>, EngineError> {
        let current = self
            .kafka
            .broker_configs()
            .await
            .map_err(|error| refused("reading the dynamic properties", error))?;
        let wanted = spec.server_properties.iter().filter(|(name, _)| is_dynamic(name));
        // What nodes have in their files.
        let mut from_the_start = self.description().from_the_start.clone();
        from_the_start.extend(threads().into_iter().map(|(name, value)| (name.to_owned(), value)));
        let set = wanted.filter(|(name, value)| match current.get(*name) {
            Some(now) => now.as_ref() != Some(*value),
            None => from_the_start.get(name.as_str()) != Some(*value),
        });
        let set = set.map(|(name, value)| (name.clone(), Some(value.clone())));
        let gone = before.server_properties.keys().filter(|name| {
            is_dynamic(name) && !spec.server_properties.contains_key(*name) && current.contains_key(*name)
        });
        let changes = set.chain(gone.map(|name| (name.clone(), None))).collect();
        let without = |name: &str| from_the_start.get(name).cloned();
        let now = |name: &str| current.get(name).cloned().flatten().or_else(|| without(name));
        Ok(rounds(changes, now, without))
    }
}
