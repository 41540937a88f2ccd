//! The text of a configuration's `server.properties`, checked against the table of broker properties.
//!
//! The provider checks at plan time, the control plane before it stores a revision; both get the same errors from here.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    definition::Definition,
    listeners::unknown_listener_property,
    table::{definition, definitions, topic_definition},
    text,
    topic::broker_synonyms,
};

/// Longest text that is accepted.
pub const TEXT_BYTES_MAX: usize = 256 * 1024;

/// How alike a known name must be to be suggested; 1 is equal.
const SUGGESTION_SIMILARITY_MIN: f64 = 0.84;

/// Properties that were removed in Kafka 4.0, and what to do about them.
const REMOVED: [(&str, &str); 7] = [
    (
        "control.plane.listener.name",
        "the controller has connections of its own",
    ),
    ("delegation.token.master.key", "use delegation.token.secret.key"),
    (
        "inter.broker.protocol.version",
        "the cluster's metadata version takes its place",
    ),
    (
        "log.message.downconversion.enable",
        "old message formats are not served any more",
    ),
    ("log.message.format.version", "there is one message format"),
    (
        "log.message.timestamp.difference.max.ms",
        "use log.message.timestamp.before.max.ms and log.message.timestamp.after.max.ms",
    ),
    ("reserved.broker.max.id", "broker ids are given by the runtime"),
];

/// Properties of Kafka that are left out on purpose, and why.
const LEFT_OUT: [(&str, &str); 1] = [(
    "super.users",
    "nobody stands above access control lists, as on Amazon MSK; the control plane changes them without asking a broker",
)];

/// What is wrong with one property of a text.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[error("line {line}: {message}")]
pub struct PropertyError {
    /// Line on which the property begins, from 1.
    pub line: usize,
    /// Name as it was written.
    pub name: String,
    /// What is wrong and how to mend it.
    pub message: String,
}

/// Checked properties, in the order they were written.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ServerProperties {
    entries: Vec<(&'static str, String)>,
}

impl ServerProperties {
    /// Names of those that differ and that only a restart of brokers puts in force, in order.
    pub fn restarting_changes(before: &Self, after: &Self) -> Vec<&'static str> {
        let names: BTreeSet<&'static str> = before.iter().chain(after.iter()).map(|(name, _)| name).collect();
        let differs = names.into_iter().filter(|name| before.get(name) != after.get(name));
        differs
            .filter(|name| definition(name).is_some_and(Definition::needs_restart))
            .collect()
    }

    /// Names and values in the order they were written.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.entries.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// The value of `name`, when it is set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(candidate, _)| *candidate == name)
            .map(|(_, value)| value)
    }

    /// True when nothing is set.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Number of properties that are set.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Values by name.
    pub fn into_map(self) -> BTreeMap<String, String> {
        self.entries
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}

impl fmt::Debug for ServerProperties {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.iter()).finish()
    }
}

/// Reads and checks the whole text; answers with every error there is, in the order of lines.
pub fn parse(text: &str) -> Result<ServerProperties, Vec<PropertyError>> {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!(
            "the text has {} bytes; at most {TEXT_BYTES_MAX} are accepted",
            text.len()
        );
        return Err(vec![PropertyError {
            line: 1,
            name: String::new(),
            message,
        }]);
    }
    let mut first_lines: HashMap<String, usize> = HashMap::new();
    let mut properties = ServerProperties::default();
    let mut errors = Vec::new();
    for entry in text::entries(text) {
        let entry = match entry {
            Ok(entry) => entry,
            Err((line, message)) => {
                errors.push(PropertyError {
                    line,
                    name: String::new(),
                    message: message.to_owned(),
                });
                continue;
            }
        };
        let checked = match first_lines.get(&entry.key) {
            Some(first) => Err(format!("{} is set twice; the first time on line {first}", entry.key)),
            None => check(&entry.key, &entry.value),
        };
        match checked {
            Ok(name) => properties.entries.push((name, entry.value.trim().to_owned())),
            Err(message) => errors.push(PropertyError {
                line: entry.line,
                name: entry.key.clone(),
                message,
            }),
        }
        first_lines.entry(entry.key).or_insert(entry.line);
    }
    if errors.is_empty() { Ok(properties) } else { Err(errors) }
}

/// Checks one property that a configuration sets; answers with its name in the table.
fn check(name: &str, value: &str) -> Result<&'static str, String> {
    if name.is_empty() {
        return Err("a property name is expected in front of the separator".to_owned());
    }
    let Some(definition) = definition(name) else {
        return Err(unknown(name));
    };
    if !definition.may_be_configured() {
        return Err(format!(
            "{name} may not be set by a configuration: the runtime sets it for every broker"
        ));
    }
    if value.contains(['\n', '\r']) {
        return Err(format!(
            "the value of {name} holds the two characters \\n; write a line break to begin the next property"
        ));
    }
    definition.validate(value)?;
    Ok(definition.name)
}

