//! Topic properties: their checks, and where a topic's value comes from when it is not set on the topic.
//!
//! Kafka: `ServerTopicConfigSynonyms`, `LogConfig.validateValues`.

use std::collections::BTreeMap;

use crate::table::{definition, topic_definition, topic_definitions};

/// How a broker property's value becomes a topic property's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conversion {
    /// As it is.
    None,
    /// From minutes to milliseconds.
    MinutesToMs,
    /// From hours to milliseconds.
    HoursToMs,
}

/// A broker property that gives all topics their default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Synonym {
    /// The broker property.
    pub name: &'static str,
    /// How its value is read.
    pub conversion: Conversion,
}

const fn same(name: &'static str) -> Synonym {
    Synonym {
        name,
        conversion: Conversion::None,
    }
}

const fn hours(name: &'static str) -> Synonym {
    Synonym {
        name,
        conversion: Conversion::HoursToMs,
    }
}

const fn minutes(name: &'static str) -> Synonym {
    Synonym {
        name,
        conversion: Conversion::MinutesToMs,
    }
}

/// Topic properties and their broker properties, the one that wins first.
const SYNONYMS: [(&str, &[Synonym]); 28] = [
    ("cleanup.policy", &[same("log.cleanup.policy")]),
    ("compression.gzip.level", &[same("compression.gzip.level")]),
    ("compression.lz4.level", &[same("compression.lz4.level")]),
    ("compression.type", &[same("compression.type")]),
    ("compression.zstd.level", &[same("compression.zstd.level")]),
    ("delete.retention.ms", &[same("log.cleaner.delete.retention.ms")]),
    ("file.delete.delay.ms", &[same("log.segment.delete.delay.ms")]),
    ("flush.messages", &[same("log.flush.interval.messages")]),
    (
        "flush.ms",
        &[same("log.flush.interval.ms"), same("log.flush.scheduler.interval.ms")],
    ),
    ("index.interval.bytes", &[same("log.index.interval.bytes")]),
    ("local.retention.bytes", &[same("log.local.retention.bytes")]),
    ("local.retention.ms", &[same("log.local.retention.ms")]),
    ("max.compaction.lag.ms", &[same("log.cleaner.max.compaction.lag.ms")]),
    ("max.message.bytes", &[same("message.max.bytes")]),
    (
        "message.timestamp.after.max.ms",
        &[same("log.message.timestamp.after.max.ms")],
    ),
    (
        "message.timestamp.before.max.ms",
        &[same("log.message.timestamp.before.max.ms")],
    ),
    ("message.timestamp.type", &[same("log.message.timestamp.type")]),
    ("min.cleanable.dirty.ratio", &[same("log.cleaner.min.cleanable.ratio")]),
    ("min.compaction.lag.ms", &[same("log.cleaner.min.compaction.lag.ms")]),
    ("min.insync.replicas", &[same("min.insync.replicas")]),
    ("preallocate", &[same("log.preallocate")]),
    ("retention.bytes", &[same("log.retention.bytes")]),
    (
        "retention.ms",
        &[
            same("log.retention.ms"),
            minutes("log.retention.minutes"),
            hours("log.retention.hours"),
        ],
    ),
    ("segment.bytes", &[same("log.segment.bytes")]),
    ("segment.index.bytes", &[same("log.index.size.max.bytes")]),
    (
        "segment.jitter.ms",
        &[same("log.roll.jitter.ms"), hours("log.roll.jitter.hours")],
    ),
    ("segment.ms", &[same("log.roll.ms"), hours("log.roll.hours")]),
    (
        "unclean.leader.election.enable",
        &[same("unclean.leader.election.enable")],
    ),
];

/// The broker properties that give topic property `name` its default, the one that wins first; none where the default
/// is fixed.
pub fn broker_synonyms(name: &str) -> &'static [Synonym] {
    SYNONYMS
        .iter()
        .find(|(topic, _)| *topic == name)
        .map_or(&[], |(_, synonyms)| *synonyms)
}

/// The default of topic property `name` on a broker whose properties `broker_value` looks up (explicitly set ones only).
/// `None` when there is no such property.
pub fn topic_default(name: &str, broker_value: impl Fn(&str) -> Option<String>) -> Option<String> {
    let definition = topic_definition(name)?;
    let synonyms = broker_synonyms(name);
    let set = synonyms
        .iter()
        .find_map(|synonym| convert(&broker_value(synonym.name)?, synonym.conversion));
    set.or_else(|| definition.default.map(str::to_owned))
}

/// The value of topic property `name` with `topic` set on the topic and `broker` on its brokers. `None` when there is no
/// such property.
pub fn effective_topic_value(
    name: &str,
    topic: &BTreeMap<String, String>,
    broker: &BTreeMap<String, String>,
) -> Option<String> {
    topic
        .get(name)
        .cloned()
        .or_else(|| topic_default(name, |synonym| broker.get(synonym).cloned()))
}

