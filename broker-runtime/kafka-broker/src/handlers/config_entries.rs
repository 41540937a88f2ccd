//! Properties of topics, brokers and groups as DescribeConfigs and CreateTopics show them: every one there is, with its value and
//! all the places it could come from, the one that wins first (KIP-226).

use std::collections::BTreeMap;

use kafka_metadata::{BrokerId, ConfigResource, MetadataImage};
use server_properties::{
    Definition, ValueType, broker_synonyms, convert, definition, definitions, group_definitions, group_synonym,
    listener_definitions, listener_synonym, topic_definitions,
};

use crate::{broker::Broker, config::BrokerConfig};

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConfigSource {
    /// Set on the topic.
    DynamicTopic,
    /// Set on this broker while it runs.
    DynamicBroker,
    /// Set on all brokers while they run.
    DynamicDefaultBroker,
    /// From the server properties the broker started with.
    StaticBroker,
    /// Nobody set it.
    Default,
    /// Set on the group.
    Group,
}

impl ConfigSource {
    /// `DescribeConfigsResponse.ConfigSource`.
    pub(super) fn code(self) -> i8 {
        match self {
            Self::DynamicTopic => 1,
            Self::DynamicBroker => 2,
            Self::DynamicDefaultBroker => 3,
            Self::StaticBroker => 4,
            Self::Default => 5,
            Self::Group => 8,
        }
    }
}

/// A place a value comes from, or would come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ConfigSynonym {
    pub(super) name: &'static str,
    /// Hidden where it is sensitive.
    pub(super) value: Option<String>,
    pub(super) source: ConfigSource,
}

/// One property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ConfigEntry {
    pub(super) name: &'static str,
    /// Hidden where it is sensitive.
    pub(super) value: Option<String>,
    pub(super) source: ConfigSource,
    pub(super) read_only: bool,
    pub(super) sensitive: bool,
    pub(super) value_type: ValueType,
    pub(super) documentation: &'static str,
    pub(super) synonyms: Vec<ConfigSynonym>,
}

/// `DescribeConfigsResponse.ConfigType`.
pub(super) fn type_code(value_type: ValueType) -> i8 {
    match value_type {
        ValueType::Boolean => 1,
        ValueType::String => 2,
        ValueType::Int => 3,
        ValueType::Short => 4,
        ValueType::Long => 5,
        ValueType::Double => 6,
        ValueType::List => 7,
        ValueType::Class => 8,
        ValueType::Password => 9,
    }
}

/// All properties as one broker sees them at one moment.
#[derive(Debug)]
pub(super) struct ConfigView<'a> {
    statics: BTreeMap<String, String>,
    of_broker: Option<&'a BTreeMap<String, String>>,
    of_all_brokers: Option<&'a BTreeMap<String, String>>,
}

impl<'a> ConfigView<'a> {
    pub(super) fn new(broker: &Broker, image: &'a MetadataImage) -> Self {
        Self::of(image, broker.config.broker_id, static_properties(&broker.config))
    }

    fn of(image: &'a MetadataImage, broker_id: BrokerId, statics: BTreeMap<String, String>) -> Self {
        Self {
            statics,
            of_broker: image.configs.get(&ConfigResource::Broker(broker_id)),
            of_all_brokers: image.configs.get(&ConfigResource::Brokers),
        }
    }

    /// The properties of a topic for which `own` is set.
    pub(super) fn topic(&self, own: &BTreeMap<String, String>) -> Vec<ConfigEntry> {
        topic_definitions()
            .iter()
            .map(|definition| self.topic_entry(definition, own))
            .collect()
    }

    fn topic_entry(&self, of_topic: &'static Definition, own: &BTreeMap<String, String>) -> ConfigEntry {
        let mut synonyms = Vec::new();
        let mut value = None;
        if let Some(set) = own.get(of_topic.name) {
            value = Some(set.clone());
            synonyms.push(synonym(of_topic, Some(set.clone()), ConfigSource::DynamicTopic));
        }
        let of_brokers = broker_synonyms(of_topic.name);
        for (at, of_broker) in of_brokers.iter().enumerate() {
            let Some(definition) = definition(of_broker.name) else {
                continue;
            };
            for place in self.places(definition) {
                let converted = place
                    .value
                    .as_deref()
                    .and_then(|text| convert(text, of_broker.conversion));
                value = value.or(converted);
                // Kafka leaves out the defaults of those that stand in, such as hours for milliseconds.
                if at == 0 || place.source != ConfigSource::Default {
                    synonyms.push(place);
                }
            }
        }
        let value = value.or_else(|| of_topic.default.map(str::to_owned));
        entry(of_topic, value, false, synonyms)
    }

