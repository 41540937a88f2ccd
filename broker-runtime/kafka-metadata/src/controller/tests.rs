//! What the controller decides, case by case.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::{
    ControllerEvent,
    testing::{Controller, assigned, ids, topic},
};
use crate::{
    BrokerEpoch, BrokerId, ConfigResource, LeaderEpoch, MetadataOffset, MetadataRecord, PartitionEpoch, ScramMechanism,
    instructions::{self, VOLUME_BYTES},
    mutations::{MutationBuckets, MutationLimit},
    rpc::{
        AlterConfigResource, AlterPartition, ConfigChange, ControllerError, ControllerRequest, ControllerResponse,
        NewPartitions, NewTopic,
    },
};

#[test]
fn a_broker_is_active_once_it_has_seen_its_own_registration() {
    let mut controller = Controller::new(1);
    controller.register(2, 20).unwrap();
    let early = ControllerRequest::Heartbeat {
        broker_id: BrokerId(2),
        broker_epoch: controller.epoch(2),
        applied: Some(MetadataOffset(controller.epoch(2).0 - 1)),
        want_shutdown: false,
    };
    assert!(matches!(
        controller.ask(early).unwrap(),
        ControllerResponse::Heartbeat { fenced: true, .. }
    ));
    assert!(controller.image.active_broker(BrokerId(2)).is_none());
    assert!(matches!(
        controller.beat(2, false).unwrap(),
        ControllerResponse::Heartbeat { fenced: false, .. }
    ));
    assert!(controller.image.active_broker(BrokerId(2)).is_some());
}

#[test]
fn registrations_are_told_apart_by_process() {
    let mut controller = Controller::new(2);
    let epoch = controller.epoch(1);
    // The same process on another connection.
    controller.register(1, 1).unwrap();
    assert_eq!(controller.epoch(1), epoch);
    assert_eq!(
        controller.register(1, 99).unwrap_err(),
        ControllerError::DuplicateBrokerRegistration(BrokerId(1))
    );
    // The machine has started anew, so the old process is gone.
    controller.register_from(1, 99, "another boot").unwrap();
    assert!(controller.epoch(1) > epoch);
    assert!(controller.image.active_broker(BrokerId(1)).is_none());
    // Whoever still speaks for the old registration is told so.
    let stale = ControllerRequest::AllocateProducerIds {
        broker_id: BrokerId(1),
        broker_epoch: epoch,
    };
    assert_eq!(
        controller.ask(stale).unwrap_err(),
        ControllerError::StaleBrokerEpoch(epoch)
    );
    let foreign = ControllerRequest::Register {
        broker_id: BrokerId(3),
        cluster_id: "another".to_owned(),
        incarnation_id: Uuid::nil(),
        boot_id: String::new(),
        log_dirs: Vec::new(),
        rack: None,
        endpoints: Vec::new(),
        metadata_from: MetadataOffset(0),
    };
    assert!(matches!(
        controller.ask(foreign),
        Err(ControllerError::InconsistentClusterId(_))
    ));
}

#[test]
fn leaders_come_from_the_isr_in_replica_order_and_the_last_member_stays_eligible() {
    let mut controller = Controller::new(3);
    controller.create(assigned("t", &[2, 3, 1])).unwrap();
    assert_eq!(
        (controller.state("t", 0).leader, controller.state("t", 0).leader_epoch.0),
        (Some(BrokerId(2)), 0)
    );
    controller.fence(2);
    assert_eq!(
        (controller.state("t", 0).leader, &controller.state("t", 0).isr),
        (Some(BrokerId(3)), &ids(&[3, 1]))
    );
    controller.fence(3);
    controller.fence(1);
    let state = controller.state("t", 0).clone();
    assert_eq!((state.leader, state.isr, state.elr), (None, ids(&[]), ids(&[1])));
    // 2 and 3 may have missed records that 1 has.
    for broker in [2, 3] {
        controller.beat(broker, false).unwrap();
        assert_eq!(controller.state("t", 0).leader, None);
    }
    controller.beat(1, false).unwrap();
    assert_eq!(
        (controller.state("t", 0).leader, &controller.state("t", 0).isr),
        (Some(BrokerId(1)), &ids(&[1]))
    );
}

#[test]
fn a_broker_that_stops_gives_up_its_leaderships_first() {
    let mut controller = Controller::new(3);
    controller.create(assigned("t", &[1, 2, 3])).unwrap();
    assert!(matches!(
        controller.beat(1, true).unwrap(),
        ControllerResponse::Heartbeat {
            should_shutdown: true,
            ..
        }
    ));
    assert_eq!(
        (controller.state("t", 0).leader, &controller.state("t", 0).isr),
        (Some(BrokerId(2)), &ids(&[2, 3]))
    );
    let before = controller.log.len();
    controller.beat(1, true).unwrap();
    assert_eq!(controller.log.len(), before, "asking again changes nothing");
}

