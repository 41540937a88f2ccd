//! Server and topic properties as numbers. Names, defaults and precedence are those of `server-properties`; values were
//! validated before they came here, so one that cannot be read counts as not set.

use std::{collections::BTreeMap, str::FromStr, time::Duration};

use kafka_codec::record_batch::{Compression, TimestampType};
use kafka_log::{CleanupPolicy, LogConfig};
use kafka_metadata::{BrokerId, ConfigResource, MetadataImage};
use server_properties::{definition, effective_topic_value, list_entries};

use crate::{cleaner, replication::ThrottledReplicas};

/// Unfinished requests may hold this much memory where `queued.max.request.bytes` sets no bound.
const REQUEST_MEMORY_BYTES: usize = 256 * 1024 * 1024;

/// Time between checkpoints of recovery points, and of start offsets, where nothing is set.
const CHECKPOINT_INTERVAL_MS: u64 = 5_000;

/// Server properties that the broker reads once, at its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `allow.everyone.if.no.acl.found`.
    pub allow_everyone_if_no_acl_found: bool,
    /// `replica.selector.class` is `RackAwareReplicaSelector`.
    pub rack_aware_reads: bool,
    /// `auto.create.topics.enable`.
    pub auto_create_topics_enable: bool,
    /// `connections.max.idle.ms`.
    pub connections_max_idle_ms: u64,
    /// `connections.max.reauth.ms`; 0 where a session lasts as long as its connection.
    pub connections_max_reauth_ms: i64,
    /// `socket.request.max.bytes`.
    pub socket_request_max_bytes: usize,
    /// `queued.max.request.bytes`.
    pub request_memory_bytes: usize,
    /// `fetch.max.bytes`.
    pub fetch_max_bytes: usize,
    /// `max.incremental.fetch.session.cache.slots`.
    pub fetch_session_slots: usize,
    /// `replica.lag.time.max.ms`.
    pub replica_lag_time_max_ms: i64,
    /// `replica.fetch.max.bytes`.
    pub replica_fetch_max_bytes: i32,
    /// `replica.fetch.response.max.bytes`.
    pub replica_fetch_response_max_bytes: i32,
    /// `replica.fetch.min.bytes`.
    pub replica_fetch_min_bytes: i32,
    /// `replica.fetch.wait.max.ms`.
    pub replica_fetch_wait_max_ms: i32,
    /// `replica.high.watermark.checkpoint.interval.ms`.
    pub high_watermark_checkpoint_interval_ms: u64,
    /// `log.flush.offset.checkpoint.interval.ms`, where it is set; otherwise more often than Kafka, so that less is read after a crash.
    pub recovery_point_checkpoint_interval_ms: u64,
    /// `log.flush.start.offset.checkpoint.interval.ms`, in the same way.
    pub log_start_checkpoint_interval_ms: u64,
    /// `log.retention.check.interval.ms`.
    pub retention_check_interval_ms: u64,
    /// `num.recovery.threads.per.data.dir`.
    pub recovery_threads: usize,
    /// `max.request.partition.size.limit`.
    pub described_partitions_max: usize,
    /// `replica.fetch.backoff.ms`, where it is set; otherwise a follower waits longer from time to time.
    pub replica_fetch_backoff_ms: Option<u64>,
    /// `replica.socket.timeout.ms`, where it is set; otherwise a follower waits ten seconds longer than the leader may.
    pub replica_socket_timeout_ms: Option<u64>,
    /// `socket.connection.setup.timeout.ms`, where it is set; otherwise a broker tries for five seconds to reach another one.
    pub connection_setup_timeout_ms: Option<u64>,
    /// `socket.connection.setup.timeout.max.ms`.
    pub connection_setup_timeout_max_ms: u64,
    /// `request.timeout.ms`, where it is set; otherwise each question has a limit of its own.
    pub request_timeout_ms: Option<u64>,
    /// `replica.socket.receive.buffer.bytes`, where it is set; otherwise the system decides.
    pub replica_socket_receive_buffer_bytes: Option<u32>,
    /// `offsets.topic.compression.codec`.
    pub offsets_topic_compression: Compression,
    /// `log.cleaner.enable`.
    pub cleaner_enable: bool,
    /// What sockets are told.
    pub sockets: SocketSettings,
}

