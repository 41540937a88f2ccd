//! What goes wrong, and what is said or done then.

use std::{net::SocketAddr, sync::Arc};

use engine::{BrokerState, Engine, NewTopic, ObservedCluster};
use engine_kafka::KafkaEngine;
use hosts::HostState;
use libtest_mimic::Trial;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use uuid::Uuid;

use crate::{
    hosts_of_tests::Seen,
    stage::{Hosts, Stage},
    trial,
};

pub fn trials() -> Vec<Trial> {
    vec![
        trial("zone_without_a_host_is_refused_before_anything_is_made", no_host),
        trial("cluster_outlives_the_runtime_a_rotation_and_a_host", survivors),
    ]
}

async fn no_host(stage: Stage) {
    let engine = stage.engine_with(Hosts(stage.hosts.0[..2].to_vec())).await;
    let refused = engine.validate(&stage.spec(3)).unwrap_err().to_string();
    assert!(refused.contains("zone \"c\" has no host"), "{refused}");
    let refused = engine.ensure(&stage.spec(3)).await.unwrap_err().to_string();
    assert!(refused.contains("there are some in a, b"), "{refused}");
    assert_eq!(stage.units_left(), Vec::<String>::new());
    assert_eq!(engine.list().await.unwrap(), Vec::<Uuid>::new());
}

async fn survivors(stage: Stage) {
    let engine = stage.engine().await;
    let mut spec = stage.spec(3);
    engine.ensure(&spec).await.unwrap();
    let topic = NewTopic {
        name: "orders".to_owned(),
        partition_count: 2,
        replication_factor: 3,
        configs: std::collections::BTreeMap::new(),
    };
    engine.topics().create_topic(stage.cluster_id, &topic).await.unwrap();
    let before = observed(&engine, &stage).await;
    drop(engine);

    // Another runtime finds everything as it was.
    let engine = stage.engine().await;
    engine.ensure(&spec).await.unwrap();
    assert_eq!(pids(&observed(&engine, &stage).await), pids(&before));

    // Certificates are taken up by processes that go on.
    let mut shown = certificates(&before).await;
    for rotation in 1..=2 {
        spec.certificate_rotations = rotation;
        engine.ensure(&spec).await.unwrap();
        let rotated = observed(&engine, &stage).await;
        assert_eq!(pids(&rotated), pids(&before));
        let now = certificates(&rotated).await;
        assert!(
            shown.iter().zip(&now).all(|(old, new)| old != new),
            "clients of all brokers see another certificate at once"
        );
        shown = now;
    }
    assert_eq!(
        engine.renew_certificates(stage.cluster_id).await.unwrap(),
        0,
        "none is due"
    );
    drop(engine);

    // A host goes for good: the broker comes elsewhere, with the same id.
    let lost = Arc::clone(&stage.hosts.0[1]);
    for status in lost.units().await.unwrap() {
        lost.stop(&status.unit, true).await.unwrap();
    }
    let mut hosts = stage.hosts.0.clone();
    hosts[1] = Arc::new(Seen::new(lost, Some(HostState::Dead)));
    let engine = stage.engine_with(Hosts(hosts)).await;
    engine.ensure(&spec).await.unwrap();
    let moved = observed(&engine, &stage).await;
    assert_eq!(moved.brokers[1].host, stage.hosts.0[3].facts().address.to_string());
    assert_eq!(moved.brokers[1].zone, "b");
    for other in [0, 2] {
        assert_eq!(moved.brokers[other].host, before.brokers[other].host);
    }
    let described = engine
        .topics()
        .describe_topic(stage.cluster_id, "orders")
        .await
        .unwrap();
    for partition in described.partitions {
        assert_eq!(partition.isr.len(), 3, "{partition:?}");
    }
    engine.remove(stage.cluster_id).await.unwrap();
    drop(engine);

    // The host comes back, and what it has is found and goes.
    let engine = stage.engine_with(stage.hosts.clone()).await;
    assert_eq!(engine.list().await.unwrap(), [stage.cluster_id]);
    engine.remove(stage.cluster_id).await.unwrap();
    assert_eq!(stage.units_left(), Vec::<String>::new());
}

async fn observed(engine: &KafkaEngine, stage: &Stage) -> ObservedCluster {
    let observed = engine.observe(stage.cluster_id).await.unwrap().unwrap();
    assert!(
        observed
            .brokers
            .iter()
            .all(|broker| broker.state == BrokerState::Running),
        "{observed:?}"
    );
    observed
}

fn pids(observed: &ObservedCluster) -> Vec<Option<u32>> {
    observed.brokers.iter().map(|broker| broker.pid).collect()
}

/// What brokers show to clients.
async fn certificates(observed: &ObservedCluster) -> Vec<Vec<u8>> {
    let mut shown = Vec::new();
    for address in &observed.bootstrap.tls {
        shown.push(certificate(observed, address.parse().unwrap()).await);
    }
    assert_eq!(shown.len(), observed.brokers.len());
    shown
}

async fn certificate(observed: &ObservedCluster, address: SocketAddr) -> Vec<u8> {
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(observed.certificate_authority_pem.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let stream = tokio_rustls::TlsConnector::from(Arc::new(config))
        .connect(ServerName::IpAddress(address.ip().into()), socket)
        .await
        .unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}
