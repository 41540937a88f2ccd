//! How the broker and its cluster are: replicas, logs, groups, and what the controller knows.

use std::collections::{BTreeMap, BTreeSet};

use kafka_metadata::MetadataImage;

use super::beans::Beans;
use crate::{
    broker::Broker,
    groups::GroupId,
    metrics::{ConsumerLag, PartitionLag},
    partition::Partition,
};

const REPLICAS: &str = "kafka_server_ReplicaManager";
const CONTROLLER: &str = "kafka_controller_KafkaController";
const GROUPS: &str = "kafka_coordinator_group_GroupMetadataManager";
const LAG: &str = "kafka_consumer_group_ConsumerLagMetrics";

/// `BrokerState` of a broker that serves, and of one that hands its leaderships over.
const RUNNING: f64 = 3.0;
const PENDING_CONTROLLED_SHUTDOWN: f64 = 6.0;

/// Puts all of it on the page.
pub(super) fn show(beans: &mut Beans, broker: &Broker) {
    let state = if broker.stopping.is_wanted() {
        PENDING_CONTROLLED_SHUTDOWN
    } else {
        RUNNING
    };
    beans.plain("kafka_server_KafkaServer", "BrokerState", state);
    let image = broker.metadata.image();
    replicas(beans, broker, &image);
    controller(beans, broker, &image);
    let lag = broker.metrics.lag.lock();
    groups(beans, &lag);
    consumer_lag(beans, &lag);
}

fn replicas(beans: &mut Beans, broker: &Broker, image: &MetadataImage) {
    let all = broker.partitions.all();
    let led: Vec<_> = all.iter().filter_map(|it| it.leader_health()).collect();
    let count = |which: &dyn Fn(&Partition) -> bool| all.iter().filter(|it| which(it)).count() as f64;
    let leading = |which: fn(&crate::partition::LeaderHealth) -> bool| led.iter().filter(|it| which(it)).count() as f64;
    let moving = |it: &Partition| {
        let state = image.partition(&it.topic, it.index);
        it.is_leader() && state.is_some_and(|state| state.is_moving())
    };
    for (name, value) in [
        ("PartitionCount", all.len() as f64),
        ("LeaderCount", led.len() as f64),
        ("UnderReplicatedPartitions", leading(|it| it.is_under_replicated())),
        ("UnderMinIsrPartitionCount", leading(|it| it.is_under_min_isr())),
        ("AtMinIsrPartitionCount", leading(|it| it.is_at_min_isr())),
        ("OfflineReplicaCount", count(&|it| !it.is_online())),
        ("ReassigningPartitions", count(&moving)),
    ] {
        beans.plain(REPLICAS, name, value);
    }
    for (name, meter) in [
        ("IsrShrinksPerSec", &broker.metrics.isr_shrinks),
        ("IsrExpandsPerSec", &broker.metrics.isr_expands),
        ("FailedIsrUpdatesPerSec", &broker.metrics.failed_isr_updates),
    ] {
        let labels = [("name", name)];
        beans.meter(REPLICAS, &labels, meter);
    }
    let furthest = all.iter().filter(|it| !it.is_leader()).map(|it| it.behind()).max();
    let labels = [("name", "MaxLag"), ("clientId", "Replica")];
    let kind = "kafka_server_ReplicaFetcherManager";
    beans.gauge(kind, &labels, furthest.unwrap_or(0) as f64);
    let offline: BTreeSet<usize> = all
        .iter()
        .filter(|it| !it.is_online())
        .map(|it| it.directory())
        .collect();
    beans.plain("kafka_log_LogManager", "OfflineLogDirectoryCount", offline.len() as f64);
    all.iter().for_each(|it| partition(beans, it));
}

fn partition(beans: &mut Beans, partition: &Partition) {
    let index = partition.index.to_string();
    let mut show = |kind: &str, name: &str, value: f64| {
        let labels = [("name", name), ("topic", &*partition.topic), ("partition", &index)];
        beans.gauge(kind, &labels, value);
    };
    show("kafka_log_Log", "Size", partition.size_in_bytes() as f64);
    show("kafka_log_Log", "LogStartOffset", partition.log_start_offset() as f64);
    show("kafka_log_Log", "LogEndOffset", partition.log_end_offset() as f64);
    show("kafka_log_Log", "NumLogSegments", partition.segment_count() as f64);
    // Who does not lead shows zeros, as in Kafka.
    let health = partition.leader_health();
    let flag = |is: fn(crate::partition::LeaderHealth) -> bool| f64::from(u8::from(health.is_some_and(is)));
    let kind = "kafka_cluster_Partition";
    show(kind, "UnderReplicated", flag(|it| it.is_under_replicated()));
    show(kind, "UnderMinIsr", flag(|it| it.is_under_min_isr()));
    show(kind, "AtMinIsr", flag(|it| it.is_at_min_isr()));
    show(kind, "InSyncReplicasCount", health.map_or(0.0, |it| it.in_sync as f64));
    show(kind, "ReplicasCount", health.map_or(0.0, |it| it.replicas as f64));
}

