//! What topics a consumer group reads, by name and by regular expression, as the metadata has them.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use kafka_metadata::MetadataImage;
use regex::{Regex, RegexBuilder};
use uuid::Uuid;

use super::{
    group::{ConsumerGroup, World},
    heartbeat::TopicFilter,
    record::{ConsumerRecord, ResolvedRegex},
};
use crate::groups::error::GroupError;

/// Bytes that a compiled expression may take: clients choose expressions.
const REGEX_BYTES_MAX: usize = 1024 * 1024;

/// An expression as Kafka means it, which uses RE2: it has to match the whole name.
pub(super) fn compile(expression: &str) -> Result<Regex, GroupError> {
    RegexBuilder::new(&format!("^(?:{})$", without_quotes(expression)))
        .size_limit(REGEX_BYTES_MAX)
        .build()
        .map_err(|_| GroupError::InvalidRegularExpression)
}

/// Writes what stands between `\Q` and `\E`, which is to be taken as it is, in the way that `regex` knows.
fn without_quotes(expression: &str) -> String {
    let mut written = String::with_capacity(expression.len());
    let mut rest = expression;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        written.push_str(before);
        if let Some(quoted) = escape.strip_prefix("\\Q") {
            let (literal, after) = quoted.split_once("\\E").unwrap_or((quoted, ""));
            written.push_str(&regex::escape(literal));
            rest = after;
        } else {
            // The backslash and what it escapes.
            let end = escape.char_indices().nth(2).map_or(escape.len(), |(end, _)| end);
            written.push_str(&escape[..end]);
            rest = &escape[end..];
        }
    }
    written.push_str(rest);
    written
}

impl ConsumerGroup {
    /// The topics that a member reads, by name.
    fn topics_of<'a>(
        &'a self,
        names: &'a BTreeSet<Arc<str>>,
        regex: Option<&Arc<str>>,
    ) -> impl Iterator<Item = &'a Arc<str>> {
        let resolved = regex.and_then(|regex| self.regexes.get(regex));
        names.iter().chain(resolved.into_iter().flat_map(|found| &found.topics))
    }

    /// All topics that members read, by name, whether they exist or not.
    pub(crate) fn subscribed_topics(&self) -> BTreeSet<Arc<str>> {
        let members = self.members.values().map(|member| &member.metadata);
        let topics = members.flat_map(|metadata| self.topics_of(&metadata.topics, metadata.regex.as_ref()));
        topics.cloned().collect()
    }

    /// Ids of the topics that a member reads and that exist.
    pub(super) fn topic_ids_of(
        &self,
        names: &BTreeSet<Arc<str>>,
        regex: Option<&Arc<str>>,
        image: &MetadataImage,
    ) -> BTreeSet<Uuid> {
        let topics = self.topics_of(names, regex);
        let found = topics.filter_map(|name| image.topics.get(&**name));
        found.map(|topic| topic.topic_id.0).collect()
    }

    /// Numbers of partitions of all topics that members read and that exist.
    pub(super) fn partition_counts(&self, image: &MetadataImage) -> BTreeMap<Uuid, i32> {
        let topics = self.subscribed_topics();
        let found = topics.iter().filter_map(|name| image.topics.get(&**name));
        found
            .map(|topic| {
                (
                    topic.topic_id.0,
                    i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX),
                )
            })
            .collect()
    }

    /// Looks up anew what the expression matches, if the metadata has changed since; and forgets expressions that no member
    /// uses any more. True when it matches other topics than before.
    pub(super) fn resolve_regex(
        &mut self,
        expression: Option<&Arc<str>>,
        may_see: &TopicFilter,
        world: World<'_>,
        records: &mut Vec<ConsumerRecord>,
    ) -> bool {
        self.forget_unused_regexes(records);
        let Some(expression) = expression else {
            return false;
        };
        let version = world.image.applied.map_or(-1, |applied| applied.0);
        if self
            .regexes
            .get(expression)
            .is_some_and(|found| found.version == version)
        {
            return false;
        }
        // What members send was compiled before; a log may have what only another coordinator understands.
        let Ok(regex) = compile(expression) else {
            tracing::warn!(group_id = %self.group_id, %expression, "regular expression cannot be used");
            return false;
        };
        let names = world.image.topics.keys();
        let found = names.filter(|name| regex.is_match(name) && may_see.admits(name));
        let topics: BTreeSet<Arc<str>> = found.map(|name| Arc::from(name.as_str())).collect();
        let known = self.regexes.get_mut(expression);
        if let Some(known) = known
            && known.topics == topics
        {
            // Not worth a record: who reads an older one looks again.
            known.version = version;
            return false;
        }
        let resolved = ResolvedRegex {
            topics,
            version,
            timestamp_ms: world.now.wall_ms,
        };
        self.regexes.insert(Arc::clone(expression), resolved.clone());
        records.push(ConsumerRecord::Regex(Arc::clone(expression), Some(resolved)));
        true
    }

    pub(super) fn forget_unused_regexes(&mut self, records: &mut Vec<ConsumerRecord>) {
        if self.regexes.is_empty() {
            return;
        }
        let members = self.members.values();
        let used: BTreeSet<Arc<str>> = members.filter_map(|member| member.metadata.regex.clone()).collect();
        self.regexes.retain(|expression, _| {
            let is_used = used.contains(expression);
            if !is_used {
                records.push(ConsumerRecord::Regex(Arc::clone(expression), None));
            }
            is_used
        });
    }

    /// Changes with the topics that are read: another topic of the name, or another number of partitions. It is the same for
    /// the same topics as long as the program is; where it is not, one rebalance too many follows.
    pub(super) fn metadata_hash(&self, image: &MetadataImage) -> i64 {
        let mut hasher = DefaultHasher::new();
        for name in self.subscribed_topics() {
            if let Some(topic) = image.topics.get(&*name) {
                (&*name, topic.topic_id.0.as_u128(), topic.partitions.len()).hash(&mut hasher);
            }
        }
        i64::from_ne_bytes(hasher.finish().to_ne_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_match_whole_names_and_are_bounded() {
        let regex = compile("foo.*|bar").unwrap();
        assert!(regex.is_match("foobar") && regex.is_match("bar"));
        assert!(!regex.is_match("xbar") && !regex.is_match("barx"));
        let regex = compile(r"\Qa.b-\E.*\\d").unwrap();
        assert!(regex.is_match(r"a.b-x\d") && !regex.is_match(r"aXb-x\d"));
        assert!(compile(r"x\Q(").unwrap().is_match("x("), "the end may be missing");
        assert!(
            compile(r"\\Q").unwrap().is_match(r"\Q"),
            "a backslash that is escaped quotes nothing"
        );
        for bad in ["(", "(?=a)", "a{100}{100}{100}"] {
            assert_eq!(compile(bad).unwrap_err(), GroupError::InvalidRegularExpression, "{bad}");
        }
    }
}