#[test]
fn an_isr_is_a_compare_and_set_by_the_leader() {
    let mut controller = Controller::new(4);
    controller.create(assigned("t", &[1, 2, 3])).unwrap();
    let shrunk = controller.propose(1, controller.proposal("t", &[1, 3])).unwrap();
    assert_eq!(
        (shrunk.isr.clone(), shrunk.partition_epoch.0, shrunk.leader_epoch.0),
        (ids(&[1, 3]), 1, 0)
    );
    let good = controller.proposal("t", &[1, 2, 3]);
    let change = |change: fn(&mut AlterPartition)| {
        let mut proposal = good.clone();
        change(&mut proposal);
        proposal
    };
    let refusals = [
        (
            2,
            good.clone(),
            ControllerError::InvalidRequest("broker 2 does not lead t-0".to_owned()),
        ),
        (
            1,
            change(|it| it.partition_epoch = PartitionEpoch(0)),
            ControllerError::InvalidUpdateVersion(PartitionEpoch(0)),
        ),
        (
            1,
            change(|it| it.partition_epoch = PartitionEpoch(9)),
            ControllerError::NotController,
        ),
        (
            1,
            change(|it| it.leader_epoch = LeaderEpoch(9)),
            ControllerError::NotController,
        ),
        (
            1,
            change(|it| it.leader_epoch = LeaderEpoch(-1)),
            ControllerError::FencedLeaderEpoch(LeaderEpoch(-1)),
        ),
        (
            1,
            change(|it| it.new_isr[1].1 = BrokerEpoch(0)),
            ControllerError::IneligibleReplica(BrokerId(2)),
        ),
    ];
    for (sender, proposal, expected) in refusals {
        assert_eq!(controller.propose(sender, proposal), Err(expected));
    }
    for isr in [&[2, 3][..], &[1, 4], &[1, 3, 3]] {
        let proposal = controller.proposal("t", isr);
        assert!(
            matches!(controller.propose(1, proposal), Err(ControllerError::InvalidRequest(_))),
            "{isr:?}"
        );
    }
    controller.propose(1, good.clone()).unwrap();
    assert_eq!(controller.state("t", 0).isr, ids(&[1, 2, 3]));
    // A replica that was restarted since it fetched has lost its place.
    controller.propose(1, controller.proposal("t", &[1, 3])).unwrap();
    let stale = controller.proposal("t", &[1, 2, 3]);
    controller.fence(2);
    let fenced = controller.propose(1, stale.clone()).unwrap_err();
    assert_eq!(fenced, ControllerError::IneligibleReplica(BrokerId(2)));
    controller.register(2, 22).unwrap();
    controller.beat(2, false).unwrap();
    assert_eq!(
        controller.propose(1, stale),
        Err(ControllerError::IneligibleReplica(BrokerId(2)))
    );
}

#[test]
fn preferred_leaders_are_elected_when_they_can_lead() {
    let mut controller = Controller::new(3);
    controller.create(assigned("t", &[1, 2, 3])).unwrap();
    let elect = |controller: &mut Controller| {
        let request = ControllerRequest::ElectPreferredLeaders {
            partitions: Some(vec![("t".to_owned(), 0)]),
        };
        controller.results(request).remove(0)
    };
    assert_eq!(elect(&mut controller), Err(ControllerError::ElectionNotNeeded));
    controller.fence(1);
    assert_eq!(
        elect(&mut controller),
        Err(ControllerError::PreferredLeaderNotAvailable)
    );
    controller.beat(1, false).unwrap();
    assert_eq!(
        elect(&mut controller),
        Err(ControllerError::PreferredLeaderNotAvailable)
    );
    controller.propose(2, controller.proposal("t", &[1, 2, 3])).unwrap();
    elect(&mut controller).unwrap();
    assert_eq!(controller.state("t", 0).leader, Some(BrokerId(1)));
}

/// Who leads, and who is in sync.
fn leadership(controller: &Controller) -> (Option<BrokerId>, Vec<BrokerId>) {
    let state = controller.state("t", 0);
    (state.leader, state.isr.clone())
}

