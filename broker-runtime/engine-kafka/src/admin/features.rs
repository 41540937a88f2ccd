//! Levels of features (KIP-584): what brokers and controllers of a version may write, once all of them have it.

use std::collections::BTreeMap;

use engine::TopicError;
use kafka_codec::messages::{
    ApiVersionsRequest, ApiVersionsResponse, UpdateFeaturesRequest, update_features_request::FeatureUpdateKey,
};

use super::{Kafka, check, text};

/// Levels by the names of features.
pub(crate) type Levels = BTreeMap<String, i16>;

/// Longest time the controller may take, milliseconds.
const CONTROLLER_LIMIT_MS: i32 = 10_000;
/// Kafka's code of a level that only goes up.
const UPGRADE: i8 = 1;

impl Kafka {
    /// The levels that are in force.
    pub(crate) async fn levels(&self) -> Result<Levels, TopicError> {
        let answer = self.ask(&api_versions(), 4).await?;
        check(answer.error_code, None, "")?;
        Ok(levels(&answer))
    }

    /// Raises features to these levels, all of them or none, and waits until every broker knows. Kafka refuses it as long as
    /// a broker or a controller is there that cannot have them.
    pub(crate) async fn raise(&self, wanted: &Levels) -> Result<(), TopicError> {
        let updates = wanted.iter().map(|(name, level)| {
            let mut update = FeatureUpdateKey::default();
            update.feature = text(name);
            update.max_version_level = *level;
            update.upgrade_type = UPGRADE;
            update
        });
        let mut request = UpdateFeaturesRequest::default();
        request.timeout_ms = CONTROLLER_LIMIT_MS;
        request.feature_updates = updates.collect();
        let answer = self.ask(&request, 1).await?;
        check(answer.error_code, answer.error_message.as_ref(), "")?;
        for result in &answer.results {
            check(result.error_code, result.error_message.as_ref(), "")?;
        }
        self.wait_everywhere("raising the levels of features", &api_versions(), 4, |answer| {
            missing(wanted, &levels(answer)).is_empty()
        })
        .await
    }
}

/// What of `wanted` is not in force.
pub(crate) fn missing(wanted: &Levels, current: &Levels) -> Levels {
    let has = |name: &String| current.get(name).copied().unwrap_or_default();
    let low = wanted.iter().filter(|(name, level)| has(name) < **level);
    low.map(|(name, level)| (name.clone(), *level)).collect()
}

fn api_versions() -> ApiVersionsRequest {
    let mut request = ApiVersionsRequest::default();
    request.client_software_name = text("openmsk");
    request.client_software_version = text(env!("CARGO_PKG_VERSION"));
    request
}

fn levels(answer: &ApiVersionsResponse) -> Levels {
    let finalized = answer.finalized_features.iter();
    finalized
        .map(|feature| (feature.name.to_string(), feature.max_version_level))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(entries: &[(&str, i16)]) -> Levels {
        entries
            .iter()
            .map(|(name, level)| ((*name).to_owned(), *level))
            .collect()
    }

    #[test]
    fn only_lower_levels_are_raised() {
        let current = of(&[("metadata.version", 27), ("group.version", 1), ("other.version", 9)]);
        let wanted = of(&[("metadata.version", 29), ("group.version", 1), ("share.version", 1)]);
        assert_eq!(
            missing(&wanted, &current),
            of(&[("metadata.version", 29), ("share.version", 1)])
        );
        assert!(
            missing(&of(&[("metadata.version", 25)]), &current).is_empty(),
            "never down"
        );
    }
}
