//! What every engine does alike, told as the life of one cluster. Each engine runs it as an integration test.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::{
    Acl, BrokerState, ClusterSpec, Engine, Exporters, Listeners, NewTopic, ObservedCluster, Quota, QuotaName, Reach,
    ScramCredential, ScramMechanism, ScramUser, Secret, TopicDescription, TopicError, TopicUpdate,
};

/// Topic that lives through it all.
const TOPIC: &str = "orders";

/// A specification that every engine takes, for tests to change: listeners with TLS, no users, no properties, one zone.
pub fn specification(engine: &str, cluster_id: Uuid, broker_count: u32) -> ClusterSpec {
    ClusterSpec {
        cluster_id,
        cluster_name: "orders".to_owned(),
        engine: engine.to_owned(),
        kafka_version: "4.1.x.kraft".to_owned(),
        broker_count,
        zones: vec!["a".to_owned()],
        listeners: Listeners {
            plaintext: false,
            tls: true,
            sasl_scram: true,
            sasl_iam: false,
        },
        client_certificates: None,
        reach: Reach::default(),
        exporters: Exporters::default(),
        monitoring: "DEFAULT".to_owned(),
        log_delivery: None,
        resources: None,
        volume_bytes: None,
        encryption_key: None,
        server_properties: BTreeMap::new(),
        scram_users: Vec::new(),
        reboots: BTreeMap::new(),
        certificate_rotations: 0,
    }
}

/// The two users that the suite begins with.
pub fn users() -> Vec<ScramUser> {
    let credential = |mechanism, bytes| ScramCredential {
        mechanism,
        salt: b"salt of a user".to_vec(),
        iterations: 4096,
        salted_password: Secret::new(vec![7; bytes]),
    };
    let user = |name: &str| ScramUser {
        name: name.to_owned(),
        credentials: vec![
            credential(ScramMechanism::Sha256, 32),
            credential(ScramMechanism::Sha512, 64),
        ],
    };
    vec![user("app"), user("other")]
}

/// Lets a cluster live from its creation with one broker to its end. `base` has one broker and two users, at least one
/// listener, and nothing that the engine refuses.
///
/// # Panics
///
/// When the engine does something else than it should.
pub async fn life_of_a_cluster(engine: &dyn Engine, base: &ClusterSpec) {
    assert_eq!(
        (base.broker_count, base.scram_users.len()),
        (1, 2),
        "what the suite begins with"
    );
    nothing_there(engine, base).await;
    created(engine, base).await;
    topics(engine, base).await;
    acls(engine, base).await;
    quotas(engine, base).await;
    let spec = settings(engine, base).await;
    let spec = more_brokers(engine, &spec).await;
    let spec = restarted(engine, &spec).await;
    fewer_brokers(engine, &spec).await;
    engine.remove(base.cluster_id).await.expect("a cluster goes");
    nothing_there(engine, base).await;
}

async fn nothing_there(engine: &dyn Engine, base: &ClusterSpec) {
    let id = base.cluster_id;
    assert_eq!(engine.observe(id).await.expect("nothing is observed"), None);
    assert!(!engine.list().await.expect("clusters are listed").contains(&id));
    engine.remove(id).await.expect("removing nothing succeeds");
    assert!(
        engine.topics().list_topics(id).await.is_err(),
        "no cluster has no topics"
    );
}

async fn created(engine: &dyn Engine, base: &ClusterSpec) {
    engine.validate(base).expect("the specification is good");
    engine.ensure(base).await.expect("a cluster comes up");
    let first = observed(engine, base).await;
    let strings = [
        (base.listeners.plaintext, &first.bootstrap.plaintext),
        (base.listeners.tls, &first.bootstrap.tls),
        (base.listeners.sasl_scram, &first.bootstrap.sasl_scram),
    ];
    for (is_open, strings) in strings {
        assert_eq!(strings.len(), usize::from(is_open), "{:?}", first.bootstrap);
    }
    assert!(first.certificate_authority_pem.contains("BEGIN CERTIFICATE"));
    assert!(first.authority_expires_at_ms.is_some() && !first.controllers.is_empty());
    engine.ensure(base).await.expect("what is there is fine");
    let second = observed(engine, base).await;
    assert_eq!(pids(&second), pids(&first), "nothing was restarted");
    assert!(
        engine
            .list()
            .await
            .expect("clusters are listed")
            .contains(&base.cluster_id)
    );
    assert_eq!(engine.progress(base.cluster_id), None);
}

