//! Clusters from request to end, against an engine that does what a test tells it.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use clock::{ManualClock, SystemClock};
use control_plane_api::{
    SecretText,
    clusters::CreateClusterRequest,
    configurations::CreateConfigurationRequest,
    extensions::UpdateEngineRequest,
    secrets_manager::CreateSecretRequest,
    updates::{RebootBrokerRequest, UpdateBrokerCountRequest},
};
use engine::{Progress, Step};
use host_link::{HostEntry, Standing};
use hosts::{HostFacts, HostState};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    arn::{ROOT_ACCOUNT, Scope},
    error::OperationError,
    operations, queries, reconcilers,
    services::Services,
    store::{HostRecord, SecretBox, Store},
};

mod scripted_engine;

pub(crate) use scripted_engine::ScriptedEngine;

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(20);

fn attempt(token: &str) -> operations::Attempt {
    operations::Attempt {
        idempotency_token: Some(token.to_owned()),
        validate_only: false,
    }
}

/// A data directory, an engine, and the control plane of the moment.
struct Stage {
    folder: tempfile::TempDir,
    engine: Arc<ScriptedEngine>,
}

struct Running {
    services: Arc<Services>,
    until: CancellationToken,
}

impl Stage {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            engine: Arc::default(),
        }
    }

    fn start(&self) -> Running {
        let path = self.folder.path();
        let services = Arc::new(Services::new(
            Store::open(&path.join("state.db")).unwrap(),
            SecretBox::open(&path.join("encryption.key")).unwrap(),
            self.engine.clone(),
            fleet(path),
            Arc::new(SystemClock),
            "0".to_owned(),
        ));
        let until = CancellationToken::new();
        tokio::spawn(reconcilers::run(Arc::clone(&services), until.clone()));
        Running { services, until }
    }
}

