//! What the environment does to us: each is told in a way that can be mended, and leaves nothing half-made.

use std::{fs, net::TcpListener};

use engine::{BrokerState, Engine, EngineError};
use libtest_mimic::Trial;

use crate::{
    stage::{Stage, all_run, poll},
    trial,
};

pub fn trials() -> Vec<Trial> {
    vec![
        trial("missing_program_is_told_and_nothing_stays", missing_program),
        trial("broker_that_keeps_ending_is_told_with_its_last_words", keeps_ending),
        trial("port_taken_when_growing_is_told_with_its_holder", port_taken),
        trial("interrupted_removal_is_finished_at_the_next_start", interrupted_removal),
        trial("half_made_directory_is_cleared_away", half_made),
        trial("one_broken_cluster_does_not_keep_others_from_running", one_broken),
        trial(
            "removal_does_not_wait_for_a_cluster_that_does_not_come_up",
            removal_of_stuck,
        ),
        trial(
            "impossible_specifications_are_refused_before_anything_is_made",
            impossible,
        ),
    ]
}

fn is_environment(error: &EngineError) -> bool {
    matches!(error, EngineError::Environment { .. })
}

fn nothing_stays(stage: &Stage) -> bool {
    stage.processes().is_empty() && fs::read_dir(stage.path("clusters")).unwrap().count() == 0
}

async fn missing_program() {
    let stage = Stage::new();
    let engine = stage.engine_with(stage.path("no-such-program")).await;
    let error = engine.ensure(&stage.spec(2)).await.unwrap_err();
    assert!(
        is_environment(&error) && error.to_string().contains("no-such-program"),
        "{error}"
    );
    assert!(nothing_stays(&stage));
}

async fn keeps_ending() {
    let stage = Stage::new();
    let engine = stage.engine().await;
    fs::write(stage.path("clusters/misbehave"), "the moon is in the wrong phase").unwrap();
    let error = engine.ensure(&stage.spec(2)).await.unwrap_err();
    let text = error.to_string();
    assert!(is_environment(&error), "{error}");
    assert!(
        text.contains("keeps ending (exit code 3): the moon is in the wrong phase"),
        "{text}"
    );
    fs::remove_file(stage.path("clusters/misbehave")).unwrap();
    assert!(nothing_stays(&stage));
    engine.ensure(&stage.spec(2)).await.unwrap();
    assert!(all_run(&stage.observe(&engine).await));
}

async fn port_taken() {
    let stage = Stage::new();
    let engine = stage.engine().await;
    engine.ensure(&stage.spec(1)).await.unwrap();
    let first = stage.observe(&engine).await.brokers[0].host.clone();
    let second = format!("{}.2:9094", first.strip_suffix(".1").unwrap());
    let holder = TcpListener::bind(&second).unwrap();
    let error = engine.ensure(&stage.spec(2)).await.unwrap_err();
    let text = error.to_string();
    assert!(
        is_environment(&error) && text.contains(&format!("port {second} is taken by it-")),
        "{text}"
    );
    assert!(text.contains(&format!("process {}", std::process::id())), "{text}");
    assert!(!stage.cluster_path("broker-2/config.json").exists());
    drop(holder);
    engine.ensure(&stage.spec(2)).await.unwrap();
    assert!(all_run(&stage.observe(&engine).await));
}

async fn interrupted_removal() {
    let stage = Stage::new();
    let engine = stage.engine().await;
    engine.ensure(&stage.spec(2)).await.unwrap();
    engine.close().await;
    drop(engine);
    let path = stage.cluster_path("cluster.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("Established", "Removing")).unwrap();
    let engine = stage.engine().await;
    assert!(engine.list().await.unwrap().is_empty());
    assert!(nothing_stays(&stage));
}

async fn half_made() {
    let stage = Stage::new();
    fs::create_dir_all(stage.cluster_path("broker-1")).unwrap();
    let engine = stage.engine().await;
    assert!(nothing_stays(&stage));
    engine.ensure(&stage.spec(1)).await.unwrap();
}

async fn one_broken() {
    let stage = Stage::new();
    let broken = uuid::Uuid::new_v4();
    let folder = stage.path("clusters").join(broken.to_string());
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("cluster.json"), "{").unwrap();
    let engine = stage.engine().await;
    engine.ensure(&stage.spec(1)).await.unwrap();
    assert!(
        engine.observe(broken).await.is_err(),
        "it is not gone, it cannot be read"
    );
    assert!(folder.exists(), "what cannot be read is not deleted");
    engine.remove(broken).await.unwrap();
    assert!(!folder.exists());
}

async fn removal_of_stuck() {
    let stage = Stage::new();
    let engine = stage.engine().await;
    fs::write(stage.path("clusters/hang"), "").unwrap();
    let ensuring = {
        let (engine, spec) = (std::sync::Arc::clone(&engine), stage.spec(2));
        tokio::spawn(async move { engine.ensure(&spec).await })
    };
    poll(async || stage.processes().len() == 2).await;
    let observed = engine.observe(stage.cluster_id).await.unwrap().unwrap();
    assert!(
        observed
            .brokers
            .iter()
            .all(|broker| broker.state == BrokerState::Starting),
        "{observed:?}"
    );
    engine.remove(stage.cluster_id).await.unwrap();
    let error = ensuring.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("it is being removed"), "{error}");
    fs::remove_file(stage.path("clusters/hang")).unwrap();
    assert!(nothing_stays(&stage));
    engine.ensure(&stage.spec(1)).await.unwrap();
}

async fn impossible() {
    let stage = Stage::new();
    let engine = stage.engine().await;
    let mut closed = stage.spec(1);
    (closed.listeners.tls, closed.listeners.sasl_scram) = (false, false);
    let mut nowhere = stage.spec(1);
    nowhere.zones.clear();
    for spec in [closed, nowhere, stage.spec(0), stage.spec(251)] {
        let error = engine.ensure(&spec).await.unwrap_err();
        assert!(matches!(error, EngineError::Unsupported { .. }), "{error}");
    }
    let mut ignored = stage.spec(1);
    let property = ("group.share.max.size".to_owned(), "300".to_owned());
    ignored.server_properties.extend([property]);
    let error = engine.validate(&ignored).unwrap_err();
    assert!(error.to_string().contains("share groups"), "{error}");
    assert!(nothing_stays(&stage));
}