async fn topics(engine: &dyn Engine, base: &ClusterSpec) {
    let (admin, id) = (engine.topics(), base.cluster_id);
    let new = NewTopic {
        name: TOPIC.to_owned(),
        partition_count: 2,
        replication_factor: 1,
        configs: BTreeMap::from([("retention.ms".to_owned(), "3600000".to_owned())]),
    };
    admin.validate_topic(id, &new).await.expect("it could be");
    let made = admin.create_topic(id, &new).await.expect("it is");
    assert_eq!((made.summary.partition_count, made.summary.replication_factor), (2, 1));
    assert_eq!(made.configs, new.configs);
    let again = admin.create_topic(id, &new).await;
    assert!(matches!(again, Err(TopicError::TopicExists(_))), "{again:?}");
    let wide = NewTopic {
        name: "wide".to_owned(),
        replication_factor: 5,
        ..new.clone()
    };
    let refused = admin.validate_topic(id, &wide).await;
    assert!(matches!(refused, Err(TopicError::InvalidRequest(_))), "{refused:?}");
    let unknown = admin.describe_topic(id, "unknown").await;
    assert!(matches!(unknown, Err(TopicError::UnknownTopic(_))), "{unknown:?}");

    let grown = TopicUpdate::PartitionCount(3);
    admin.update_topic(id, TOPIC, &grown).await.expect("topics grow");
    let configs = BTreeMap::from([("max.message.bytes".to_owned(), "1000".to_owned())]);
    let changed = TopicUpdate::Configs(configs.clone());
    admin.update_topic(id, TOPIC, &changed).await.expect("topics change");
    let now = topic(engine, base).await;
    assert_eq!((now.summary.partition_count, now.configs), (3, configs));
    assert_eq!(now.summary.topic_id, made.summary.topic_id);

    let short = NewTopic {
        name: "short".to_owned(),
        ..new
    };
    admin.create_topic(id, &short).await.expect("another one");
    assert!(names(engine, base).await.contains(&"short".to_owned()));
    admin.delete_topic(id, "short").await.expect("topics go");
    assert!(!names(engine, base).await.contains(&"short".to_owned()));
    let gone = admin.delete_topic(id, "short").await;
    assert!(matches!(gone, Err(TopicError::UnknownTopic(_))), "{gone:?}");
}

async fn acls(engine: &dyn Engine, base: &ClusterSpec) {
    let (admin, id) = (engine.acls(), base.cluster_id);
    let acl = |operation: &str, permission: &str| Acl {
        resource_type: "TOPIC".to_owned(),
        resource_name: "ord".to_owned(),
        pattern_type: "PREFIXED".to_owned(),
        principal: "User:somebody".to_owned(),
        host: "*".to_owned(),
        operation: operation.to_owned(),
        permission: permission.to_owned(),
    };
    let (read, write) = (acl("READ", "ALLOW"), acl("WRITE", "DENY"));
    let both = [read.clone(), write.clone()];
    admin.create_acls(id, &both).await.expect("lists are made");
    admin
        .create_acls(id, &both[..1])
        .await
        .expect("one that is there is fine");
    assert_eq!(admin.list_acls(id).await.expect("lists are there"), both);
    let wrong = admin.create_acls(id, &[acl("LOOK", "ALLOW")]).await;
    assert!(matches!(wrong, Err(TopicError::InvalidRequest(_))), "{wrong:?}");
    admin.delete_acls(id, &[read]).await.expect("lists go");
    assert_eq!(
        admin.list_acls(id).await.expect("one is left"),
        std::slice::from_ref(&write)
    );
    admin
        .delete_acls(id, &both)
        .await
        .expect("one that is not there is fine");
    assert_eq!(admin.list_acls(id).await.expect("none is left"), []);
}

async fn quotas(engine: &dyn Engine, base: &ClusterSpec) {
    let (admin, id) = (engine.quotas(), base.cluster_id);
    let quota = |user: QuotaName, rate: Option<f64>| Quota {
        user: Some(user),
        producer_byte_rate: rate,
        controller_mutation_rate: rate.map(|_| 2.5),
        ..Quota::default()
    };
    let address = |rate: Option<f64>| Quota {
        ip: Some(QuotaName::Named("192.0.2.7".to_owned())),
        connection_creation_rate: rate,
        ..Quota::default()
    };
    let one = quota(QuotaName::Named("somebody".to_owned()), Some(1_000_000.0));
    let all = quota(QuotaName::Default, Some(2_000_000.0));
    let of_address = address(Some(20.0));
    admin
        .put_quotas(id, &[one.clone(), all.clone(), of_address.clone()])
        .await
        .expect("quotas are set");
    let there = admin.list_quotas(id).await.expect("quotas are there");
    assert!(
        there.len() == 3 && [&one, &all, &of_address].iter().all(|quota| there.contains(quota)),
        "{there:?}"
    );
    let wrong = quota(QuotaName::Named("x".to_owned()), Some(-1.0));
    assert!(admin.put_quotas(id, &[wrong]).await.is_err());
    let none = [
        quota(QuotaName::Default, None),
        quota(QuotaName::Named("somebody".to_owned()), None),
        address(None),
    ];
    admin.put_quotas(id, &none).await.expect("quotas go");
    assert_eq!(admin.list_quotas(id).await.expect("none is left"), []);
}