/// What sockets of listeners are told, where it is set; otherwise the system decides, which sees how fast a connection is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SocketSettings {
    /// `socket.send.buffer.bytes`.
    pub send_buffer_bytes: Option<usize>,
    /// `socket.receive.buffer.bytes`.
    pub receive_buffer_bytes: Option<usize>,
    /// `socket.listen.backlog.size`.
    pub backlog: Option<i32>,
}

impl SocketSettings {
    /// Reads them out of the static server properties. -1 leaves a buffer to the system.
    pub fn read(properties: &BTreeMap<String, String>) -> Self {
        let properties = Properties(properties);
        let bytes = |name| {
            properties
                .set::<i64>(name)
                .and_then(|bytes| usize::try_from(bytes).ok())
        };
        Self {
            send_buffer_bytes: bytes("socket.send.buffer.bytes"),
            receive_buffer_bytes: bytes("socket.receive.buffer.bytes"),
            backlog: properties.set("socket.listen.backlog.size"),
        }
    }
}

impl Settings {
    /// Reads the static server properties.
    pub fn read(properties: &BTreeMap<String, String>) -> Self {
        let sockets = SocketSettings::read(properties);
        let properties = Properties(properties);
        let socket_request_max_bytes: usize = properties.get("socket.request.max.bytes", 104_857_600);
        let queued: i64 = properties.get("queued.max.request.bytes", -1);
        let memory = usize::try_from(queued).unwrap_or(REQUEST_MEMORY_BYTES);
        Self {
            allow_everyone_if_no_acl_found: properties.get("allow.everyone.if.no.acl.found", false),
            rack_aware_reads: properties
                .get("replica.selector.class", String::new())
                .ends_with("RackAwareReplicaSelector"),
            auto_create_topics_enable: properties.get("auto.create.topics.enable", true),
            connections_max_idle_ms: properties.get("connections.max.idle.ms", 600_000),
            connections_max_reauth_ms: properties.get("connections.max.reauth.ms", 0).max(0),
            socket_request_max_bytes,
            // One request of the largest size has to fit, or it would wait for ever.
            request_memory_bytes: memory.max(socket_request_max_bytes),
            fetch_max_bytes: properties.get("fetch.max.bytes", 57_671_680),
            fetch_session_slots: properties.get("max.incremental.fetch.session.cache.slots", 1000),
            replica_lag_time_max_ms: properties.get("replica.lag.time.max.ms", 30_000),
            replica_fetch_max_bytes: properties.get("replica.fetch.max.bytes", 1_048_576),
            replica_fetch_response_max_bytes: properties.get("replica.fetch.response.max.bytes", 10_485_760),
            replica_fetch_min_bytes: properties.get("replica.fetch.min.bytes", 1),
            replica_fetch_wait_max_ms: properties.get("replica.fetch.wait.max.ms", 500),
            high_watermark_checkpoint_interval_ms: properties
                .get("replica.high.watermark.checkpoint.interval.ms", 5_000),
            recovery_point_checkpoint_interval_ms: properties
                .set("log.flush.offset.checkpoint.interval.ms")
                .unwrap_or(CHECKPOINT_INTERVAL_MS),
            log_start_checkpoint_interval_ms: properties
                .set("log.flush.start.offset.checkpoint.interval.ms")
                .unwrap_or(CHECKPOINT_INTERVAL_MS),
            retention_check_interval_ms: properties.get("log.retention.check.interval.ms", 300_000),
            recovery_threads: properties.get("num.recovery.threads.per.data.dir", 2),
            described_partitions_max: properties.get("max.request.partition.size.limit", 2000),
            replica_fetch_backoff_ms: properties.set("replica.fetch.backoff.ms"),
            replica_socket_timeout_ms: properties.set("replica.socket.timeout.ms"),
            connection_setup_timeout_ms: properties.set("socket.connection.setup.timeout.ms"),
            connection_setup_timeout_max_ms: properties.get("socket.connection.setup.timeout.max.ms", 30_000),
            request_timeout_ms: properties.set("request.timeout.ms"),
            replica_socket_receive_buffer_bytes: properties.set("replica.socket.receive.buffer.bytes"),
            offsets_topic_compression: Compression::from_id(properties.get("offsets.topic.compression.codec", 0))
                .unwrap_or(Compression::None),
            cleaner_enable: properties.get("log.cleaner.enable", true),
            sockets,
        }
    }