/// A topic whose only replica that may lead is gone.
fn with_a_lost_isr() -> Controller {
    let mut controller = Controller::new(3);
    controller.create(assigned("t", &[1, 2, 3])).unwrap();
    for broker in [2, 3, 1] {
        controller.fence(broker);
    }
    for broker in [2, 3] {
        controller.beat(broker, false).unwrap();
    }
    assert_eq!(
        leadership(&controller),
        (None, ids(&[])),
        "who is not in sync does not lead"
    );
    assert_eq!(controller.state("t", 0).elr, ids(&[1]));
    controller
}

fn allow_unclean(controller: &mut Controller, resource: ConfigResource) {
    let change = AlterConfigResource {
        resource,
        changes: vec![(
            "unclean.leader.election.enable".to_owned(),
            ConfigChange::Set("true".to_owned()),
        )],
    };
    let request = ControllerRequest::AlterConfigs {
        resources: vec![change],
        validate_only: false,
    };
    controller.results(request).remove(0).unwrap();
}

#[test]
fn who_is_not_in_sync_leads_where_the_topic_or_the_cluster_allows_it() {
    for resource in [ConfigResource::Topic("t".to_owned()), ConfigResource::Brokers] {
        let mut controller = with_a_lost_isr();
        let before = controller.state("t", 0).leader_epoch;
        allow_unclean(&mut controller, resource);
        assert_eq!(leadership(&controller), (Some(BrokerId(2)), ids(&[2])), "at once");
        assert_eq!(controller.state("t", 0).leader_epoch.0, before.0 + 1);
        controller.fence(2);
        assert_eq!(
            leadership(&controller),
            (Some(BrokerId(3)), ids(&[3])),
            "when the leader is gone"
        );
        controller.fence(3);
        assert_eq!(controller.state("t", 0).leader, None);
        controller.beat(1, false).unwrap();
        assert_eq!(
            leadership(&controller),
            (Some(BrokerId(1)), ids(&[1])),
            "when one is back"
        );
    }
}

#[test]
fn a_leader_that_is_not_in_sync_is_elected_when_an_operator_asks() {
    let mut controller = with_a_lost_isr();
    let elect = |controller: &mut Controller, topic: &str| {
        let request = ControllerRequest::ElectUncleanLeaders {
            partitions: Some(vec![(topic.to_owned(), 0)]),
        };
        controller.results(request).remove(0)
    };
    elect(&mut controller, "t").unwrap();
    assert_eq!(leadership(&controller), (Some(BrokerId(2)), ids(&[2])));
    assert_eq!(elect(&mut controller, "t"), Err(ControllerError::ElectionNotNeeded));
    controller.fence(2);
    controller.fence(3);
    assert_eq!(
        elect(&mut controller, "t"),
        Err(ControllerError::EligibleLeadersNotAvailable)
    );
    assert!(elect(&mut controller, "u").is_err());
}

#[test]
fn an_election_prefers_who_is_in_sync() {
    let mut controller = Controller::new(3);
    controller.create(assigned("t", &[1, 2, 3])).unwrap();
    allow_unclean(&mut controller, ConfigResource::Brokers);
    controller.propose(1, controller.proposal("t", &[1, 3])).unwrap();
    controller.fence(1);
    assert_eq!(leadership(&controller), (Some(BrokerId(3)), ids(&[3])));
}

#[test]
fn replicas_are_spread_over_brokers_and_zones() {
    let mut controller = Controller::new(6);
    controller.create(topic("t", 12, 3)).unwrap();
    let mut leaders: BTreeMap<BrokerId, i32> = BTreeMap::new();
    let mut replicas: BTreeMap<BrokerId, i32> = BTreeMap::new();
    for partition in 0..12 {
        let state = controller.state("t", partition);
        *leaders.entry(state.leader.unwrap()).or_default() += 1;
        let zones: BTreeSet<i32> = state.replicas.iter().map(|broker| broker.0 % 3).collect();
        assert_eq!(zones.len(), 3, "{state:?}");
        for broker in &state.replicas {
            *replicas.entry(*broker).or_default() += 1;
        }
    }
    assert_eq!(leaders.into_values().collect::<Vec<_>>(), [2; 6]);
    // Zones come first, so the last replicas may be off by one.
    assert!(replicas.values().all(|count| (5..=7).contains(count)), "{replicas:?}");
}

