//! What topics a consumer group reads: the front of `ConsumerProtocolSubscription`, a version and a list of topics. The
//! rest is between the consumers.

use std::{collections::BTreeSet, sync::Arc};

use super::group::{ClassicGroup, GroupState};
use crate::coordinator::{Reader, RecordFormatError};

/// What a group reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subscription {
    /// The group does not use the consumer protocol, or has no members.
    Nothing,
    /// These topics.
    Topics(BTreeSet<Arc<str>>),
    /// A member says something we cannot read: it may be any topic.
    Unknown,
}

impl Subscription {
    pub(crate) fn contains(&self, topic: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Topics(topics) => topics.contains(topic),
            Self::Unknown => true,
        }
    }
}

impl ClassicGroup {
    /// What the members read, over all the protocols they offer.
    pub(crate) fn subscription(&self) -> Subscription {
        if !self.uses_consumer_protocol() || self.state() == GroupState::Empty {
            return Subscription::Nothing;
        }
        let mut topics = BTreeSet::new();
        for protocol in self.members().flat_map(|member| &member.protocols) {
            if read_topics(&protocol.metadata, &mut topics).is_err() {
                return Subscription::Unknown;
            }
        }
        Subscription::Topics(topics)
    }
}

fn read_topics(metadata: &[u8], topics: &mut BTreeSet<Arc<str>>) -> Result<(), RecordFormatError> {
    let mut reader = Reader::new(metadata);
    let _version = reader.i16()?;
    for _ in 0..reader.array_length(false)? {
        topics.insert(Arc::from(reader.string()?));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_of_a_subscription_are_read() {
        let mut topics = BTreeSet::new();
        // Version 1, two topics, user data and owned partitions after them.
        let metadata = b"\0\x01\0\0\0\x02\0\x01a\0\x02bc\xff\xff\xff\xff\0\0\0\0";
        assert_eq!(read_topics(metadata, &mut topics), Ok(()));
        assert_eq!(topics, BTreeSet::from(["a".into(), "bc".into()]));
        assert!(read_topics(b"\0\x01\x7f\xff\xff\xff\0", &mut topics).is_err());
    }
}