    /// The properties of a group for which `own` is set.
    pub(super) fn group(&self, own: &BTreeMap<String, String>) -> Vec<ConfigEntry> {
        let entries = group_definitions().iter().map(|of_group| {
            let set = own.get(of_group.name).cloned();
            let set = set.map(|value| synonym(of_group, Some(value), ConfigSource::Group));
            let of_broker = group_synonym(of_group.name).and_then(definition);
            let of_broker = of_broker.map(|definition| self.places(definition)).unwrap_or_default();
            let synonyms: Vec<ConfigSynonym> = set.into_iter().chain(of_broker).collect();
            let value = synonyms.first().and_then(|place| place.value.clone());
            entry(of_group, value, false, synonyms)
        });
        entries.collect()
    }

    /// The properties of this broker, with those of single listeners that are set.
    pub(super) fn broker(&self) -> Vec<ConfigEntry> {
        let of_listeners = listener_definitions().filter(|it| self.is_set(it.name));
        let entries = definitions().iter().chain(of_listeners).map(|definition| {
            let mut synonyms = self.places(definition);
            if let Some(of_broker) = listener_synonym(definition.name) {
                synonyms.extend(self.places(of_broker));
            }
            let value = synonyms.first().and_then(|place| place.value.clone());
            entry(definition, value, !definition.is_dynamic(), synonyms)
        });
        entries.collect()
    }

    /// What is set on all brokers while they run.
    pub(super) fn cluster_defaults(&self) -> Vec<ConfigEntry> {
        let set = self.of_all_brokers.into_iter().flatten();
        let entries = set.filter_map(|(name, value)| {
            let definition = definition(name)?;
            let place = synonym(definition, Some(value.clone()), ConfigSource::DynamicDefaultBroker);
            Some(entry(definition, Some(value.clone()), false, vec![place]))
        });
        entries.collect()
    }

    fn is_set(&self, name: &str) -> bool {
        let places = [self.of_broker, self.of_all_brokers, Some(&self.statics)];
        places.into_iter().flatten().any(|values| values.contains_key(name))
    }

    /// Where the value of a broker's property comes from, the place that wins first.
    fn places(&self, definition: &'static Definition) -> Vec<ConfigSynonym> {
        let set = [
            (self.of_broker, ConfigSource::DynamicBroker),
            (self.of_all_brokers, ConfigSource::DynamicDefaultBroker),
            (Some(&self.statics), ConfigSource::StaticBroker),
        ];
        let set = set
            .into_iter()
            .filter_map(|(values, source)| Some((values?.get(definition.name)?.clone(), source)));
        let mut places: Vec<ConfigSynonym> = set
            .map(|(value, source)| synonym(definition, Some(value), source))
            .collect();
        if let Some(default) = definition.default {
            places.push(synonym(definition, Some(default.to_owned()), ConfigSource::Default));
        }
        places
    }
}

fn synonym(definition: &'static Definition, value: Option<String>, source: ConfigSource) -> ConfigSynonym {
    ConfigSynonym {
        name: definition.name,
        value: value.filter(|_| !definition.is_sensitive()),
        source,
    }
}

fn entry(
    definition: &'static Definition,
    value: Option<String>,
    read_only: bool,
    synonyms: Vec<ConfigSynonym>,
) -> ConfigEntry {
    ConfigEntry {
        name: definition.name,
        value: value.filter(|_| !definition.is_sensitive()),
        source: synonyms.first().map_or(ConfigSource::Default, |place| place.source),
        read_only,
        sensitive: definition.is_sensitive(),
        value_type: definition.value_type,
        documentation: definition.documentation,
        synonyms,
    }
}

