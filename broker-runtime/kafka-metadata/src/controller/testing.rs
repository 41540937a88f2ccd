//! A controller for tests, which checks every decision.

use std::collections::{BTreeMap, BTreeSet};

use rand::{SeedableRng, rngs::StdRng};
use uuid::Uuid;

use super::{ControllerDefaults, ControllerEvent, decide};
use crate::{
    BrokerEpoch, BrokerId, MetadataImage, MetadataOffset, MetadataRecord, PartitionState,
    rpc::{AlterPartition, ControllerError, ControllerRequest, ControllerResponse, NewTopic},
};

/// A controller and its log.
pub(super) struct Controller {
    pub(super) image: MetadataImage,
    pub(super) log: Vec<MetadataRecord>,
    defaults: ControllerDefaults,
    rng: StdRng,
}

impl Controller {
    /// A cluster with `brokers` active brokers in three zones.
    pub(super) fn new(brokers: i32) -> Self {
        let mut controller = Self {
            image: MetadataImage::default(),
            log: Vec::new(),
            defaults: ControllerDefaults::default(),
            rng: StdRng::seed_from_u64(1),
        };
        controller
            .event(ControllerEvent::CreateCluster {
                cluster_id: "cluster".to_owned(),
            })
            .unwrap();
        for broker in 1..=brokers {
            controller.register(broker, u128::try_from(broker).unwrap()).unwrap();
            controller.beat(broker, false).unwrap();
        }
        controller
    }

    /// Decides, and checks what holds for every decision.
    pub(super) fn event(&mut self, event: ControllerEvent) -> Result<ControllerResponse, ControllerError> {
        let decision = decide(&self.image, event, &self.defaults, &mut self.rng)?;
        let mut replayed = self.image.clone();
        for record in &decision.records {
            replayed.apply(replayed.next_offset(), record);
        }
        assert_eq!(replayed, decision.image, "the records say the same as the image");
        let rebuilt = MetadataImage::from_snapshot(decision.image.applied, &decision.image.to_records());
        assert_eq!(rebuilt, decision.image, "a snapshot rebuilds the image");
        check_partitions(&self.image, &decision.image);
        self.log.extend(decision.records);
        self.image = decision.image;
        Ok(decision.response)
    }

    pub(super) fn ask(&mut self, request: ControllerRequest) -> Result<ControllerResponse, ControllerError> {
        self.event(ControllerEvent::Request(request))
    }

    pub(super) fn register(&mut self, broker: i32, incarnation: u128) -> Result<ControllerResponse, ControllerError> {
        self.register_from(broker, incarnation, "boot")
    }

    pub(super) fn register_from(
        &mut self,
        broker: i32,
        incarnation: u128,
        boot_id: &str,
    ) -> Result<ControllerResponse, ControllerError> {
        self.register_with(broker, incarnation, boot_id, &[u128::from(broker.unsigned_abs())])
    }

    /// Registers a process with these log directories.
    pub(super) fn register_with(
        &mut self,
        broker: i32,
        incarnation: u128,
        boot_id: &str,
        log_dirs: &[u128],
    ) -> Result<ControllerResponse, ControllerError> {
        self.ask(ControllerRequest::Register {
            broker_id: BrokerId(broker),
            cluster_id: "cluster".to_owned(),
            incarnation_id: Uuid::from_u128(incarnation),
            boot_id: boot_id.to_owned(),
            log_dirs: log_dirs.iter().copied().map(Uuid::from_u128).collect(),
            rack: Some(format!("zone-{}", broker % 3)),
            endpoints: Vec::new(),
            metadata_from: MetadataOffset(0),
        })
    }

    pub(super) fn epoch(&self, broker: i32) -> BrokerEpoch {
        let broker = self.image.brokers.get(&BrokerId(broker));
        broker.map_or(BrokerEpoch(-1), |broker| broker.broker_epoch)
    }

    pub(super) fn beat(&mut self, broker: i32, want_shutdown: bool) -> Result<ControllerResponse, ControllerError> {
        self.ask(ControllerRequest::Heartbeat {
            broker_id: BrokerId(broker),
            broker_epoch: self.epoch(broker),
            applied: self.image.applied,
            want_shutdown,
        })
    }

    pub(super) fn fence(&mut self, broker: i32) {
        self.event(ControllerEvent::Fence {
            broker_id: BrokerId(broker),
        })
        .unwrap();
    }