    /// How long another broker is waited for; `own` where nothing is set.
    pub fn request_timeout(&self, own: Duration) -> Duration {
        self.request_timeout_ms.map_or(own, Duration::from_millis)
    }
}

struct Properties<'a>(&'a BTreeMap<String, String>);

impl Properties<'_> {
    /// The value of `name`, where it is set.
    fn set<T: FromStr>(&self, name: &str) -> Option<T> {
        self.0.get(name).and_then(|text| text.trim().parse().ok())
    }

    /// The value of `name`: as set, else its default in the table, else `last`.
    fn get<T: FromStr>(&self, name: &str, last: T) -> T {
        let default = || definition(name)?.default?.parse().ok();
        self.set(name).or_else(default).unwrap_or(last)
    }
}

/// A topic's configuration, as far as the partition itself looks at it; the rest is the log's.
#[derive(Clone, Debug)]
pub struct TopicSettings {
    /// `min.insync.replicas`.
    pub min_insync_replicas: usize,
    /// `flush.messages`.
    pub flush_messages: i64,
    /// `flush.ms`.
    pub flush_ms: i64,
    /// `leader.replication.throttled.replicas`, on this broker.
    pub throttled_as_leader: ThrottledReplicas,
    /// `follower.replication.throttled.replicas`, on this broker.
    pub throttled_as_follower: ThrottledReplicas,
    /// What the log itself looks at.
    pub log: LogConfig,
}

impl TopicSettings {
    /// The effective configuration of a topic on this broker: the topic's own, then the broker's dynamic one, then that
    /// of all brokers, then the static properties, then the defaults.
    pub fn resolve(
        image: &MetadataImage,
        broker_id: BrokerId,
        static_properties: &BTreeMap<String, String>,
        topic: &str,
    ) -> Self {
        let none = BTreeMap::new();
        let of = |resource: &ConfigResource| image.configs.get(resource).unwrap_or(&none);
        let mut broker = BTreeMap::clone(static_properties);
        for dynamic in [of(&ConfigResource::Brokers), of(&ConfigResource::Broker(broker_id))] {
            broker.extend(dynamic.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        let own = of(&ConfigResource::Topic(topic.to_owned()));
        let throttled = |name: &str| own.get(name).map(|text| ThrottledReplicas::read(text, broker_id));
        Self {
            throttled_as_leader: throttled("leader.replication.throttled.replicas").unwrap_or_default(),
            throttled_as_follower: throttled("follower.replication.throttled.replicas").unwrap_or_default(),
            ..Self::from_maps(own, &broker)
        }
    }

    /// From a topic's own configuration and its broker's.
    pub fn from_maps(topic: &BTreeMap<String, String>, broker: &BTreeMap<String, String>) -> Self {
        let text = |name: &str| effective_topic_value(name, topic, broker);
        let number = |name: &str, last: i64| text(name).and_then(|text| text.trim().parse().ok()).unwrap_or(last);
        Self {
            min_insync_replicas: usize::try_from(number("min.insync.replicas", 1)).unwrap_or(1),
            flush_messages: number("flush.messages", 1),
            flush_ms: number("flush.ms", i64::MAX),
            throttled_as_leader: ThrottledReplicas::None,
            throttled_as_follower: ThrottledReplicas::None,
            log: LogConfig {
                producer_id_expiration_ms: producer_id_expiration_ms(broker),
                cleaner: cleaner::buffers(broker),
                ..log_config(text)
            },
        }
    }

    /// An offset counts towards the high watermark only once it is on the medium.
    pub fn counts_only_flushed(&self) -> bool {
        self.flush_messages <= 1
    }
}

/// `producer.id.expiration.ms`: there is no such property of a topic.
fn producer_id_expiration_ms(broker: &BTreeMap<String, String>) -> i64 {
    let set = broker.get("producer.id.expiration.ms").map(|text| text.trim().parse());
    set.and_then(Result::ok)
        .unwrap_or(LogConfig::default().producer_id_expiration_ms)
}

/// A ratio in thousandths; the property has been checked.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number from 0 to 1000"
)]
fn permille(ratio: String) -> u64 {
    let ratio: f64 = ratio.trim().parse().unwrap_or(0.5);
    (ratio.clamp(0.0, 1.0) * 1000.0).round() as u64
}

