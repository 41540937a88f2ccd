//! From nothing to a cluster, its changes, the restart of the runtime, and back to nothing.

use std::{collections::BTreeMap, fs};

use engine::{Engine, EngineError, NewTopic, TopicAdmin};
use libtest_mimic::Trial;
use serde_json::Value;

use crate::{
    stage::{Stage, all_run, is_free, kill, pids, poll, properties},
    trial,
};

pub fn trials() -> Vec<Trial> {
    vec![
        trial("cluster_is_created_and_removed_without_a_trace", created_and_removed),
        trial("ensuring_twice_changes_nothing", twice),
        trial("cluster_grows_and_shrinks", grows_and_shrinks),
        trial(
            "dynamic_properties_need_no_restart_and_static_ones_get_one",
            properties_change,
        ),
        trial("listener_is_opened_by_a_rolling_restart", listener_opened),
        trial("reboot_restarts_one_broker_once", rebooted),
        trial("next_engine_adopts_what_runs", adopted),
        trial("killed_broker_is_back", killed),
        trial("broker_that_died_in_our_absence_is_started", died_in_absence),
    ]
}

async fn created_and_removed() {
    let stage = Stage::new();
    let engine = stage.engine().await;
    assert!(engine.observe(stage.cluster_id).await.unwrap().is_none());
    engine.ensure(&stage.spec(3)).await.unwrap();
    let observed = stage.observe(&engine).await;
    assert!(all_run(&observed), "{observed:#?}");
    let zones: Vec<&str> = observed.brokers.iter().map(|broker| broker.zone.as_str()).collect();
    assert_eq!(zones, ["a", "b", "a"]);
    assert!(observed.bootstrap.plaintext.is_empty());
    assert_eq!(
        observed.bootstrap.tls,
        observed
            .brokers
            .iter()
            .map(|broker| broker.endpoints[0].clone())
            .collect::<Vec<_>>()
    );
    assert!(
        observed
            .certificate_authority_pem
            .starts_with("-----BEGIN CERTIFICATE-----")
    );
    assert_eq!(engine.list().await.unwrap(), [stage.cluster_id]);
    let address = observed.bootstrap.sasl_scram[2].clone();
    assert!(!is_free(&address));
    assert_eq!(stage.processes().len(), 3);

    engine.remove(stage.cluster_id).await.unwrap();
    assert!(stage.processes().is_empty());
    assert!(is_free(&address));
    assert_eq!(fs::read_dir(stage.path("clusters")).unwrap().count(), 0);
    assert!(engine.list().await.unwrap().is_empty());
    engine.remove(stage.cluster_id).await.unwrap();
}

async fn twice() {
    let stage = Stage::new();
    let engine = stage.engine().await;
    engine.ensure(&stage.spec(2)).await.unwrap();
    let first = stage.observe(&engine).await;
    engine.ensure(&stage.spec(2)).await.unwrap();
    assert_eq!(pids(&stage.observe(&engine).await), pids(&first));
}

async fn grows_and_shrinks() {
    let stage = Stage::new();
    let engine = stage.engine().await;
    engine.ensure(&stage.spec(1)).await.unwrap();
    let before = pids(&stage.observe(&engine).await);
    engine.ensure(&stage.spec(3)).await.unwrap();
    let observed = stage.observe(&engine).await;
    assert!(all_run(&observed));
    assert_eq!(pids(&observed)[..1], before, "the first broker went on");
    let wide = NewTopic {
        name: "wide".to_owned(),
        partition_count: 6,
        replication_factor: 3,
        configs: BTreeMap::new(),
    };
    engine.create_topic(stage.cluster_id, &wide).await.unwrap();
    let error = engine.ensure(&stage.spec(2)).await.unwrap_err();
    assert!(matches!(error, EngineError::Unsupported { .. }), "{error}");
    assert!(error.to_string().contains("topic \"wide\" has 3 replicas"), "{error}");
    assert_eq!(stage.processes().len(), 3);
    engine.delete_topic(stage.cluster_id, "wide").await.unwrap();
    engine.ensure(&stage.spec(1)).await.unwrap();
    assert_eq!(pids(&stage.observe(&engine).await), before, "the first broker went on");
    assert_eq!(stage.processes().len(), 1);
    assert!(!stage.cluster_path("broker-2").exists() && !stage.cluster_path("broker-3").exists());
    // Brokers that come again are new ones.
    engine.ensure(&stage.spec(3)).await.unwrap();
    assert!(all_run(&stage.observe(&engine).await));
}

