//! Hosts on which no cluster can be: each says why and what to do, and nothing is left of the attempt.

use std::sync::Arc;

use engine::{Engine, EngineError};

use crate::{
    engine, has_archive,
    host::{Quirks, SimulatedHosts},
    spec,
};

/// What is said of a cluster of three brokers on such hosts.
async fn refusal(hosts: usize, quirks: Quirks) -> String {
    let folder = tempfile::tempdir().unwrap();
    let fleet = SimulatedHosts::with(hosts, quirks);
    let engine = engine(folder.path(), Arc::new(fleet.clone())).await;
    let spec = spec(1, 3);
    let refused = engine.ensure(&spec).await.unwrap_err();
    let EngineError::Environment { problem, remedy } = &refused else {
        panic!("{refused:?}");
    };
    assert_eq!(fleet.units().await, 0, "{problem}");
    assert!(engine.list().await.unwrap().is_empty(), "{problem}");
    assert!(engine.observe(spec.cluster_id).await.unwrap().is_none(), "{problem}");
    format!("{problem}; {remedy}")
}

fn expect(said: &str, words: &[&str]) {
    for word in words {
        assert!(said.contains(word), "{word:?} is not in {said:?}");
    }
}

#[tokio::test]
async fn hosts_in_too_few_zones_are_named() {
    let said = refusal(2, Quirks::default()).await;
    expect(
        &said,
        &[
            "zone \"c\" has no host",
            "there are some in a, b",
            "let a host join in this zone",
        ],
    );
    let said = refusal(0, Quirks::default()).await;
    expect(&said, &["zone \"a\" has no host", "no zone has any"]);
}

#[tokio::test]
async fn host_whose_ports_are_taken_is_named() {
    let said = refusal(
        3,
        Quirks {
            is_taken: true,
            ..Quirks::default()
        },
    )
    .await;
    expect(
        &said,
        &[
            "other programs listen on the ports",
            "9091 on host host-0000",
            "end them",
        ],
    );
}

#[tokio::test]
async fn host_whose_disk_is_full_is_named() {
    let said = refusal(
        3,
        Quirks {
            disk_free_bytes: Some(63 << 20),
            ..Quirks::default()
        },
    )
    .await;
    expect(
        &said,
        &[
            "the disk of host host-0000 is full: 63 MiB are free",
            "free at least 64 MiB there",
        ],
    );
}

#[tokio::test]
async fn host_with_an_old_java_is_named() {
    if !has_archive() {
        return;
    }
    let java = |java| Quirks {
        java: Some(java),
        ..Quirks::default()
    };
    let said = refusal(3, java("openjdk version \"11.0.2\" 2019-01-15\n")).await;
    expect(
        &said,
        &[
            "Apache Kafka does not run on host host-000",
            "its Java is 11",
            "install Java 17 or newer on host host-000",
        ],
    );
    let said = refusal(3, java("sh: java: not found\n")).await;
    expect(&said, &["has no Java: sh: java: not found", "install Java 17"]);
}