#[test]
fn topics_that_cannot_be_are_refused_and_leave_nothing() {
    let mut controller = Controller::new(3);
    controller.create(topic("a.b", 1, 1)).unwrap();
    let records = controller.log.len();
    let configured = |name: &str, value: &str| NewTopic {
        configs: BTreeMap::from([(name.to_owned(), value.to_owned())]),
        ..topic("t", 1, 1)
    };
    let refused = [
        (topic("a.b", 1, 1), "TopicAlreadyExists"),
        (topic("a_b", 1, 1), "InvalidTopic"),
        (topic("", 1, 1), "InvalidTopic"),
        (topic("a b", 1, 1), "InvalidTopic"),
        (topic("t", 0, 1), "InvalidPartitions"),
        (topic("t", 10_001, 1), "PolicyViolation"),
        (topic("t", 1, 4), "InvalidReplicationFactor"),
        (topic("t", 1, 0), "InvalidReplicationFactor"),
        (assigned("t", &[1, 1]), "InvalidReplicaAssignment"),
        (assigned("t", &[7]), "InvalidReplicaAssignment"),
        (assigned("t", &[]), "InvalidReplicaAssignment"),
        (configured("retention.mss", "1"), "InvalidConfig"),
        (configured("retention.ms", "soon"), "InvalidConfig"),
    ];
    for (topic, expected) in refused {
        let error = controller.create(topic).unwrap_err();
        assert!(format!("{error:?}").starts_with(expected), "{error:?}, not {expected}");
    }
    let trial = ControllerRequest::CreateTopics {
        topics: vec![topic("t", 1, 1)],
        validate_only: true,
    };
    assert!(matches!(controller.ask(trial).unwrap(), ControllerResponse::CreateTopics(results) if results[0].is_ok()));
    assert_eq!(controller.log.len(), records);
}

#[test]
fn partitions_are_added_and_never_taken() {
    let mut controller = Controller::new(3);
    controller.create(topic("t", 2, 3)).unwrap();
    let grow = |controller: &mut Controller, total| {
        let topics = vec![NewPartitions {
            name: "t".to_owned(),
            total,
            assignments: None,
        }];
        let request = ControllerRequest::CreatePartitions {
            topics,
            validate_only: false,
        };
        controller.results(request).remove(0)
    };
    for total in [-1, 0, 1, 2] {
        assert!(matches!(
            grow(&mut controller, total),
            Err(ControllerError::InvalidPartitions(_))
        ));
    }
    grow(&mut controller, 5).unwrap();
    assert_eq!(controller.image.topics["t"].partitions.len(), 5);
    assert_eq!(controller.state("t", 4).isr.len(), 3);
}

#[test]
fn what_could_only_be_ignored_is_refused_with_the_reason() {
    let mut controller = Controller::new(1);
    let mut set = |name: &str, value: &str| {
        let request = ControllerRequest::AlterConfigs {
            resources: vec![AlterConfigResource {
                resource: ConfigResource::Brokers,
                changes: vec![(name.to_owned(), ConfigChange::Set(value.to_owned()))],
            }],
            validate_only: false,
        };
        controller.results(request).remove(0)
    };
    let dynamic = "group.share.assignment.interval.ms";
    let refused = set(dynamic, "123");
    assert!(
        matches!(&refused, Err(ControllerError::InvalidConfig(reason)) if reason.contains("share groups")),
        "{refused:?}"
    );
    let default = server_properties::definition(dynamic).and_then(|it| it.default);
    assert_eq!(set(dynamic, default.unwrap()), Ok(()));
}

#[test]
fn a_deleted_topic_takes_its_configuration_along() {
    let mut controller = Controller::new(1);
    controller.create(topic("t", 1, 1)).unwrap();
    let resource = ConfigResource::Topic("t".to_owned());
    let set = |changes: &[(&str, ConfigChange)]| ControllerRequest::AlterConfigs {
        resources: vec![AlterConfigResource {
            resource: resource.clone(),
            changes: changes
                .iter()
                .map(|(name, change)| ((*name).to_owned(), change.clone()))
                .collect(),
        }],
        validate_only: false,
    };
    let good = ("retention.ms", ConfigChange::Set("5000".to_owned()));
    let bad = ("segment.bytes", ConfigChange::Set("few".to_owned()));
    assert!(controller.results(set(&[good.clone(), bad]))[0].is_err());
    assert_eq!(
        controller.image.dynamic_config(&resource),
        None,
        "as a whole or not at all"
    );
    let append = ("cleanup.policy", ConfigChange::Append("compact".to_owned()));
    assert_eq!(controller.results(set(&[good, append])), [Ok(())]);
    let config = controller.image.dynamic_config(&resource).unwrap();
    assert_eq!(config["cleanup.policy"], "delete,compact");
    let deletion = ControllerRequest::DeleteTopics {
        topics: vec!["t".to_owned(), "t".to_owned()],
    };
    let results = controller.results(deletion);
    assert!(results[0].is_ok() && results[1].is_err(), "{results:?}");
    controller.create(topic("t", 1, 1)).unwrap();
    assert_eq!(controller.image.dynamic_config(&resource), None);
}

