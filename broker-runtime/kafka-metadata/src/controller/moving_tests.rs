//! Moving replicas: what a reassignment goes through, and where the plan wants everything.

use std::collections::BTreeMap;

use super::{
    even_out, replicate,
    testing::{Controller, assigned, ids, topic},
};
use crate::{
    BrokerId, LeaderEpoch,
    rpc::{ControllerError, ControllerRequest, Reassignment},
};

impl Controller {
    fn reassign(&mut self, topic: &str, target: Option<&[i32]>) -> Result<(), ControllerError> {
        let reassignments = vec![Reassignment {
            topic: topic.to_owned(),
            partition: 0,
            target: target.map(ids),
        }];
        self.results(ControllerRequest::AlterReassignments { reassignments })
            .remove(0)
    }

    fn retire(&mut self, brokers: &[i32]) {
        self.ask(ControllerRequest::RetireBrokers {
            broker_ids: ids(brokers),
        })
        .unwrap();
    }

    /// Carries a plan out: every new replica comes into sync at once.
    fn even_out(&mut self) {
        for _ in 0..100 {
            let plan = even_out(&self.image).unwrap();
            if plan.is_empty() {
                return;
            }
            let results = self.results(ControllerRequest::AlterReassignments { reassignments: plan });
            assert!(results.iter().all(Result::is_ok), "{results:?}");
            self.catch_up();
        }
        panic!("the plan never ends: {:?}", even_out(&self.image));
    }

    /// Gives a topic another number of replicas, which come into sync at once.
    fn replicate(&mut self, topic: &str, factor: usize) {
        let reassignments = replicate(&self.image, topic, factor).unwrap();
        let results = self.results(ControllerRequest::AlterReassignments { reassignments });
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        self.catch_up();
        assert_eq!(replicate(&self.image, topic, factor), Some(Vec::new()));
    }

    /// Leaders propose everybody.
    fn catch_up(&mut self) {
        let names: Vec<String> = self.image.topics.keys().cloned().collect();
        for name in names {
            for index in 0..self.image.topics[&name].partitions.len() {
                let index = i32::try_from(index).unwrap();
                let state = self.state(&name, index).clone();
                let isr: Vec<i32> = state.replicas.iter().map(|replica| replica.0).collect();
                let mut proposal = self.proposal(&name, &isr);
                (proposal.partition, proposal.leader_epoch) = (index, state.leader_epoch);
                proposal.partition_epoch = state.partition_epoch;
                self.propose(state.leader.unwrap().0, proposal).unwrap();
            }
        }
    }

    /// Replicas and preferred leaderships by broker.
    fn loads(&self) -> (BTreeMap<BrokerId, usize>, BTreeMap<BrokerId, usize>) {
        let (mut replicas, mut leaders) = (BTreeMap::new(), BTreeMap::new());
        for state in self.image.topics.values().flat_map(|topic| &topic.partitions) {
            assert!(!state.is_moving(), "{state:?}");
            for replica in &state.replicas {
                *replicas.entry(*replica).or_default() += 1;
            }
            *leaders.entry(state.replicas[0]).or_default() += 1;
        }
        (replicas, leaders)
    }
}

fn spread(loads: &BTreeMap<BrokerId, usize>) -> usize {
    loads.values().max().unwrap() - loads.values().min().unwrap()
}

#[test]
fn new_replica_joins_at_once_and_the_old_one_goes_when_it_is_in_sync() {
    let mut controller = Controller::new(4);
    controller.create(assigned("t", &[1, 2, 3])).unwrap();
    controller.reassign("t", Some(&[1, 2, 4])).unwrap();
    let state = controller.state("t", 0).clone();
    assert_eq!((state.replicas, state.isr), (ids(&[1, 2, 4, 3]), ids(&[1, 2, 3])));
    assert_eq!((state.adding, state.removing), (ids(&[4]), ids(&[3])));
    // Not before it is in sync.
    let proposal = controller.proposal("t", &[1, 2]);
    let still = controller.propose(1, proposal).unwrap();
    assert!(still.is_moving() && still.replicas.contains(&BrokerId(3)));
    let proposal = controller.proposal("t", &[1, 2, 4]);
    let done = controller.propose(1, proposal).unwrap();
    assert_eq!((done.replicas, done.isr), (ids(&[1, 2, 4]), ids(&[1, 2, 4])));
    assert_eq!(
        (done.leader, done.leader_epoch),
        (Some(BrokerId(1)), LeaderEpoch(1)),
        "3 is no replica any more"
    );
    assert!(done.adding.is_empty() && done.removing.is_empty());
}

