//! Who may lead beside the ISR.

use super::testing::{Controller, assigned, ids};
use crate::{
    BrokerId, ConfigResource, PartitionState,
    rpc::{AlterConfigResource, ConfigChange, ControllerError, ControllerRequest, Reassignment},
};

fn set_min_insync(controller: &mut Controller, resource: ConfigResource, value: &str) -> Result<(), ControllerError> {
    let change = ("min.insync.replicas".to_owned(), ConfigChange::Set(value.to_owned()));
    let request = ControllerRequest::AlterConfigs {
        resources: vec![AlterConfigResource {
            resource,
            changes: vec![change],
        }],
        validate_only: false,
    };
    controller.results(request).remove(0)
}

fn topic() -> ConfigResource {
    ConfigResource::Topic("t".to_owned())
}

/// Three brokers that all have the topic, of which two have to be in sync.
fn controller() -> Controller {
    let mut controller = Controller::new(4);
    controller.create(assigned("t", &[1, 2, 3])).unwrap();
    set_min_insync(&mut controller, topic(), "2").unwrap();
    controller
}

fn seen(state: &PartitionState) -> (Option<i32>, Vec<BrokerId>, Vec<BrokerId>) {
    (
        state.leader.map(|leader| leader.0),
        state.isr.clone(),
        state.elr.clone(),
    )
}

#[test]
fn whoever_leaves_an_isr_that_is_too_small_may_lead_later() {
    let mut controller = controller();
    controller.fence(3);
    assert_eq!(
        seen(controller.state("t", 0)),
        (Some(1), ids(&[1, 2]), ids(&[])),
        "enough are left"
    );
    controller.fence(2);
    assert_eq!(seen(controller.state("t", 0)), (Some(1), ids(&[1]), ids(&[2])));
    controller.fence(1);
    assert_eq!(seen(controller.state("t", 0)), (None, ids(&[]), ids(&[1, 2])));
    controller.beat(3, false).unwrap();
    assert_eq!(
        controller.state("t", 0).leader,
        None,
        "3 may have missed what 1 and 2 have"
    );
    controller.beat(2, false).unwrap();
    assert_eq!(seen(controller.state("t", 0)), (Some(2), ids(&[2]), ids(&[1])));
    let proposal = controller.proposal("t", &[2, 3]);
    let joined = controller.propose(2, proposal).unwrap();
    assert_eq!(
        seen(&joined),
        (Some(2), ids(&[2, 3]), ids(&[])),
        "the others fall behind from now on"
    );
}

#[test]
fn a_leader_that_shrinks_the_isr_is_told_who_may_lead_beside_it() {
    let mut controller = controller();
    let proposal = controller.proposal("t", &[1]);
    let shrunk = controller.propose(1, proposal).unwrap();
    assert_eq!(seen(&shrunk), (Some(1), ids(&[1]), ids(&[2, 3])));
    assert_eq!(&shrunk, controller.state("t", 0));
    controller.fence(1);
    assert_eq!(seen(controller.state("t", 0)), (Some(2), ids(&[2]), ids(&[1, 3])));
}

#[test]
fn nobody_is_eligible_any_more_once_fewer_have_to_be_in_sync() {
    for resource in [topic(), ConfigResource::Brokers] {
        let mut controller = controller();
        if resource == ConfigResource::Brokers {
            let delete = ("min.insync.replicas".to_owned(), ConfigChange::Delete);
            set_min_insync(&mut controller, ConfigResource::Brokers, "2").unwrap();
            let request = ControllerRequest::AlterConfigs {
                resources: vec![AlterConfigResource {
                    resource: topic(),
                    changes: vec![delete],
                }],
                validate_only: false,
            };
            controller.results(request).remove(0).unwrap();
        }
        controller.fence(3);
        controller.fence(2);
        let before = controller.state("t", 0).clone();
        assert_eq!(before.elr, ids(&[2]));
        set_min_insync(&mut controller, resource, "1").unwrap();
        let after = controller.state("t", 0);
        assert_eq!(seen(after), (Some(1), ids(&[1]), ids(&[])));
        assert_eq!(
            (after.partition_epoch.0, after.leader_epoch),
            (before.partition_epoch.0 + 1, before.leader_epoch)
        );
    }
}

#[test]
fn one_broker_has_no_number_of_its_own() {
    let mut controller = controller();
    let refused = set_min_insync(&mut controller, ConfigResource::Broker(BrokerId(1)), "1");
    assert!(matches!(refused, Err(ControllerError::InvalidConfig(_))), "{refused:?}");
}

#[test]
fn a_reassignment_keeps_whoever_may_lead() {
    let mut controller = controller();
    for broker in [3, 2, 1] {
        controller.fence(broker);
    }
    let reassign = |target: Option<&[i32]>| ControllerRequest::AlterReassignments {
        reassignments: vec![Reassignment {
            topic: "t".to_owned(),
            partition: 0,
            target: target.map(ids),
        }],
    };
    controller.results(reassign(Some(&[4]))).remove(0).unwrap();
    let state = controller.state("t", 0).clone();
    assert_eq!(seen(&state), (None, ids(&[]), ids(&[1, 2])));
    assert_eq!((state.replicas, state.removing), (ids(&[4, 1, 2, 3]), ids(&[1, 2, 3])));
    controller.results(reassign(None)).remove(0).unwrap();
    assert_eq!(controller.state("t", 0).replicas, ids(&[1, 2, 3]));
    controller.beat(1, false).unwrap();
    assert_eq!(controller.state("t", 0).leader, Some(BrokerId(1)));
}

#[test]
fn a_broker_with_another_disk_does_not_lead_where_others_have_everything() {
    let mut controller = controller();
    for broker in [3, 2, 1] {
        controller.fence(broker);
    }
    assert_eq!(seen(controller.state("t", 0)), (None, ids(&[]), ids(&[1, 2])));
    controller.register_with(2, 22, "boot", &[2, 20]).unwrap();
    assert_eq!(
        seen(controller.state("t", 0)),
        (None, ids(&[]), ids(&[1, 2])),
        "a disk more is no disk less"
    );
    controller.register_with(2, 23, "boot", &[]).unwrap();
    controller.register_with(2, 24, "boot", &[200]).unwrap();
    assert_eq!(
        seen(controller.state("t", 0)),
        (None, ids(&[]), ids(&[1, 2])),
        "nothing was known of the one before"
    );
    controller.register_with(2, 25, "boot", &[201]).unwrap();
    assert_eq!(seen(controller.state("t", 0)), (None, ids(&[]), ids(&[1])));
    controller.beat(2, false).unwrap();
    assert_eq!(controller.state("t", 0).leader, None);
    controller.register_with(1, 11, "boot", &[100]).unwrap();
    controller.beat(1, false).unwrap();
    assert_eq!(
        seen(controller.state("t", 0)),
        (Some(1), ids(&[1]), ids(&[])),
        "nobody else is known to have anything"
    );
}

#[test]
fn a_disk_is_asked_for_before_the_old_process_is_known_to_be_dead() {
    let mut controller = controller();
    let proposal = controller.proposal("t", &[1]);
    controller.propose(1, proposal).unwrap();
    assert_eq!(seen(controller.state("t", 0)), (Some(1), ids(&[1]), ids(&[2, 3])));
    // Another boot id proves that the process before is gone.
    controller.register_with(1, 11, "after", &[100]).unwrap();
    let state = controller.state("t", 0);
    assert_eq!(seen(state), (Some(2), ids(&[2]), ids(&[3])), "{state:?}");
}