#[test]
fn instructions_are_replaced_and_out_of_reach_of_clients() {
    let mut controller = Controller::new(1);
    let instruct = |entries: &[(&str, &str)]| ControllerRequest::Instruct {
        instructions: entries
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    };
    controller
        .ask(instruct(&[(VOLUME_BYTES, "5"), ("openmsk.other", "x")]))
        .unwrap();
    controller.ask(instruct(&[(VOLUME_BYTES, "7")])).unwrap();
    let applied = controller.image.applied;
    controller.ask(instruct(&[(VOLUME_BYTES, "7")])).unwrap();
    assert_eq!(controller.image.applied, applied, "the same again leaves no record");
    assert_eq!(instructions::number(&controller.image, VOLUME_BYTES), Some(7));
    assert_eq!(instructions::in_force(&controller.image).len(), 1);

    let alter = |name: &str, change| ControllerRequest::AlterConfigs {
        resources: vec![AlterConfigResource {
            resource: ConfigResource::Brokers,
            changes: vec![(name.to_owned(), change)],
        }],
        validate_only: false,
    };
    for change in [ConfigChange::Delete, ConfigChange::Set("1".to_owned())] {
        assert!(controller.results(alter(VOLUME_BYTES, change))[0].is_err());
    }
    let good = ConfigChange::Set("2".to_owned());
    assert_eq!(controller.results(alter("min.insync.replicas", good)), [Ok(())]);
    controller.ask(instruct(&[])).unwrap();
    assert_eq!(instructions::number(&controller.image, VOLUME_BYTES), None);
    let left = controller.image.dynamic_config(&ConfigResource::Brokers).unwrap();
    assert_eq!(left.len(), 1, "properties stay: {left:?}");
}

#[test]
fn producer_ids_are_never_given_out_twice() {
    let mut controller = Controller::new(2);
    let mut next = 0;
    for broker in [1, 2, 1] {
        let request = ControllerRequest::AllocateProducerIds {
            broker_id: BrokerId(broker),
            broker_epoch: controller.epoch(broker),
        };
        match controller.ask(request).unwrap() {
            ControllerResponse::ProducerIds { first, count } => {
                assert_eq!(first, next);
                next = first + i64::from(count);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn scram_credentials_are_set_once() {
    let mut controller = Controller::new(1);
    let credential = |iterations| MetadataRecord::ScramCredential {
        user: "app".to_owned(),
        mechanism: ScramMechanism::Sha512,
        salt: "c2FsdA==".to_owned(),
        iterations,
        stored_key: "a2V5".to_owned(),
        server_key: "a2V5".to_owned(),
    };
    let alter = |records| ControllerRequest::AlterScram { records };
    assert!(controller.ask(alter(vec![credential(4096), credential(4095)])).is_err());
    assert!(controller.image.scram.is_empty());
    let before = controller.log.len();
    for _ in 0..2 {
        controller.ask(alter(vec![credential(4096)])).unwrap();
        assert_eq!(controller.log.len(), before + 1);
    }
    let removal = MetadataRecord::ScramCredentialRemoved {
        user: "app".to_owned(),
        mechanism: ScramMechanism::Sha512,
    };
    controller.ask(alter(vec![removal])).unwrap();
    assert!(controller.image.scram.is_empty());
}

#[test]
fn what_is_beyond_the_allowance_of_a_client_is_refused() {
    let mut controller = Controller::new(3);
    let limit = MutationLimit {
        user: Some("a".to_owned()),
        client_id: None,
        rate: 1.0,
        burst: 4.0,
        strict: true,
    };
    let request = ControllerRequest::CreateTopics {
        topics: vec![
            topic("first", 3, 1),
            topic("bad", 1, 9),
            topic("second", 2, 1),
            topic("third", 1, 1),
        ],
        validate_only: false,
    };
    let allowance = MutationBuckets::default().allowance(&limit, 0);
    let answer = controller
        .event(ControllerEvent::Limited { request, allowance })
        .unwrap();
    let ControllerResponse::CreateTopics(results) = answer else {
        panic!("{answer:?}");
    };
    let made: Vec<bool> = results.iter().map(Result::is_ok).collect();
    assert_eq!(
        made,
        [true, false, true, false],
        "the second overdraws, the third finds nothing"
    );
    assert!(matches!(results[3], Err(ControllerError::ThrottlingQuotaExceeded)));
    assert!(!controller.image.topics.contains_key("third"));
}