#[test]
fn leadership_goes_with_its_holder() {
    let mut controller = Controller::new(4);
    controller.create(assigned("t", &[1, 2, 3])).unwrap();
    controller.reassign("t", Some(&[4, 2, 3])).unwrap();
    let proposal = controller.proposal("t", &[1, 2, 3, 4]);
    let done = controller.propose(1, proposal).unwrap();
    assert_eq!((done.replicas, done.isr), (ids(&[4, 2, 3]), ids(&[4, 2, 3])));
    // One that was in sync before comes first; the preferred one follows by election.
    assert_eq!((done.leader, done.leader_epoch), (Some(BrokerId(2)), LeaderEpoch(1)));
}

#[test]
fn reassignments_are_taken_back_and_changed() {
    let mut controller = Controller::new(4);
    controller.create(assigned("t", &[1, 2, 3])).unwrap();
    assert_eq!(
        controller.reassign("t", None),
        Err(ControllerError::NoReassignmentInProgress)
    );
    controller.reassign("t", Some(&[4, 2, 3])).unwrap();
    controller.reassign("t", None).unwrap();
    let state = controller.state("t", 0).clone();
    // In the order that they had beside the new one, as in Kafka.
    assert_eq!((state.replicas.clone(), state.is_moving()), (ids(&[2, 3, 1]), false));
    controller.reassign("t", Some(&[4, 2, 3])).unwrap();
    controller.reassign("t", Some(&[3, 2, 1])).unwrap();
    let state = controller.state("t", 0).clone();
    assert_eq!((state.replicas, state.adding), (ids(&[3, 2, 1]), ids(&[])));
    for (target, problem) in [
        (&[][..], "empty"),
        (&[9], "no such broker"),
        (&[1, 1], "more than once"),
    ] {
        let error = controller.reassign("t", Some(target)).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
}

#[test]
fn replication_factors_are_changed_too() {
    let mut controller = Controller::new(4);
    controller.create(assigned("t", &[1, 2, 3])).unwrap();
    controller.reassign("t", Some(&[2])).unwrap();
    let state = controller.state("t", 0).clone();
    assert_eq!(
        (state.replicas, state.isr, state.leader),
        (ids(&[2]), ids(&[2]), Some(BrokerId(2)))
    );
    controller.reassign("t", Some(&[2, 3, 4])).unwrap();
    controller.catch_up();
    assert_eq!(controller.state("t", 0).isr, ids(&[2, 3, 4]));
}

#[test]
fn a_partition_keeps_its_old_replicas_while_no_one_who_stays_serves() {
    let mut controller = Controller::new(3);
    controller.create(assigned("t", &[1])).unwrap();
    controller.reassign("t", Some(&[2])).unwrap();
    controller.fence(2);
    assert_eq!(controller.state("t", 0).leader, Some(BrokerId(1)));
    assert!(controller.state("t", 0).is_moving());
}

#[test]
fn brokers_that_go_are_emptied_and_those_that_come_are_filled() {
    let mut controller = Controller::new(3);
    controller.create(topic("one", 12, 3)).unwrap();
    controller.create(topic("two", 7, 1)).unwrap();
    for broker in 4..=6 {
        controller.register(broker, u128::try_from(broker).unwrap()).unwrap();
        controller.beat(broker, false).unwrap();
    }
    controller.even_out();
    let (replicas, leaders) = controller.loads();
    assert_eq!(replicas.len(), 6);
    assert!(spread(&replicas) <= 1, "{replicas:?}");
    assert!(spread(&leaders) <= 1, "{leaders:?}");
    for state in controller.image.topics.values().flat_map(|topic| &topic.partitions) {
        let zones: Vec<i32> = state.replicas.iter().map(|replica| replica.0 % 3).collect();
        let distinct: std::collections::BTreeSet<_> = zones.iter().collect();
        assert_eq!(
            distinct.len(),
            zones.len(),
            "every replica in a zone of its own: {state:?}"
        );
    }
    controller.retire(&[4, 5, 6]);
    controller.create(topic("new", 6, 3)).unwrap();
    assert!(
        controller
            .ask(ControllerRequest::UnregisterBroker { broker_id: BrokerId(6) })
            .is_err()
    );
    controller.even_out();
    let (replicas, leaders) = controller.loads();
    assert_eq!(replicas.keys().copied().collect::<Vec<_>>(), ids(&[1, 2, 3]));
    assert!(
        spread(&replicas) <= 1 && spread(&leaders) <= 1,
        "{replicas:?} {leaders:?}"
    );
    for broker in 4..=6 {
        controller
            .ask(ControllerRequest::UnregisterBroker {
                broker_id: BrokerId(broker),
            })
            .unwrap();
    }
    assert_eq!(controller.image.brokers.len(), 3);
    assert!(
        even_out(&controller.image).unwrap().is_empty(),
        "a plan that is carried out is empty"
    );
}

#[test]
fn more_replicas_than_brokers_cannot_be_planned() {
    let mut controller = Controller::new(3);
    controller.create(topic("t", 1, 3)).unwrap();
    controller.retire(&[3]);
    assert_eq!(even_out(&controller.image), None);
    controller.retire(&[]);
    assert_eq!(even_out(&controller.image), Some(Vec::new()));
}

#[test]
fn more_replicas_are_spread_and_fewer_leave_leaders_and_zones() {
    let mut controller = Controller::new(6);
    controller.create(topic("t", 12, 1)).unwrap();
    controller.create(topic("other", 5, 2)).unwrap();
    let leaders = |controller: &Controller| {
        let partitions = controller.image.topics["t"].partitions.iter();
        partitions.map(|state| state.leader).collect::<Vec<_>>()
    };
    let led_before = leaders(&controller);
    for factor in [3, 2, 6, 3, 1] {
        controller.replicate("t", factor);
        assert_eq!(leaders(&controller), led_before, "leaders stay: {factor}");
        let mut replicas: BTreeMap<BrokerId, usize> = BTreeMap::new();
        for state in &controller.image.topics["t"].partitions {
            assert!(state.has_replicas(factor) && state.isr.len() == factor, "{state:?}");
            let zones: std::collections::BTreeSet<i32> = state.replicas.iter().map(|id| id.0 % 3).collect();
            assert_eq!(zones.len(), factor.min(3), "{state:?}");
            for id in &state.replicas {
                *replicas.entry(*id).or_default() += 1;
            }
        }
        assert!(spread(&replicas) <= 2, "{factor}: {replicas:?}");
    }
    assert_eq!(
        replicate(&controller.image, "t", 7),
        None,
        "more than there are brokers"
    );
    assert_eq!(replicate(&controller.image, "gone", 1), None);
    controller.retire(&[6]);
    assert_eq!(replicate(&controller.image, "t", 6), None, "one of them is to go");
}

#[test]
fn what_is_not_in_sync_goes_first_and_comes_last() {
    let mut controller = Controller::new(5);
    controller.create(assigned("t", &[1, 2, 3])).unwrap();
    controller.fence(2);
    controller.fence(4);
    let target = |controller: &Controller, factor| replicate(&controller.image, "t", factor).unwrap()[0].target.clone();
    assert_eq!(target(&controller, 2), Some(ids(&[1, 3])));
    assert_eq!(target(&controller, 4), Some(ids(&[1, 2, 3, 5])));
    assert_eq!(target(&controller, 5), Some(ids(&[1, 2, 3, 5, 4])));
}

#[test]
fn another_number_of_replicas_is_taken_up_where_it_was_left() {
    let mut controller = Controller::new(4);
    controller.create(assigned("t", &[1])).unwrap();
    controller.reassign("t", Some(&[1, 2, 3])).unwrap();
    assert!(!controller.state("t", 0).has_replicas(3) && !controller.state("t", 0).has_replicas(1));
    assert_eq!(
        replicate(&controller.image, "t", 3),
        Some(Vec::new()),
        "they are on their way"
    );
    // New partitions get what is on its way, too.
    controller
        .ask(ControllerRequest::CreatePartitions {
            topics: vec![crate::rpc::NewPartitions {
                name: "t".to_owned(),
                total: 2,
                assignments: None,
            }],
            validate_only: false,
        })
        .unwrap();
    assert_eq!(controller.state("t", 1).replicas.len(), 3);
    // Somebody has thought better of it.
    controller.replicate("t", 1);
    assert_eq!(controller.state("t", 0).replicas, ids(&[1]));
}

#[test]
fn a_partition_that_moves_gets_no_replica_more_in_a_new_partition() {
    let mut controller = Controller::new(4);
    controller.create(assigned("t", &[1, 2])).unwrap();
    controller.reassign("t", Some(&[1, 3])).unwrap();
    assert!(controller.state("t", 0).has_replicas(2));
    controller
        .ask(ControllerRequest::CreatePartitions {
            topics: vec![crate::rpc::NewPartitions {
                name: "t".to_owned(),
                total: 2,
                assignments: None,
            }],
            validate_only: false,
        })
        .unwrap();
    assert_eq!(controller.state("t", 1).replicas.len(), 2);
}
