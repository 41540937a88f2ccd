//! Reads the tables of properties, `broker.table`, `topic.table` and `group.table`, that are part of the program.
//!
//! They are data, one line a property, eight columns separated by ` | `: name, type, default, valid values, importance,
//! scope, who sets it, documentation. Names, types, defaults and ranges are those of Apache Kafka 4.3
//! (`AbstractKafkaConfig.CONFIG_DEF`, `LogConfig`, `DynamicBrokerConfig`, `GroupConfig`); the documentation is ours.

use std::{collections::HashMap, sync::LazyLock};

use crate::{
    definition::{Definition, Importance, Number, Reach, Scope, Setting, Valid, ValueType},
    listeners::listener_definition,
};

static BROKER: LazyLock<Table> = LazyLock::new(|| Table::read(include_str!("broker.table")));
static TOPIC: LazyLock<Table> = LazyLock::new(|| Table::read(include_str!("topic.table")));
static GROUP: LazyLock<Table> = LazyLock::new(|| Table::read(include_str!("group.table")));

/// All properties of one kind.
struct Table {
    definitions: Vec<Definition>,
    by_name: HashMap<&'static str, usize>,
}

impl Table {
    fn read(text: &'static str) -> Self {
        let definitions: Vec<Definition> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| read_line(line).unwrap_or_else(|| panic!("the built-in table has a malformed line: {line}")))
            .collect();
        let by_name = definitions
            .iter()
            .enumerate()
            .map(|(at, definition)| (definition.name, at))
            .collect();
        Self { definitions, by_name }
    }

    fn get(&self, name: &str) -> Option<&Definition> {
        self.by_name.get(name).map(|at| &self.definitions[*at])
    }
}

/// The broker property `name`; a listener's own bound is one, too.
pub fn definition(name: &str) -> Option<&'static Definition> {
    BROKER.get(name).or_else(|| listener_definition(name))
}

/// The topic property `name`.
pub fn topic_definition(name: &str) -> Option<&'static Definition> {
    TOPIC.get(name)
}

/// The group property `name`.
pub fn group_definition(name: &str) -> Option<&'static Definition> {
    GROUP.get(name)
}

/// All group properties, by name.
pub fn group_definitions() -> &'static [Definition] {
    &GROUP.definitions
}

/// All broker properties, by name, without those of single listeners.
pub fn definitions() -> &'static [Definition] {
    &BROKER.definitions
}

/// All topic properties, by name.
pub fn topic_definitions() -> &'static [Definition] {
    &TOPIC.definitions
}

fn read_line(line: &'static str) -> Option<Definition> {
    let columns: Vec<&'static str> = line.splitn(8, '|').map(str::trim).collect();
    let [
        name,
        value_type,
        default,
        valid,
        importance,
        scope,
        setting,
        documentation,
    ] = columns[..]
    else {
        return None;
    };
    Some(Definition {
        name,
        value_type: read_type(value_type)?,
        default: match default {
            "none" => None,
            "\"\"" => Some(""),
            text => Some(text),
        },
        valid: read_valid(valid)?,
        importance: match importance {
            "high" => Importance::High,
            "medium" => Importance::Medium,
            "low" => Importance::Low,
            _ => return None,
        },
        scope: match scope {
            "static" => Scope::BrokerStatic,
            "cluster-wide" => Scope::BrokerDynamic(Reach::ClusterWide),
            "per-broker" => Scope::BrokerDynamic(Reach::PerBroker),
            "topic" => Scope::Topic,
            "group" => Scope::Group,
            _ => return None,
        },
        setting: match setting {
            "msk" => Setting::Msk,
            "here" => Setting::Here,
            "managed" => Setting::Managed,
            _ => return None,
        },
        documentation,
    })
}

fn read_type(text: &str) -> Option<ValueType> {
    [
        ValueType::Boolean,
        ValueType::Int,
        ValueType::Long,
        ValueType::Short,
        ValueType::Double,
        ValueType::String,
        ValueType::List,
        ValueType::Password,
        ValueType::Class,
    ]
    .into_iter()
    .find(|candidate| candidate.name() == text)
}