/// A property of the broker that may change while it runs: as set for it, for all brokers, in its own file, else its default.
pub fn dynamic_number(
    image: &MetadataImage,
    broker_id: BrokerId,
    static_properties: &BTreeMap<String, String>,
    name: &str,
) -> Option<i64> {
    dynamic_text(image, broker_id, static_properties, name)?
        .trim()
        .parse()
        .ok()
}

/// The same as text.
pub fn dynamic_text<'a>(
    image: &'a MetadataImage,
    broker_id: BrokerId,
    static_properties: &'a BTreeMap<String, String>,
    name: &str,
) -> Option<&'a str> {
    let own = [ConfigResource::Broker(broker_id), ConfigResource::Brokers];
    let set = own.iter().find_map(|resource| image.configs.get(resource)?.get(name));
    let set = set.or_else(|| static_properties.get(name)).map(String::as_str);
    set.or(definition(name)?.default)
}

/// Topic properties as the log takes them; `text` looks one up.
fn log_config(text: impl Fn(&str) -> Option<String>) -> LogConfig {
    let default = LogConfig::default();
    let number = |name: &str, last: i64| text(name).and_then(|text| text.trim().parse().ok()).unwrap_or(last);
    let bytes = |name: &str, last: u64| u64::try_from(number(name, -1)).unwrap_or(last);
    let policy = text("cleanup.policy").unwrap_or_default();
    let has = |wanted: &str| list_entries(&policy).any(|entry| entry == wanted);
    let max_compaction_lag_ms = number("max.compaction.lag.ms", default.max_compaction_lag_ms);
    let append_time = text("message.timestamp.type").is_some_and(|text| text == "LogAppendTime");
    // `producer` and `uncompressed` need no entry of their own: the first is no compression's name.
    let compression = text("compression.type").and_then(|name| match name.as_str() {
        "uncompressed" => Some(Compression::None),
        name => Compression::from_name(name),
    });
    let level = |name: &str| i32::try_from(number(name, -1)).ok();
    LogConfig {
        segment_bytes: bytes("segment.bytes", default.segment_bytes),
        // A record that stays in the active segment is not compacted.
        segment_ms: if has("compact") {
            number("segment.ms", default.segment_ms).min(max_compaction_lag_ms)
        } else {
            number("segment.ms", default.segment_ms)
        },
        preallocate: text("preallocate").is_some_and(|value| value.trim().eq_ignore_ascii_case("true")),
        segment_jitter_ms: number("segment.jitter.ms", default.segment_jitter_ms),
        // Negative: for ever.
        retention_ms: Some(number("retention.ms", -1)).filter(|ms| *ms >= 0),
        retention_bytes: u64::try_from(number("retention.bytes", -1)).ok(),
        max_message_bytes: usize::try_from(number("max.message.bytes", -1)).unwrap_or(default.max_message_bytes),
        index_interval_bytes: bytes("index.interval.bytes", default.index_interval_bytes),
        segment_index_bytes: bytes("segment.index.bytes", default.segment_index_bytes),
        message_timestamp_type: if append_time {
            TimestampType::LogAppendTime
        } else {
            TimestampType::CreateTime
        },
        message_timestamp_before_max_ms: number(
            "message.timestamp.before.max.ms",
            default.message_timestamp_before_max_ms,
        ),
        message_timestamp_after_max_ms: number(
            "message.timestamp.after.max.ms",
            default.message_timestamp_after_max_ms,
        ),
        compression,
        compression_level: match compression {
            // -1 is the codec's own.
            Some(Compression::Gzip) => level("compression.gzip.level").filter(|level| *level > 0),
            Some(Compression::Zstd) => level("compression.zstd.level"),
            _ => None,
        },
        flush_messages: number("flush.messages", default.flush_messages),
        flush_ms: number("flush.ms", default.flush_ms),
        cleanup_policy: CleanupPolicy {
            delete: has("delete"),
            compact: has("compact"),
        },
        min_cleanable_dirty_permille: text("min.cleanable.dirty.ratio")
            .map_or(default.min_cleanable_dirty_permille, permille),
        min_compaction_lag_ms: number("min.compaction.lag.ms", default.min_compaction_lag_ms),
        max_compaction_lag_ms,
        file_delete_delay_ms: number("file.delete.delay.ms", default.file_delete_delay_ms),
        delete_retention_ms: number("delete.retention.ms", default.delete_retention_ms),
        producer_id_expiration_ms: default.producer_id_expiration_ms,
        cleaner: default.cleaner,
        verify_compressed_records: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Settings {
        let properties = set
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Settings::read(&properties.collect())
    }

    #[test]
    fn what_is_not_set_is_left_to_the_system() {
        let none = read(&[]);
        assert_eq!(none.sockets, SocketSettings::default());
        assert_eq!(none.replica_fetch_backoff_ms, None);
        assert_eq!(none.request_timeout(Duration::from_secs(5)), Duration::from_secs(5));
        assert_eq!(none.connection_setup_timeout_max_ms, 30_000);
        assert_eq!(none.replica_socket_receive_buffer_bytes, None);
        assert_eq!(none.offsets_topic_compression, Compression::None);
        assert!(none.cleaner_enable);
        let set = read(&[
            ("socket.send.buffer.bytes", "65536"),
            ("socket.receive.buffer.bytes", "-1"),
            ("socket.listen.backlog.size", "50"),
            ("replica.fetch.backoff.ms", "1000"),
            ("replica.socket.timeout.ms", "700"),
            ("socket.connection.setup.timeout.ms", "800"),
            ("socket.connection.setup.timeout.max.ms", "900"),
            ("request.timeout.ms", "950"),
            ("replica.socket.receive.buffer.bytes", "131072"),
            ("offsets.topic.compression.codec", "4"),
            ("log.cleaner.enable", "false"),
        ]);
        assert_eq!(set.sockets.send_buffer_bytes, Some(65_536));
        assert_eq!(set.sockets.receive_buffer_bytes, None);
        assert_eq!(set.sockets.backlog, Some(50));
        assert_eq!(set.replica_fetch_backoff_ms, Some(1_000));
        assert_eq!(set.replica_socket_timeout_ms, Some(700));
        assert_eq!(set.connection_setup_timeout_ms, Some(800));
        assert_eq!(set.connection_setup_timeout_max_ms, 900);
        assert_eq!(set.request_timeout(Duration::from_secs(5)), Duration::from_millis(950));
        assert_eq!(set.replica_socket_receive_buffer_bytes, Some(131_072));
        assert_eq!(set.offsets_topic_compression, Compression::Zstd);
        assert!(!set.cleaner_enable);
    }

    #[test]
    fn a_topic_has_the_level_of_its_codec() {
        let level = |codec: &str, more: &[(&str, &str)]| {
            let own = [("compression.type", codec)];
            let own = own.iter().chain(more);
            let topic = own.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            TopicSettings::from_maps(&topic.collect(), &BTreeMap::new())
                .log
                .compression_level
        };
        assert_eq!(level("gzip", &[]), None);
        assert_eq!(level("gzip", &[("compression.gzip.level", "9")]), Some(9));
        assert_eq!(level("zstd", &[]), Some(3));
        assert_eq!(level("zstd", &[("compression.zstd.level", "-5")]), Some(-5));
        assert_eq!(level("lz4", &[("compression.zstd.level", "9")]), None);
    }

    #[test]
    fn brokers_give_topics_their_jitter() {
        let broker = BTreeMap::from([("log.roll.jitter.hours".to_owned(), "2".to_owned())]);
        let topic = BTreeMap::from([("segment.jitter.ms".to_owned(), "5".to_owned())]);
        let jitter = |topic: &BTreeMap<String, String>| TopicSettings::from_maps(topic, &broker).log.segment_jitter_ms;
        assert_eq!(jitter(&BTreeMap::new()), 7_200_000);
        assert_eq!(jitter(&topic), 5);
    }
}