/// Why `name` is not a broker property, with a hint.
fn unknown(name: &str) -> String {
    if let Some((_, instead)) = REMOVED.iter().find(|(removed, _)| *removed == name) {
        return format!("{name} was removed in Kafka 4.0: {instead}");
    }
    if let Some((_, why)) = LEFT_OUT.iter().find(|(left_out, _)| *left_out == name) {
        return format!("{name} is not offered: {why}");
    }
    if let Some(why) = unknown_listener_property(name) {
        return why;
    }
    if name.starts_with("zookeeper.") {
        return format!("{name} was removed in Kafka 4.0 together with ZooKeeper; delete the line");
    }
    if topic_definition(name).is_some() {
        return match broker_synonyms(name).first() {
            Some(synonym) => format!(
                "{name} is a property of topics; the default of all topics is set with {}",
                synonym.name
            ),
            None => format!("{name} is a property of topics; set it on a topic"),
        };
    }
    match suggestion(name) {
        Some(candidate) => format!("unknown property {name:?}; did you mean {candidate}?"),
        None => format!("unknown property {name:?}"),
    }
}

/// The property whose name is most like `name`; among equally alike ones one that a configuration may set.
fn suggestion(name: &str) -> Option<&'static str> {
    let lower = name.trim().to_ascii_lowercase().replace(['_', '-', ' '], ".");
    definitions()
        .iter()
        .map(|definition| (strsim::jaro_winkler(&lower, definition.name), definition))
        .filter(|(similarity, _)| *similarity >= SUGGESTION_SIMILARITY_MIN)
        .max_by(|(left, one), (right, other)| {
            left.total_cmp(right)
                .then(one.may_be_configured().cmp(&other.may_be_configured()))
        })
        .map(|(_, definition)| definition.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(text: &str) -> Vec<(usize, String)> {
        let errors = parse(text).expect_err("not valid");
        errors.into_iter().map(|error| (error.line, error.message)).collect()
    }

    #[test]
    fn properties_are_kept_in_order() {
        let properties = parse("num.partitions = 3\n\nauto.create.topics.enable=true \nlog.retention.hours:24\n");
        let properties = properties.expect("valid");
        assert_eq!(
            properties.iter().collect::<Vec<_>>(),
            [
                ("num.partitions", "3"),
                ("auto.create.topics.enable", "true"),
                ("log.retention.hours", "24")
            ]
        );
        assert_eq!(properties.get("num.partitions"), Some("3"));
        assert_eq!(properties.into_map().len(), 3);
        assert!(parse("").expect("valid").is_empty());
    }

    #[test]
    fn all_errors_are_told_with_their_lines() {
        let found =
            errors("num.partitons=3\nnum.partitions=0\nauto.create.topics.enable=yes\nlisteners=PLAINTEXT://:1\n");
        assert_eq!(
            found,
            [
                (
                    1,
                    "unknown property \"num.partitons\"; did you mean num.partitions?".to_owned()
                ),
                (
                    2,
                    "invalid value \"0\" for num.partitions: expected an int of at least 1".to_owned()
                ),
                (
                    3,
                    "invalid value \"yes\" for auto.create.topics.enable: expected true or false".to_owned()
                ),
                (
                    4,
                    "listeners may not be set by a configuration: the runtime sets it for every broker".to_owned()
                ),
            ]
        );
    }

    #[test]
    fn identity_listeners_directories_and_keys_are_managed() {
        for name in [
            "node.id",
            "broker.id",
            "process.roles",
            "log.dirs",
            "log.dir",
            "advertised.listeners",
        ] {
            assert!(errors(&format!("{name}=1"))[0].1.contains("may not be set"), "{name}");
        }
        for name in [
            "ssl.keystore.password",
            "sasl.jaas.config",
            "controller.quorum.voters",
            "authorizer.class.name",
        ] {
            let message = &errors(&format!("{name}=hunter2"))[0].1;
            assert!(
                message.contains("may not be set") && !message.contains("hunter2"),
                "{name}"
            );
        }
    }

    #[test]
    fn a_property_set_twice_is_refused() {
        assert_eq!(
            errors("num.partitions=1\n\nnum.partitions=2"),
            [(3, "num.partitions is set twice; the first time on line 1".to_owned())]
        );
    }

    #[test]
    fn hints_tell_topic_properties_and_removed_ones() {
        assert!(errors("retention.ms=1")[0].1.ends_with("is set with log.retention.ms"));
        assert!(
            errors("zookeeper.session.timeout.ms=18000")[0]
                .1
                .contains("removed in Kafka 4.0")
        );
        assert!(
            errors("log.message.format.version=3.0")[0]
                .1
                .contains("removed in Kafka 4.0")
        );
        assert_eq!(errors("foo=1")[0].1, "unknown property \"foo\"");
        assert!(
            errors("LOG_RETENTION_MS=1")[0]
                .1
                .ends_with("did you mean log.retention.ms?")
        );
    }

    #[test]
    fn a_written_out_line_break_is_explained() {
        let found = errors(r"compression.type=lz4\nnum.partitions=3");
        assert_eq!(found.len(), 1);
        assert!(found[0].1.contains(r"two characters \n"), "{found:?}");
    }

    #[test]
    fn values_may_be_anything_of_their_type_and_range() {
        for text in [
            "log.cleanup.policy=compact, delete",
            "compression.gzip.level=-1",
            "log.cleaner.min.cleanable.ratio=0.3",
            "log.flush.interval.messages=9223372036854775807",
            "replica.selector.class=org.apache.kafka.common.replica.RackAwareReplicaSelector",
        ] {
            assert!(parse(text).is_ok(), "{text}");
        }
        for text in [
            "log.cleanup.policy=shred",
            "compression.gzip.level=0",
            "log.cleaner.min.cleanable.ratio=1.5",
            "log.cleaner.min.cleanable.ratio=NaN",
            "log.flush.interval.messages=9223372036854775808",
            "num.partitions=1.0",
            "num.partitions=",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