impl Running {
    async fn state(&self, arn: &str) -> Option<String> {
        match queries::describe_cluster(&self.services, arn).await {
            Ok(cluster) => Some(cluster.state),
            Err(OperationError::NotFound(_)) => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// The ARN of a cluster that is there.
    async fn orders(&self) -> String {
        let created =
            operations::create_cluster(&self.services, &world(), orders(), operations::Attempt::default()).await;
        let arn = created.unwrap().cluster_arn;
        self.until(&arn, Some("ACTIVE")).await;
        arn
    }

    async fn until(&self, arn: &str, wanted: Option<&str>) {
        let mut changed = self.services.changed();
        let wait = async {
            while self.state(arn).await.as_deref() != wanted {
                changed.changed().await.unwrap();
            }
        };
        tokio::time::timeout(LIMIT, wait).await.expect("state is reached");
    }
}

/// The account of the runtime, in the usual region.
fn fleet(path: &std::path::Path) -> Arc<host_link::RemoteFleet> {
    Arc::new(host_link::RemoteFleet::new(path.join("fleet"), Arc::new(SystemClock)))
}

fn world() -> Scope {
    Scope {
        account: ROOT_ACCOUNT.to_owned(),
        region: "us-east-1".to_owned(),
    }
}

fn orders() -> CreateClusterRequest {
    CreateClusterRequest {
        cluster_name: "orders".to_owned(),
        number_of_broker_nodes: 3,
        ..CreateClusterRequest::default()
    }
}

#[tokio::test]
async fn cluster_is_made_grown_shrunk_and_deleted() {
    let stage = Stage::new();
    let running = stage.start();
    let services = &running.services;
    let arn = operations::create_cluster(services, &world(), orders(), operations::Attempt::default())
        .await
        .unwrap()
        .cluster_arn;
    running.until(&arn, Some("ACTIVE")).await;
    let version = queries::describe_cluster(services, &arn).await.unwrap().current_version;
    let scale = |current_version: &str, brokers| UpdateBrokerCountRequest {
        current_version: current_version.to_owned(),
        target_number_of_broker_nodes: brokers,
    };
    for (version, brokers) in [("K0", 5), (version.as_str(), 0), (version.as_str(), 3)] {
        let refused = operations::update_broker_count(services, &arn, scale(version, brokers)).await;
        assert!(
            matches!(refused, Err(OperationError::InvalidRequest { .. })),
            "{version} {brokers}"
        );
    }
    let mut version = version;
    for (brokers, operation_type) in [(5, "INCREASE_BROKER_COUNT"), (2, "DECREASE_BROKER_COUNT")] {
        let update = operations::update_broker_count(services, &arn, scale(&version, brokers))
            .await
            .unwrap();
        running.until(&arn, Some("ACTIVE")).await;
        let operation = queries::describe_cluster_operation(services, &update.cluster_operation_arn)
            .await
            .unwrap();
        assert_eq!(operation.operation_state, "UPDATE_COMPLETE");
        assert_eq!(operation.operation_type, operation_type);
        let spec = stage.engine.clusters.lock().values().next().unwrap().clone();
        assert_eq!(i64::from(spec.broker_count), brokers);
        let info = queries::describe_cluster(services, &arn).await.unwrap();
        assert_ne!(info.current_version, version);
        assert_eq!(info.number_of_broker_nodes, brokers);
        version = info.current_version;
    }
    operations::delete_cluster(services, &arn, None).await.unwrap();
    running.until(&arn, None).await;
    assert!(stage.engine.clusters.lock().is_empty());
    running.until.cancel();
}

#[tokio::test]
async fn a_rolling_restart_that_nobody_asked_for_is_maintenance() {
    let stage = Stage::new();
    let running = stage.start();
    let arn = running.orders().await;
    let describe = async || queries::describe_cluster(&running.services, &arn).await.unwrap();
    *stage.engine.progress.lock() = Some(Progress {
        done: 1,
        total: 3,
        ..Progress::begun(Step::RestartBrokers)
    });
    let rolling = describe().await;
    assert_eq!(rolling.state, "MAINTENANCE");
    let info = rolling.state_info.unwrap();
    assert_eq!(info.code, "ROLLING_RESTART");
    assert!(info.message.contains("1 of 3"), "{}", info.message);
    *stage.engine.progress.lock() = Some(Progress::begun(Step::MoveData));
    assert_eq!(describe().await.state, "ACTIVE");
    *stage.engine.progress.lock() = None;
    assert_eq!(describe().await.state, "ACTIVE");
    running.until.cancel();
}

#[tokio::test]
async fn a_reboot_is_an_operation_on_one_broker() {
    let stage = Stage::new();
    let running = stage.start();
    let arn = running.orders().await;
    let version = queries::describe_cluster(&running.services, &arn)
        .await
        .unwrap()
        .current_version;
    let reboot = |ids: &[&str]| RebootBrokerRequest {
        broker_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
    };
    for wrong in [&[][..], &["1", "2"], &["0"], &["4"], &["b-1"]] {
        let refused = operations::reboot_broker(&running.services, &arn, &reboot(wrong)).await;
        assert!(
            matches!(refused, Err(OperationError::InvalidRequest { .. })),
            "{wrong:?}"
        );
    }
    // A control plane that is killed meanwhile has begun it, the next one ends it, and it is done once.
    stage.engine.hangs.store(true, Ordering::SeqCst);
    let begun = operations::reboot_broker(&running.services, &arn, &reboot(&["2"])).await;
    let operation_arn = begun.unwrap().cluster_operation_arn;
    running.until(&arn, Some("REBOOTING_BROKER")).await;
    let again = operations::reboot_broker(&running.services, &arn, &reboot(&["3"])).await;
    assert!(again.is_err(), "one at a time");
    running.until.cancel();
    stage.engine.hangs.store(false, Ordering::SeqCst);
    let running = stage.start();
    running.until(&arn, Some("ACTIVE")).await;
    let services = &running.services;
    let operation = queries::describe_cluster_operation(services, &operation_arn)
        .await
        .unwrap();
    assert_eq!(
        (operation.operation_type.as_str(), operation.operation_state.as_str()),
        ("REBOOT_NODE", "REBOOT_COMPLETE")
    );
    let reboots = stage.engine.clusters.lock().values().next().unwrap().reboots.clone();
    assert_eq!(reboots, BTreeMap::from([(2, 1)]));
    let info = queries::describe_cluster(services, &arn).await.unwrap();
    assert_eq!(info.current_version, version, "its settings are the same");
    running.until.cancel();
}

#[tokio::test]
async fn a_rotation_is_one_operation_however_often_it_is_asked_for_meanwhile() {
    let stage = Stage::new();
    let running = stage.start();
    let arn = running.orders().await;
    let version = queries::describe_cluster(&running.services, &arn)
        .await
        .unwrap()
        .current_version;
    stage.engine.hangs.store(true, Ordering::SeqCst);
    let begun = operations::rotate_certificates(&running.services, &arn).await.unwrap();
    let again = operations::rotate_certificates(&running.services, &arn).await.unwrap();
    assert_eq!(begun, again);
    running.until(&arn, Some("UPDATING")).await;
    *stage.engine.progress.lock() = Some(Progress {
        done: 1,
        total: 3,
        ..Progress::begun(Step::RenewCertificates)
    });
    let describe = async |services: &Services| {
        let operation = queries::describe_cluster_operation(services, &begun.cluster_operation_arn);
        operation.await.unwrap()
    };
    let mut changed = running.services.changed();
    let begins = async {
        while describe(&running.services).await.operation_state == "PENDING" {
            changed.changed().await.unwrap();
        }
    };
    tokio::time::timeout(LIMIT, begins).await.expect("it begins");
    let step = &describe(&running.services).await.operation_steps[0];
    assert_eq!(step.step_name, "RENEW_CERTIFICATES");
    assert_eq!(step.step_info.step_status, "IN_PROGRESS: 1 of 3 brokers");
    // A control plane that is killed meanwhile has begun it, the next one ends it.
    running.until.cancel();
    stage.engine.hangs.store(false, Ordering::SeqCst);
    let running = stage.start();
    let services = &running.services;
    running.until(&arn, Some("ACTIVE")).await;
    let operation = describe(services).await;
    assert_eq!(
        (operation.operation_type.as_str(), operation.operation_state.as_str()),
        ("ROTATE_CERTIFICATES", "UPDATE_COMPLETE")
    );
    let rotations = || {
        stage
            .engine
            .clusters
            .lock()
            .values()
            .next()
            .unwrap()
            .certificate_rotations
    };
    assert_eq!(rotations(), 1);
    let info = queries::describe_cluster(services, &arn).await.unwrap();
    assert_eq!(info.current_version, version, "its settings are the same");
    running.until.cancel();
}

#[tokio::test]
async fn a_cluster_belongs_to_the_engine_that_has_it_also_when_its_change_has_failed() {
    let stage = Stage::new();
    let running = stage.start();
    let services = &running.services;
    let arn = running.orders().await;
    stage.engine.fails.store(true, Ordering::SeqCst);
    let change = async |engine: &str, only: bool| {
        let info = queries::describe_cluster(services, &arn).await.unwrap();
        let request = UpdateEngineRequest {
            current_version: info.current_version,
            engine: engine.to_owned(),
        };
        operations::update_engine(services, &arn, request, only).await
    };
    let engine = async || queries::describe_cluster(services, &arn).await.unwrap().engine;
    assert_eq!(change("apache-kafka", true).await.unwrap(), None, "nothing was begun");
    // Nobody has taken it over: it stays where it is.
    let begun = change("apache-kafka", false).await.unwrap().unwrap();
    running.until(&arn, Some("ACTIVE")).await;
    let operation = queries::describe_cluster_operation(services, &begun.cluster_operation_arn).await;
    let operation = operation.unwrap();
    assert_eq!(
        (operation.operation_type.as_str(), operation.operation_state.as_str()),
        ("UPDATE_ENGINE", "UPDATE_FAILED")
    );
    assert_eq!(
        operation.target_cluster_info.unwrap().engine.as_deref(),
        Some("apache-kafka")
    );
    assert_eq!(engine().await, None);
    // The scripted engine says that it has all clusters.
    change("scripted", false).await.unwrap();
    running.until(&arn, Some("ACTIVE")).await;
    assert_eq!(engine().await.as_deref(), Some("scripted"));
    let refused = change("scripted", false).await.unwrap_err();
    assert!(refused.to_string().contains("runs the cluster already"), "{refused}");
    running.until.cancel();
}

#[tokio::test]
async fn a_rotation_that_fails_is_followed_by_another_one_and_disturbs_nothing() {
    let stage = Stage::new();
    let running = stage.start();
    let services = &running.services;
    let created = operations::create_cluster(services, &world(), orders(), operations::Attempt::default()).await;
    let arn = created.unwrap().cluster_arn;
    running.until(&arn, Some("ACTIVE")).await;
    // One that fails is not taken back: some brokers may have new certificates. The next one is another one.
    stage.engine.fails.store(true, Ordering::SeqCst);
    operations::rotate_certificates(services, &arn).await.unwrap();
    running.until(&arn, Some("ACTIVE")).await;
    stage.engine.fails.store(false, Ordering::SeqCst);
    operations::rotate_certificates(services, &arn).await.unwrap();
    running.until(&arn, Some("ACTIVE")).await;
    let rotations = || {
        stage
            .engine
            .clusters
            .lock()
            .values()
            .next()
            .unwrap()
            .certificate_rotations
    };
    assert_eq!(rotations(), 2);
    // What else is under way is not disturbed.
    stage.engine.hangs.store(true, Ordering::SeqCst);
    let reboot = RebootBrokerRequest {
        broker_ids: vec!["1".to_owned()],
    };
    operations::reboot_broker(services, &arn, &reboot).await.unwrap();
    let refused = operations::rotate_certificates(services, &arn).await.unwrap_err();
    assert!(refused.to_string().contains("REBOOTING_BROKER"), "{refused}");
    running.until.cancel();
}

#[tokio::test]
async fn certificates_are_looked_after_every_hour_while_nothing_changes_the_cluster() {
    let stage = Stage::new();
    let running = stage.start();
    let services = &running.services;
    let created = operations::create_cluster(services, &world(), orders(), operations::Attempt::default()).await;
    let arn = created.unwrap().cluster_arn;
    running.until(&arn, Some("ACTIVE")).await;
    let clock = ManualClock::new(0);
    let path = stage.folder.path();
    let later = Arc::new(Services::new(
        Store::open(&path.join("state.db")).unwrap(),
        SecretBox::open(&path.join("encryption.key")).unwrap(),
        stage.engine.clone(),
        fleet(path),
        Arc::new(clock.clone()),
        "0".to_owned(),
    ));
    tokio::spawn(reconcilers::renew_certificates(later, running.until.clone()));
    let renewals = || stage.engine.renewals.load(Ordering::SeqCst);
    let hours_until = async |count| {
        let mut minutes = 0;
        let wait = async {
            while renewals() < count {
                clock.advance(Duration::from_secs(60));
                minutes += 1;
                tokio::task::yield_now().await;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(LIMIT, wait).await.expect("in time");
        minutes / 60
    };
    hours_until(1).await;
    let hours = hours_until(2).await;
    assert!(hours >= 1, "{hours}");
    running.until.cancel();
}

#[tokio::test]
async fn hosts_that_are_to_be_left_are_and_what_stands_in_the_way_is_told() {
    let stage = Stage::new();
    let running = stage.start();
    let services = &running.services;
    let created = operations::create_cluster(services, &world(), orders(), operations::Attempt::default()).await;
    running.until(&created.unwrap().cluster_arn, Some("ACTIVE")).await;
    stage.engine.fails.store(true, Ordering::SeqCst);
    let host = lost_host();
    services
        .store
        .transaction(|transaction| transaction.put(&host))
        .unwrap();
    reconcilers::set_hosts(services).unwrap();
    tokio::spawn(reconcilers::relocate(Arc::clone(services), running.until.clone()));
    let told = async {
        loop {
            let hosts = queries::list_hosts(services).unwrap().hosts;
            if let Some(reason) = &hosts[0].state_reason {
                assert_eq!(reason, "port 9092 is taken; free it");
                assert_eq!((hosts[0].state.as_str(), hosts[0].node_count), ("DEAD", 2));
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LIMIT, told).await.expect("in time");
    let relocations = stage.engine.relocations.load(Ordering::SeqCst);
    assert_eq!(relocations, 1, "what failed is left alone for a while");
    running.until.cancel();
}

fn lost_host() -> HostRecord {
    let facts = HostFacts {
        host_id: Uuid::from_u128(1),
        name: "one".to_owned(),
        zone: "a".to_owned(),
        address: std::net::IpAddr::from([127, 0, 0, 1]),
        state: HostState::Dead,
        capacity: hosts::Capacity::default(),
        agent_version: "0".to_owned(),
        clock_ahead_ms: 0,
        data_directory: "/".into(),
    };
    HostRecord {
        entry: HostEntry {
            host_id: facts.host_id,
            name: facts.name.clone(),
            zone: facts.zone.clone(),
            agent_address: std::net::SocketAddr::from(([127, 0, 0, 1], 1)),
            standing: Standing::Dead,
            facts,
        },
        key_fingerprint: String::new(),
        created_ms: 0,
        dead_reason: None,
    }
}

#[tokio::test]
async fn next_control_plane_finishes_what_a_killed_one_began() {
    let stage = Stage::new();
    stage.engine.hangs.store(true, Ordering::SeqCst);
    let killed = stage.start();
    let arn = operations::create_cluster(&killed.services, &world(), orders(), operations::Attempt::default())
        .await
        .unwrap()
        .cluster_arn;
    killed.until(&arn, Some("CREATING")).await;
    killed.until.cancel();
    stage.engine.hangs.store(false, Ordering::SeqCst);
    let running = stage.start();
    running.until(&arn, Some("ACTIVE")).await;
    running.until.cancel();
}

#[tokio::test]
async fn deletion_ends_a_creation_that_does_not_come_about() {
    let stage = Stage::new();
    stage.engine.hangs.store(true, Ordering::SeqCst);
    let running = stage.start();
    let arn = operations::create_cluster(&running.services, &world(), orders(), operations::Attempt::default())
        .await
        .unwrap()
        .cluster_arn;
    operations::delete_cluster(&running.services, &arn, None).await.unwrap();
    running.until(&arn, None).await;
    running.until.cancel();
}

#[tokio::test]
async fn failed_creation_says_why_and_can_be_deleted() {
    let stage = Stage::new();
    stage.engine.fails.store(true, Ordering::SeqCst);
    let running = stage.start();
    let arn = operations::create_cluster(&running.services, &world(), orders(), operations::Attempt::default())
        .await
        .unwrap()
        .cluster_arn;
    running.until(&arn, Some("FAILED")).await;
    let info = queries::describe_cluster(&running.services, &arn).await.unwrap();
    assert!(info.state_info.unwrap().message.contains("port 9092 is taken; free it"));
    operations::delete_cluster(&running.services, &arn, None).await.unwrap();
    running.until(&arn, None).await;
    running.until.cancel();
}

#[tokio::test]
async fn same_token_and_body_again_give_the_first_answer() {
    let stage = Stage::new();
    let running = stage.start();
    let world = world();
    let create = |request, token: &str| operations::create_cluster(&running.services, &world, request, attempt(token));
    let first = create(orders(), "one").await.unwrap();
    assert_eq!(create(orders(), "one").await.unwrap().cluster_arn, first.cluster_arn);
    assert!(matches!(
        create(orders(), "two").await,
        Err(OperationError::Conflict(_))
    ));
    let other = CreateClusterRequest {
        number_of_broker_nodes: 1,
        ..orders()
    };
    assert!(matches!(create(other, "one").await, Err(OperationError::Conflict(_))));
    running.until.cancel();
}

/// ARN of the configuration `settings`.
async fn create_settings(running: &Running, token: &str) -> Result<String, OperationError> {
    let request = CreateConfigurationRequest {
        name: "settings".to_owned(),
        description: None,
        kafka_versions: Vec::new(),
        server_properties: "num.partitions=3".into(),
    };
    let made = operations::create_configuration(&running.services, &world(), request, attempt(token)).await;
    made.map(|configuration| configuration.arn)
}

#[tokio::test]
async fn a_token_is_good_until_it_is_given_up_or_what_it_made_is_deleted() {
    let stage = Stage::new();
    let running = stage.start();
    let first = create_settings(&running, "one").await.unwrap();
    assert_eq!(create_settings(&running, "one").await.unwrap(), first);
    // A control plane that starts anew still knows it.
    running.until.cancel();
    drop(running);
    let running = stage.start();
    assert_eq!(create_settings(&running, "one").await.unwrap(), first);
    let services = &running.services;
    operations::forget_idempotency_token(services, "one").await.unwrap();
    operations::forget_idempotency_token(services, "nobody's")
        .await
        .unwrap();
    let taken = create_settings(&running, "one").await;
    assert!(matches!(taken, Err(OperationError::Conflict(_))));
    operations::delete_configuration(services, &first).await.unwrap();
    let second = create_settings(&running, "two").await.unwrap();
    operations::delete_configuration(services, &second).await.unwrap();
    assert_ne!(create_settings(&running, "two").await.unwrap(), second);
    running.until.cancel();
}

#[tokio::test]
async fn a_secret_is_made_once_and_its_password_leaves_no_trace_in_the_token() {
    let stage = Stage::new();
    let running = stage.start();
    let world = world();
    let create = |password: &str| {
        let request = CreateSecretRequest {
            name: "AmazonMSK_app".to_owned(),
            description: None,
            secret_string: SecretText::new(format!("{{\"username\":\"app\",\"password\":\"{password}\"}}")),
            client_request_token: None,
            tags: Vec::new(),
        };
        operations::create_secret(&running.services, &world, request, Some("one".to_owned()))
    };
    let first = create("first-password").await.unwrap().arn;
    // The same creation even with another password: an apply that was cut off may be repeated with a new one.
    assert_eq!(create("other-password").await.unwrap().arn, first);
    operations::forget_idempotency_token(&running.services, "one")
        .await
        .unwrap();
    assert!(create("first-password").await.is_err());
    running.until.cancel();
}