fn read_valid(text: &'static str) -> Option<Valid> {
    if let Some((kind, values)) = text.split_once(": ") {
        let values = values.split(' ').collect();
        return match kind {
            "one of" => Some(Valid::OneOf(values)),
            "one of, any case" => Some(Valid::OneOfIgnoringCase(values)),
            "any of" => Some(Valid::AnyOf(values)),
            _ => None,
        };
    }
    match text {
        "any" => Some(Valid::Any),
        "not empty" => Some(Valid::NonEmpty),
        "partition:broker" => Some(Valid::ThrottledReplicas),
        "address:bound" => Some(Valid::AddressBounds),
        range => {
            let (range, or) = match range.split_once(" or ") {
                Some((range, or)) => (range, Some(read_number(or)?)),
                None => (range, None),
            };
            let (min, max) = range.split_once("..")?;
            Some(Valid::Range {
                min: if min.is_empty() { None } else { Some(read_number(min)?) },
                max: if max.is_empty() { None } else { Some(read_number(max)?) },
                or,
            })
        }
    }
}

fn read_number(text: &str) -> Option<Number> {
    let integer = text.parse().ok().map(Number::Integer);
    integer.or_else(|| text.parse().ok().map(Number::Float))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_whole_and_sorted_and_document_every_property() {
        for definitions in [definitions(), topic_definitions()] {
            assert!(
                definitions.is_sorted_by(|left, right| left.name < right.name),
                "sorted, no name twice"
            );
            for definition in definitions {
                assert!(definition.documentation.ends_with('.'), "{}", definition.name);
                let is_topic = definition.scope == Scope::Topic;
                assert_eq!(
                    is_topic,
                    topic_definition(definition.name) == Some(definition),
                    "{}",
                    definition.name
                );
            }
        }
        assert_eq!(topic_definitions().len(), 33);
        assert!(definitions().len() > 300);
    }

    #[test]
    fn every_default_is_a_valid_value() {
        for definition in definitions().iter().chain(topic_definitions()) {
            if let Some(default) = definition.default {
                assert_eq!(definition.validate(default), Ok(()));
            }
        }
    }

    #[test]
    fn records_are_flushed_before_they_are_acknowledged_unless_told_otherwise() {
        for definition in [
            definition("log.flush.interval.messages"),
            topic_definition("flush.messages"),
        ] {
            let definition = definition.expect("known");
            assert_eq!(definition.default, Some("1"));
            assert!(definition.documentation.contains("Apache Kafka's default"));
        }
    }

    #[test]
    fn bounds_of_addresses_name_addresses() {
        let overrides = definition("max.connections.per.ip.overrides").expect("known");
        for good in ["", "127.0.0.1:5", "127.0.0.1:5, ::1:0"] {
            assert_eq!(overrides.validate(good), Ok(()), "{good}");
        }
        for bad in [
            "localhost:5",
            "127.0.0.1",
            "127.0.0.1:-1",
            "127.0.0.1:1,",
            "127.0.0.1:4294967296",
        ] {
            assert!(overrides.validate(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn types_scopes_and_ranges_are_kafkas() {
        let segment = definition("log.segment.bytes").expect("known");
        assert_eq!(segment.value_type, ValueType::Int);
        assert_eq!(segment.scope, Scope::BrokerDynamic(Reach::ClusterWide));
        assert_eq!(
            segment.valid,
            Valid::Range {
                min: Some(Number::Integer(1_048_576)),
                max: None,
                or: None
            }
        );
        assert_eq!(
            definition("listeners").map(|found| found.setting),
            Some(Setting::Managed)
        );
        assert_eq!(
            definition("num.partitions").map(|found| found.setting),
            Some(Setting::Msk)
        );
        assert!(definition("retention.ms").is_none());
    }
}