/// Dynamic properties and users come and go without a restart.
async fn settings(engine: &dyn Engine, base: &ClusterSpec) -> ClusterSpec {
    let before = pids(&observed(engine, base).await);
    let mut spec = base.clone();
    spec.server_properties
        .insert("log.retention.ms".to_owned(), "7200000".to_owned());
    let gone: Option<ScramUser> = spec.scram_users.pop();
    engine.ensure(&spec).await.expect("settings are put in force");
    spec.server_properties.remove("log.retention.ms");
    spec.scram_users.extend(gone);
    engine.ensure(&spec).await.expect("settings are taken back");
    assert_eq!(pids(&observed(engine, &spec).await), before, "nothing was restarted");
    spec
}

/// Brokers join, and replicas and leaderships come to them.
async fn more_brokers(engine: &dyn Engine, before: &ClusterSpec) -> ClusterSpec {
    let mut spec = before.clone();
    spec.broker_count = 3;
    engine.ensure(&spec).await.expect("brokers join");
    assert_eq!(observed(engine, &spec).await.brokers.len(), 3);
    let mut leaders: Vec<_> = topic(engine, &spec)
        .await
        .partitions
        .iter()
        .map(|partition| partition.leader)
        .collect();
    leaders.sort_unstable();
    assert_eq!(leaders, [Some(1), Some(2), Some(3)], "each has its share");
    spec
}

/// A static property is taken up by all brokers, one after the other; a reboot concerns one of them.
async fn restarted(engine: &dyn Engine, before: &ClusterSpec) -> ClusterSpec {
    let first = pids(&observed(engine, before).await);
    let mut spec = before.clone();
    spec.server_properties
        .insert("num.partitions".to_owned(), "5".to_owned());
    engine.ensure(&spec).await.expect("brokers are restarted");
    let second = pids(&observed(engine, &spec).await);
    assert!(
        first.iter().zip(&second).all(|(before, after)| before != after),
        "{first:?} {second:?}"
    );
    spec.reboots.insert(2, 1);
    engine.ensure(&spec).await.expect("a broker is restarted");
    let third = pids(&observed(engine, &spec).await);
    assert_eq!((third[0], third[2]), (second[0], second[2]));
    assert_ne!(third[1], second[1]);
    spec
}

/// A broker leaves, and what it had stays in the cluster.
async fn fewer_brokers(engine: &dyn Engine, before: &ClusterSpec) {
    let mut spec = before.clone();
    spec.broker_count = 2;
    engine.ensure(&spec).await.expect("a broker leaves");
    assert_eq!(observed(engine, &spec).await.brokers.len(), 2);
    let left = topic(engine, &spec).await;
    assert_eq!(left.partitions.len(), 3);
    for partition in left.partitions {
        assert!(partition.replicas.iter().all(|broker| *broker <= 2), "{partition:?}");
        assert!(partition.leader.is_some(), "{partition:?}");
    }
}

/// The cluster, all of whose brokers run.
async fn observed(engine: &dyn Engine, spec: &ClusterSpec) -> ObservedCluster {
    let observed = engine.observe(spec.cluster_id).await.expect("it is observed");
    let observed = observed.expect("it is there");
    for broker in &observed.brokers {
        assert_eq!(broker.state, BrokerState::Running, "{broker:?}");
        assert!(broker.pid.is_some() && !broker.endpoints.is_empty(), "{broker:?}");
        assert!(spec.zones.contains(&broker.zone), "{broker:?}");
    }
    assert_eq!(observed.counts.offline_partitions, 0);
    observed
}

fn pids(observed: &ObservedCluster) -> Vec<Option<u32>> {
    observed.brokers.iter().map(|broker| broker.pid).collect()
}

async fn topic(engine: &dyn Engine, spec: &ClusterSpec) -> TopicDescription {
    let described = engine.topics().describe_topic(spec.cluster_id, TOPIC).await;
    described.expect("the topic is there")
}

async fn names(engine: &dyn Engine, spec: &ClusterSpec) -> Vec<String> {
    let topics = engine.topics().list_topics(spec.cluster_id).await;
    let topics = topics.expect("topics are listed");
    topics.into_iter().map(|topic| topic.name).collect()
}