/// A broker's value as the topic's.
pub fn convert(value: &str, conversion: Conversion) -> Option<String> {
    let factor = match conversion {
        Conversion::None => return Some(value.to_owned()),
        Conversion::MinutesToMs => 60_000,
        Conversion::HoursToMs => 3_600_000,
    };
    let value: i64 = value.trim().parse().ok()?;
    // A negative number means "for ever", whatever its unit.
    let converted = if value < 0 { -1 } else { value.saturating_mul(factor) };
    Some(converted.to_string())
}

/// Checks one property of a topic; the error names it and says what was expected.
pub fn validate_topic_config(name: &str, value: &str) -> Result<(), String> {
    match topic_definition(name) {
        Some(definition) => definition.validate(value),
        None => Err(unknown_topic_config(name)),
    }
}

/// Checks how the effective values of one topic fit together, `value` looking them up.
pub fn validate_topic_combination(value: impl Fn(&str) -> Option<String>) -> Result<(), String> {
    let number = |name: &str| value(name).and_then(|text| text.trim().parse::<i64>().ok());
    let pair = (number("min.compaction.lag.ms"), number("max.compaction.lag.ms"));
    if let (Some(min), Some(max)) = pair
        && min > max
    {
        return Err(format!(
            "min.compaction.lag.ms ({min}) is greater than max.compaction.lag.ms ({max}); compaction could never happen"
        ));
    }
    if value("remote.storage.enable").is_some_and(|text| text.eq_ignore_ascii_case("true")) {
        return Err("remote.storage.enable: this cluster has no tiered storage".to_owned());
    }
    Ok(())
}

fn unknown_topic_config(name: &str) -> String {
    if let Some((topic, _)) = SYNONYMS
        .iter()
        .find(|(_, synonyms)| synonyms.iter().any(|synonym| synonym.name == name))
    {
        return format!("{name} is a property of brokers; the one of topics is {topic}");
    }
    if definition(name).is_some() {
        return format!("{name} is a property of brokers, not of topics");
    }
    let alike = topic_definitions()
        .iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate.name), candidate.name))
        .filter(|(similarity, _)| *similarity >= 0.84)
        .max_by(|(left, _), (right, _)| left.total_cmp(right));
    match alike {
        Some((_, candidate)) => format!("unknown topic config {name:?}; did you mean {candidate}?"),
        None => format!("unknown topic config {name:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broker(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        entries
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn effective(name: &str, topic: &[(&str, &str)], of_broker: &[(&str, &str)]) -> Option<String> {
        effective_topic_value(name, &broker(topic), &broker(of_broker))
    }

    #[test]
    fn every_synonym_is_in_the_tables_and_has_the_same_default() {
        for (topic, synonyms) in SYNONYMS {
            let of_topic = topic_definition(topic).expect("a topic property");
            for synonym in synonyms {
                assert!(definition(synonym.name).is_some(), "{}", synonym.name);
            }
            let mut defaults = synonyms
                .iter()
                .filter_map(|synonym| convert(definition(synonym.name)?.default?, synonym.conversion));
            assert_eq!(defaults.next_back().as_deref(), of_topic.default, "{topic}");
        }
    }

    #[test]
    fn the_topic_wins_over_ms_over_minutes_over_hours() {
        let hours = ("log.retention.hours", "2");
        let minutes = ("log.retention.minutes", "3");
        let ms = ("log.retention.ms", "5");
        assert_eq!(effective("retention.ms", &[], &[]).as_deref(), Some("604800000"));
        assert_eq!(effective("retention.ms", &[], &[hours]).as_deref(), Some("7200000"));
        assert_eq!(
            effective("retention.ms", &[], &[hours, minutes]).as_deref(),
            Some("180000")
        );
        assert_eq!(
            effective("retention.ms", &[], &[hours, minutes, ms]).as_deref(),
            Some("5")
        );
        assert_eq!(
            effective("retention.ms", &[("retention.ms", "9")], &[hours]).as_deref(),
            Some("9")
        );
        assert_eq!(
            effective("retention.ms", &[], &[("log.retention.hours", "-1")]).as_deref(),
            Some("-1")
        );
        assert_eq!(effective("no.such", &[], &[]), None);
    }

    #[test]
    fn topic_properties_are_checked() {
        assert_eq!(validate_topic_config("retention.ms", "-1"), Ok(()));
        assert_eq!(
            validate_topic_config("retention.ms", "-2"),
            Err("invalid value \"-2\" for retention.ms: expected a long of at least -1".to_owned())
        );
        assert!(
            validate_topic_config("retention.mss", "1")
                .expect_err("unknown")
                .contains("did you mean retention.ms")
        );
        assert!(
            validate_topic_config("log.retention.ms", "1")
                .expect_err("broker's")
                .contains("retention.ms")
        );
        assert!(validate_topic_config("leader.replication.throttled.replicas", "0:1,1:2").is_ok());
        assert!(validate_topic_config("leader.replication.throttled.replicas", "0-1").is_err());
    }

    #[test]
    fn compaction_lags_must_leave_room() {
        let values = broker(&[("min.compaction.lag.ms", "10"), ("max.compaction.lag.ms", "5")]);
        assert!(validate_topic_combination(|name| values.get(name).cloned()).is_err());
        assert!(validate_topic_combination(|_| None).is_ok());
    }
}