async fn properties_change() {
    let stage = Stage::new();
    let engine = stage.engine().await;
    engine.ensure(&stage.spec(2)).await.unwrap();
    let before = pids(&stage.observe(&engine).await);
    let mut spec = stage.spec(2);
    spec.server_properties = properties(&[("num.partitions", "3"), ("log.retention.ms", "5000")]);
    engine.ensure(&spec).await.unwrap();
    assert_eq!(pids(&stage.observe(&engine).await), before, "no broker was restarted");
    spec.server_properties = properties(&[("num.partitions", "4"), ("log.retention.ms", "5000")]);
    engine.ensure(&spec).await.unwrap();
    let observed = stage.observe(&engine).await;
    assert!(all_run(&observed));
    assert!(
        pids(&observed).iter().zip(&before).all(|(new, old)| new != old),
        "all brokers were restarted"
    );
    let config: Value = serde_json::from_slice(&fs::read(stage.cluster_path("broker-2/config.json")).unwrap()).unwrap();
    assert_eq!(config["server_properties"], serde_json::json!({"num.partitions": "4"}));
}

async fn listener_opened() {
    let stage = Stage::new();
    let engine = stage.engine().await;
    engine.ensure(&stage.spec(1)).await.unwrap();
    let mut spec = stage.spec(1);
    spec.listeners.plaintext = true;
    engine.ensure(&spec).await.unwrap();
    let observed = stage.observe(&engine).await;
    assert!(all_run(&observed));
    assert!(!is_free(&observed.bootstrap.plaintext[0]));
}

async fn rebooted() {
    let stage = Stage::new();
    let engine = stage.engine().await;
    engine.ensure(&stage.spec(3)).await.unwrap();
    let before = pids(&stage.observe(&engine).await);
    let mut spec = stage.spec(3);
    spec.reboots.insert(2, 1);
    for _ in 0..2 {
        engine.ensure(&spec).await.unwrap();
    }
    let once = pids(&stage.observe(&engine).await);
    assert_eq!((once[0], once[2]), (before[0], before[2]), "the others stay");
    assert_ne!(once[1], before[1]);
    spec.reboots.insert(2, 2);
    engine.ensure(&spec).await.unwrap();
    assert_ne!(pids(&stage.observe(&engine).await)[1], once[1]);
}

async fn adopted() {
    let stage = Stage::new();
    let engine = stage.engine().await;
    engine.ensure(&stage.spec(3)).await.unwrap();
    let before = stage.observe(&engine).await;
    engine.close().await;
    drop(engine);
    let engine = stage.engine().await;
    poll(async || all_run(&stage.observe(&engine).await)).await;
    let after = stage.observe(&engine).await;
    assert_eq!(pids(&after), pids(&before));
    assert_eq!(after.bootstrap, before.bootstrap);
    assert_eq!(after.certificate_authority_pem, before.certificate_authority_pem);
    engine.ensure(&stage.spec(3)).await.unwrap();
    assert_eq!(pids(&stage.observe(&engine).await), pids(&before));
}

async fn killed() {
    let stage = Stage::new();
    let engine = stage.engine().await;
    engine.ensure(&stage.spec(2)).await.unwrap();
    let victim = pids(&stage.observe(&engine).await)[1];
    kill(victim);
    poll(async || {
        let observed = stage.observe(&engine).await;
        all_run(&observed) && observed.brokers[1].pid.is_some_and(|pid| pid != victim)
    })
    .await;
    assert_eq!(stage.observe(&engine).await.brokers[1].restarts, 1);
}

async fn died_in_absence() {
    let stage = Stage::new();
    let engine = stage.engine().await;
    engine.ensure(&stage.spec(2)).await.unwrap();
    let before = pids(&stage.observe(&engine).await);
    engine.close().await;
    drop(engine);
    kill(before[0]);
    poll(async || stage.processes() == before[1..]).await;
    let engine = stage.engine().await;
    poll(async || all_run(&stage.observe(&engine).await)).await;
    let after = pids(&stage.observe(&engine).await);
    assert_ne!(after[0], before[0]);
    assert_eq!(after[1], before[1]);
}