/// The server properties, with those that the engine gives in other ways.
fn static_properties(config: &BrokerConfig) -> BTreeMap<String, String> {
    let list = |entries: Vec<String>| entries.join(",");
    let listeners = config.listeners.iter();
    let bound = listeners
        .clone()
        .map(|listener| format!("{}://{}", listener.name, listener.address()))
        .collect();
    let advertised = listeners.map(|listener| {
        let endpoint = listener.endpoint();
        format!("{}://{}:{}", endpoint.listener, endpoint.host, endpoint.port)
    });
    let mut properties = config.server_properties.clone();
    let id = config.broker_id.to_string();
    let given = [
        ("node.id", Some(id.clone())),
        ("broker.id", Some(id)),
        ("broker.rack", config.rack.clone()),
        (
            "log.dirs",
            Some(list(
                config.log_dirs.iter().map(|path| path.display().to_string()).collect(),
            )),
        ),
        ("listeners", Some(list(bound))),
        ("advertised.listeners", Some(list(advertised.collect()))),
    ];
    properties.extend(
        given
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?))),
    );
    properties
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        entries
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn image() -> MetadataImage {
        let configs = [
            (ConfigResource::Brokers, map(&[("log.retention.ms", "60000")])),
            (
                ConfigResource::Broker(BrokerId(1)),
                map(&[("message.max.bytes", "2000")]),
            ),
        ];
        MetadataImage {
            configs: configs.into_iter().collect(),
            ..MetadataImage::default()
        }
    }

    fn find<'a>(entries: &'a [ConfigEntry], name: &str) -> &'a ConfigEntry {
        entries.iter().find(|entry| entry.name == name).unwrap()
    }

    #[test]
    fn a_topic_shows_every_property_and_where_it_comes_from() {
        let image = image();
        let view = ConfigView::of(
            &image,
            BrokerId(1),
            map(&[("log.retention.hours", "1"), ("compression.type", "lz4")]),
        );
        let entries = view.topic(&map(&[("cleanup.policy", "compact")]));
        assert_eq!(entries.len(), topic_definitions().len());
        let policy = find(&entries, "cleanup.policy");
        assert_eq!(
            (policy.value.as_deref(), policy.source),
            (Some("compact"), ConfigSource::DynamicTopic)
        );
        assert_eq!(
            policy.synonyms.last().map(|place| place.source),
            Some(ConfigSource::Default)
        );
        let retention = find(&entries, "retention.ms");
        assert_eq!(
            (retention.value.as_deref(), retention.source),
            (Some("60000"), ConfigSource::DynamicDefaultBroker)
        );
        let size = find(&entries, "max.message.bytes");
        assert_eq!(
            (size.value.as_deref(), size.source),
            (Some("2000"), ConfigSource::DynamicBroker)
        );
        let compression = find(&entries, "compression.type");
        assert_eq!(
            (compression.value.as_deref(), compression.source),
            (Some("lz4"), ConfigSource::StaticBroker)
        );
        let other = ConfigView::of(&image, BrokerId(2), BTreeMap::new()).topic(&BTreeMap::new());
        assert_eq!(find(&other, "max.message.bytes").source, ConfigSource::Default);
    }

    #[test]
    fn a_value_from_hours_is_shown_in_milliseconds() {
        let image = MetadataImage::default();
        let view = ConfigView::of(&image, BrokerId(1), map(&[("log.retention.hours", "1")]));
        let entries = view.topic(&BTreeMap::new());
        let retention = find(&entries, "retention.ms");
        assert_eq!(
            (retention.value.as_deref(), retention.source),
            (Some("3600000"), ConfigSource::StaticBroker)
        );
    }

    #[test]
    fn passwords_are_never_shown() {
        let image = MetadataImage::default();
        let view = ConfigView::of(&image, BrokerId(1), map(&[("ssl.key.password", "planted")]));
        let entries = view.broker();
        let password = find(&entries, "ssl.key.password");
        assert!(password.sensitive);
        assert!(!format!("{entries:?}").contains("planted"));
    }

    #[test]
    fn bounds_of_a_listener_are_shown_where_they_are_set() {
        const NAME: &str = "listener.name.tls.max.connections";
        let image = image();
        let view = |statics| ConfigView::of(&image, BrokerId(1), statics).broker();
        assert!(view(map(&[])).iter().all(|entry| entry.name != NAME));
        let entries = view(map(&[(NAME, "7"), ("max.connections", "9")]));
        let bound = find(&entries, NAME);
        assert_eq!((bound.value.as_deref(), bound.read_only), (Some("7"), false));
        let places: Vec<_> = bound
            .synonyms
            .iter()
            .map(|place| (place.name, place.value.as_deref()))
            .collect();
        assert_eq!(
            places,
            [
                (NAME, Some("7")),
                ("max.connections", Some("9")),
                ("max.connections", Some("2147483647"))
            ]
        );
    }

    #[test]
    fn a_broker_says_what_may_be_changed() {
        let image = image();
        let view = ConfigView::of(&image, BrokerId(1), map(&[("node.id", "1")]));
        let entries = view.broker();
        assert_eq!(entries.len(), definitions().len());
        assert!(find(&entries, "node.id").read_only);
        assert!(!find(&entries, "message.max.bytes").read_only);
        assert_eq!(find(&entries, "message.max.bytes").source, ConfigSource::DynamicBroker);
        assert_eq!(view.cluster_defaults().len(), 1);
    }
}
