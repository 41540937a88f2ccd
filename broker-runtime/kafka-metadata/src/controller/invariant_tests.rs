//! What holds whatever is asked of the controller, in whatever order.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{
    eligible::MIN_INSYNC_REPLICAS,
    even_out,
    testing::{Controller, ids, topic},
};
use crate::{
    BrokerId, ConfigResource, MetadataImage,
    rpc::{
        AlterConfigResource, AlterPartition, ConfigChange, ControllerRequest, ControllerResponse, NewPartitions,
        Reassignment,
    },
};

#[derive(Clone, Debug)]
enum Step {
    Create {
        partitions: i32,
        factor: i16,
    },
    Delete {
        topic: usize,
    },
    Grow {
        topic: usize,
        total: i32,
    },
    Fence {
        broker: i32,
    },
    Restart {
        broker: i32,
    },
    Beat {
        broker: i32,
        want_shutdown: bool,
    },
    Propose {
        topic: usize,
        partition: usize,
        isr: Vec<i32>,
    },
    Reassign {
        topic: usize,
        partition: usize,
        target: Option<Vec<i32>>,
    },
    Retire {
        brokers: Vec<i32>,
    },
    Unregister {
        broker: i32,
    },
    EvenOut,
    ElectPreferred,
    MinInsync {
        topic: Option<usize>,
        value: u32,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let broker = 1..6_i32;
    prop_oneof![
        2 => (1..4, 1..4_i16).prop_map(|(partitions, factor)| Step::Create { partitions, factor }),
        1 => (0..4_usize).prop_map(|topic| Step::Delete { topic }),
        1 => (0..4_usize, 1..6).prop_map(|(topic, total)| Step::Grow { topic, total }),
        4 => broker.clone().prop_map(|broker| Step::Fence { broker }),
        3 => broker.clone().prop_map(|broker| Step::Restart { broker }),
        6 => (broker.clone(), prop::bool::weighted(0.2))
            .prop_map(|(broker, want_shutdown)| Step::Beat { broker, want_shutdown }),
        4 => (0..4_usize, 0..4_usize, prop::option::weighted(0.8, prop::collection::vec(broker.clone(), 0..4)))
            .prop_map(|(topic, partition, target)| Step::Reassign { topic, partition, target }),
        1 => prop::collection::vec(broker.clone(), 0..3).prop_map(|brokers| Step::Retire { brokers }),
        1 => broker.clone().prop_map(|broker| Step::Unregister { broker }),
        1 => Just(Step::EvenOut),
        8 => (0..4_usize, 0..4_usize, prop::collection::vec(broker, 1..4))
            .prop_map(|(topic, partition, isr)| Step::Propose { topic, partition, isr }),
        1 => Just(Step::ElectPreferred),
        2 => (prop::option::of(0..4_usize), 1..4_u32).prop_map(|(topic, value)| Step::MinInsync { topic, value }),
    ]
}

fn carry_out(controller: &mut Controller, step: &Step, number: usize) {
    let mut names: Vec<String> = controller.image.topics.keys().cloned().collect();
    names.sort();
    let name = |at: usize| {
        names
            .get(at % names.len().max(1))
            .cloned()
            .unwrap_or_else(|| "none".to_owned())
    };
    // Refusals are expected; what counts is what a decision does.
    let _ = match step {
        Step::Create { partitions, factor } => controller
            .create(topic(&format!("topic-{number}"), *partitions, *factor))
            .map(|()| ControllerResponse::Done),
        Step::Delete { topic } => controller.ask(ControllerRequest::DeleteTopics {
            topics: vec![name(*topic)],
        }),
        Step::Grow { topic, total } => controller.ask(ControllerRequest::CreatePartitions {
            topics: vec![NewPartitions {
                name: name(*topic),
                total: *total,
                assignments: None,
            }],
            validate_only: false,
        }),
        Step::Fence { broker } => {
            controller.fence(*broker);
            return;
        }
        Step::Restart { broker } => controller.register(*broker, u128::try_from(number).unwrap() + 1000),
        Step::Beat { broker, want_shutdown } => controller.beat(*broker, *want_shutdown),
        Step::Reassign {
            topic,
            partition,
            target,
        } => controller.ask(ControllerRequest::AlterReassignments {
            reassignments: vec![Reassignment {
                topic: name(*topic),
                partition: i32::try_from(*partition).unwrap(),
                target: target.as_deref().map(ids),
            }],
        }),
        Step::Retire { brokers } => controller.ask(ControllerRequest::RetireBrokers {
            broker_ids: ids(brokers),
        }),
        Step::Unregister { broker } => controller.ask(ControllerRequest::UnregisterBroker {
            broker_id: BrokerId(*broker),
        }),
        Step::EvenOut => controller.ask(ControllerRequest::AlterReassignments {
            reassignments: even_out(&controller.image).unwrap_or_default(),
        }),
        Step::MinInsync { topic, value } => {
            let resource = topic.map_or(ConfigResource::Brokers, |topic| ConfigResource::Topic(name(topic)));
            controller.ask(ControllerRequest::AlterConfigs {
                resources: vec![AlterConfigResource {
                    resource,
                    changes: vec![(MIN_INSYNC_REPLICAS.to_owned(), ConfigChange::Set(value.to_string()))],
                }],
                validate_only: false,
            })
        }
        Step::ElectPreferred => controller.ask(ControllerRequest::ElectPreferredLeaders { partitions: None }),
        Step::Propose { topic, partition, isr } => {
            propose(controller, &name(*topic), *partition, isr);
            return;
        }
    };
}

/// The leader of a partition proposes some of its replicas.
fn propose(controller: &mut Controller, topic: &str, partition: usize, isr: &[i32]) {
    let Some(topic) = controller.image.topics.get(topic).cloned() else {
        return;
    };
    let index = partition % topic.partitions.len();
    let state = &topic.partitions[index];
    let Some(leader) = state.leader else {
        return;
    };
    let members = isr
        .iter()
        .copied()
        .chain([leader.0])
        .filter(|id| state.replicas.contains(&BrokerId(*id)));
    let members: BTreeSet<i32> = members.collect();
    let proposal = AlterPartition {
        topic_id: topic.topic_id,
        partition: i32::try_from(index).unwrap(),
        leader_epoch: state.leader_epoch,
        partition_epoch: state.partition_epoch,
        new_isr: members
            .iter()
            .map(|id| (BrokerId(*id), controller.epoch(*id)))
            .collect(),
    };
    let _ = controller.propose(leader.0, proposal);
}

proptest! {
    /// `Controller::event` checks after each decision; the log rebuilds the image at the end.
    #[test]
    fn whatever_happens_the_invariants_hold(steps in prop::collection::vec(step(), 1..80)) {
        let mut controller = Controller::new(5);
        for (number, step) in steps.iter().enumerate() {
            carry_out(&mut controller, step, number);
        }
        let mut replayed = MetadataImage::default();
        for record in &controller.log {
            replayed.apply(replayed.next_offset(), record);
        }
        prop_assert_eq!(replayed, controller.image);
    }
}