    pub(super) fn create(&mut self, topic: NewTopic) -> Result<(), ControllerError> {
        let request = ControllerRequest::CreateTopics {
            topics: vec![topic],
            validate_only: false,
        };
        match self.ask(request)? {
            ControllerResponse::CreateTopics(mut results) => results.remove(0).map(drop),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn results(&mut self, request: ControllerRequest) -> Vec<Result<(), ControllerError>> {
        match self.ask(request).unwrap() {
            ControllerResponse::Results(results) => results,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn state(&self, topic: &str, partition: i32) -> &PartitionState {
        self.image.partition(topic, partition).unwrap()
    }

    /// What the leader of `topic` 0 would propose.
    pub(super) fn proposal(&self, topic: &str, isr: &[i32]) -> AlterPartition {
        let state = self.state(topic, 0);
        AlterPartition {
            topic_id: self.image.topics[topic].topic_id,
            partition: 0,
            leader_epoch: state.leader_epoch,
            partition_epoch: state.partition_epoch,
            new_isr: isr
                .iter()
                .map(|broker| (BrokerId(*broker), self.epoch(*broker)))
                .collect(),
        }
    }

    pub(super) fn propose(&mut self, sender: i32, proposal: AlterPartition) -> Result<PartitionState, ControllerError> {
        let request = ControllerRequest::AlterPartition {
            broker_id: BrokerId(sender),
            broker_epoch: self.epoch(sender),
            partitions: vec![proposal],
        };
        match self.ask(request)? {
            ControllerResponse::AlterPartition(mut results) => results.remove(0),
            other => panic!("{other:?}"),
        }
    }
}

/// What no decision may break.
fn check_partitions(before: &MetadataImage, after: &MetadataImage) {
    for topic in after.topics.values() {
        for (partition, state) in (0..).zip(&topic.partitions) {
            let name = format!("{}-{partition}: {state:?}", topic.name);
            let replicas: BTreeSet<_> = state.replicas.iter().collect();
            assert_eq!(replicas.len(), state.replicas.len(), "{name}");
            assert!(
                state.safe_replicas().next().is_some(),
                "somebody has the records: {name}"
            );
            assert!(
                state.safe_replicas().all(|member| state.replicas.contains(&member)),
                "{name}"
            );
            assert!(!state.elr.iter().any(|member| state.isr.contains(member)), "{name}");
            let min = after.min_insync_replicas(&topic.name, &BTreeMap::new());
            assert!(
                state.elr.is_empty() || state.isr.len() < state.required_isr(min),
                "the high watermark moves without the eligible: {name}"
            );
            if let Some(leader) = state.leader {
                assert!(state.isr.contains(&leader), "leaders are in sync: {name}");
                assert!(after.active_broker(leader).is_some(), "leaders serve: {name}");
                for member in &state.isr {
                    assert!(
                        after.active_broker(*member).is_some(),
                        "{member} does not serve: {name}"
                    );
                }
            } else {
                assert!(
                    !state
                        .safe_replicas()
                        .any(|member| after.active_broker(member).is_some()),
                    "somebody could lead: {name}"
                );
            }
            let old = before.topic_by_id(topic.topic_id);
            let Some(old) = old.and_then(|topic| topic.partitions.get(usize::try_from(partition).unwrap())) else {
                continue;
            };
            let grew = |old: i32, new: i32, by: bool| assert_eq!(new, old + i32::from(by), "{name}, before {old:?}");
            if old != state {
                assert!(state.partition_epoch > old.partition_epoch, "{name}, before {old:?}");
            }
            // One decision changes a leader once, except where a broker comes back and the old process is fenced first.
            if old.partition_epoch.0 + 1 == state.partition_epoch.0 {
                let is_gone = |replica: &BrokerId| !state.replicas.contains(replica);
                let has_new_epoch = old.leader != state.leader || old.replicas.iter().any(is_gone);
                grew(old.leader_epoch.0, state.leader_epoch.0, has_new_epoch);
            }
            assert!(state.leader_epoch >= old.leader_epoch, "{name}");
            // Only the in-sync have everything that was acknowledged: those of before, and who has just come with the
            // proposal that ends a reassignment.
            if let Some(leader) = state.leader.filter(|leader| old.leader != Some(*leader)) {
                let just_come = old.is_moving() && !state.is_moving() && old.replicas.contains(&leader);
                assert!(
                    old.safe_replicas().any(|member| member == leader) || just_come || may_be_unclean(before, old),
                    "unclean election: {name}, before {old:?}"
                );
            }
        }
    }
}

/// Where the cluster or the topic allows it, or nobody led, which an operator can end.
fn may_be_unclean(image: &MetadataImage, state: &PartitionState) -> bool {
    let allows = |values: &BTreeMap<String, String>| values.contains_key("unclean.leader.election.enable");
    image.configs.values().any(allows) || state.leader.is_none()
}

pub(super) fn topic(name: &str, partitions: i32, replication_factor: i16) -> NewTopic {
    NewTopic {
        name: name.to_owned(),
        partitions: Some(partitions),
        replication_factor: Some(replication_factor),
        assignments: None,
        configs: BTreeMap::new(),
    }
}

pub(super) fn assigned(name: &str, replicas: &[i32]) -> NewTopic {
    NewTopic {
        partitions: None,
        replication_factor: None,
        assignments: Some(vec![replicas.iter().copied().map(BrokerId).collect()]),
        ..topic(name, 0, 0)
    }
}

pub(super) fn ids(brokers: &[i32]) -> Vec<BrokerId> {
    brokers.iter().copied().map(BrokerId).collect()
}