/// The controller is part of the control plane. The first broker that serves tells what it knows, the others show zeros, so
/// that sums and maxima over brokers are right, as on MSK.
fn controller(beans: &mut Beans, broker: &Broker, image: &MetadataImage) {
    let speaker = image.brokers.values().find(|member| !member.fenced);
    let speaks = speaker.is_some_and(|member| member.broker_id == broker.config.broker_id);
    let partitions = || image.topics.values().flat_map(|topic| &topic.partitions);
    let count = |number: usize| if speaks { number as f64 } else { 0.0 };
    let not_preferred = partitions()
        .filter(|state| state.leader.is_some() && state.leader != state.replicas.first().copied())
        .count();
    for (name, value) in [
        (
            "ActiveControllerCount",
            count(usize::from(broker.controller.is_connected())),
        ),
        (
            "ActiveBrokerCount",
            count(image.brokers.values().filter(|member| !member.fenced).count()),
        ),
        (
            "FencedBrokerCount",
            count(image.brokers.values().filter(|member| member.fenced).count()),
        ),
        ("GlobalTopicCount", count(image.topics.size())),
        ("GlobalPartitionCount", count(partitions().count())),
        (
            "OfflinePartitionsCount",
            count(partitions().filter(|state| state.leader.is_none()).count()),
        ),
        ("PreferredReplicaImbalanceCount", count(not_preferred)),
    ] {
        beans.plain(CONTROLLER, name, value);
    }
    // Every broker shows those that made it a leader.
    let labels = [("name", "UncleanLeaderElectionsPerSec")];
    beans.meter(
        "kafka_controller_ControllerStats",
        &labels,
        &broker.metrics.unclean_leader_elections,
    );
}

fn groups(beans: &mut Beans, lag: &ConsumerLag) {
    beans.plain(GROUPS, "NumGroups", lag.groups.values().sum::<usize>() as f64);
    beans.plain(GROUPS, "NumOffsets", lag.partitions.len() as f64);
    for (state, count) in &lag.groups {
        beans.plain(GROUPS, &format!("NumGroups{state}"), *count as f64);
    }
}

/// By partition, and by topic: the sum, the maximum, and the time the slowest partition needs.
fn consumer_lag(beans: &mut Beans, lag: &ConsumerLag) {
    let mut topics: BTreeMap<(&GroupId, &str), Vec<&PartitionLag>> = BTreeMap::new();
    for ((group, partition), lag) in &lag.partitions {
        let index = partition.partition.to_string();
        topics.entry((group, &*partition.topic)).or_default().push(lag);
        let mut show = |name: &str, value: Option<f64>| {
            let labels = [
                ("groupId", group.as_str()),
                ("name", name),
                ("topic", &*partition.topic),
                ("partition", &index),
            ];
            if let Some(value) = value {
                beans.gauge(LAG, &labels, value);
            }
        };
        show("OffsetLag", lag.records().map(|records| records as f64));
        show("EstimatedTimeLag", lag.seconds());
    }
    for ((group, topic), partitions) in topics {
        let records: Vec<i64> = partitions.iter().filter_map(|lag| lag.records()).collect();
        let seconds = partitions.iter().filter_map(|lag| lag.seconds()).reduce(f64::max);
        let mut show = |name: &str, value: Option<f64>| {
            let labels = [("groupId", group.as_str()), ("name", name), ("topic", topic)];
            if let Some(value) = value {
                beans.gauge(LAG, &labels, value);
            }
        };
        let known = (!records.is_empty()).then(|| records.iter().sum::<i64>() as f64);
        show("SumOffsetLag", known);
        show("MaxOffsetLag", records.iter().max().map(|most| *most as f64));
        show("EstimatedMaxTimeLag", seconds);
    }
}
