//! Which server properties take effect at once and which need a restart.
//!
//! Static ones stand in the configuration file of each broker. Dynamic ones are metadata (the default of all brokers), and
//! stand nowhere else: taking one back then brings its default, whenever the broker was started.

use std::collections::BTreeMap;

use kafka_metadata::{ConfigResource, MetadataImage, rpc::ConfigChange};
use server_properties::definition;

type Properties = BTreeMap<String, String>;

/// The properties that go into configuration files.
pub(crate) fn static_ones(properties: &Properties) -> Properties {
    select(properties, |name| !is_dynamic(name))
}

/// What has to be changed in the metadata so that the dynamic ones of `wanted` are in force. Only what `before` had set is
/// taken back: others may have set more, through Kafka's own API.
pub(crate) fn dynamic_changes(
    image: &MetadataImage,
    before: &Properties,
    wanted: &Properties,
) -> Vec<(String, ConfigChange)> {
    let nothing = Properties::new();
    let current = image.configs.get(&ConfigResource::Brokers).unwrap_or(&nothing);
    let set = select(wanted, is_dynamic)
        .into_iter()
        .filter(|(name, value)| current.get(name) != Some(value));
    let set = set.map(|(name, value)| (name, ConfigChange::Set(value)));
    let gone = before
        .keys()
        .filter(|name| is_dynamic(name) && !wanted.contains_key(*name) && current.contains_key(*name));
    set.chain(gone.map(|name| (name.clone(), ConfigChange::Delete)))
        .collect()
}

fn is_dynamic(name: &str) -> bool {
    definition(name).is_some_and(|definition| !definition.needs_restart())
}

fn select(properties: &Properties, which: impl Fn(&str) -> bool) -> Properties {
    properties
        .iter()
        .filter(|(name, _)| which(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(entries: &[(&str, &str)]) -> Properties {
        entries
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn properties_are_told_apart() {
        let all = properties(&[
            ("num.partitions", "3"),
            ("min.insync.replicas", "2"),
            ("log.retention.ms", "1000"),
        ]);
        assert_eq!(static_ones(&all), properties(&[("num.partitions", "3")]));
    }

    #[test]
    fn only_changes_and_only_what_was_ours_is_touched() {
        let mut image = MetadataImage::default();
        let current = properties(&[
            ("min.insync.replicas", "2"),
            ("log.retention.ms", "1000"),
            ("message.max.bytes", "7"),
        ]);
        image.configs.insert_mut(ConfigResource::Brokers, current);
        let before = properties(&[
            ("min.insync.replicas", "2"),
            ("log.retention.ms", "1000"),
            ("num.partitions", "1"),
        ]);
        let wanted = properties(&[("min.insync.replicas", "2"), ("log.segment.bytes", "2000000")]);
        let changes = dynamic_changes(&image, &before, &wanted);
        assert_eq!(
            changes,
            [
                ("log.segment.bytes".to_owned(), ConfigChange::Set("2000000".to_owned())),
                ("log.retention.ms".to_owned(), ConfigChange::Delete),
            ]
        );
        assert!(dynamic_changes(&image, &wanted, &properties(&[("min.insync.replicas", "2")])).is_empty());
    }
}
