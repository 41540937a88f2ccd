//! Stopping and restarting on request.

use std::sync::Arc;

use clock::SystemClock;
use supervisor::{ExitReason, Phase, Supervised, SupervisorError};

use crate::stage::{Stage, ignore, until};

#[tokio::test]
async fn stop_lets_a_process_end_by_itself() {
    let stage = Stage::new();
    let process = stage
        .supervise("trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done")
        .await;
    until(&mut process.status(), |status| status.phase == Phase::Running).await;
    crate::stage::poll(|| std::fs::read_to_string(stage.path("log")).is_ok_and(|log| log.contains("ready"))).await;
    process.stop().await.unwrap();
    let exit = process.status().borrow().last_exit.clone().unwrap();
    assert_eq!((exit.reason, exit.requested), (ExitReason::Code(5), true));
    assert!(!stage.path("process.json").exists(), "nothing is remembered of it");
    assert!(stage.running().is_empty());
    process.stop().await.expect("stopping twice is fine");
}

#[tokio::test]
async fn process_that_ignores_the_request_is_killed() {
    let stage = Stage::new();
    let process = stage
        .supervise("trap '' TERM; echo ready; while :; do sleep 0.01; done")
        .await;
    until(&mut process.status(), |status| status.phase == Phase::Running).await;
    crate::stage::poll(|| std::fs::read_to_string(stage.path("log")).is_ok_and(|log| log.contains("ready"))).await;
    process.stop().await.unwrap();
    assert_eq!(
        process.status().borrow().last_exit.clone().unwrap().reason,
        ExitReason::Signal(9)
    );
    assert!(stage.running().is_empty());
}

#[tokio::test]
async fn kill_does_not_ask() {
    let stage = Stage::new();
    let mut spec = stage.spec("trap '' TERM; while :; do sleep 0.01; done");
    spec.stop_grace = std::time::Duration::from_secs(3600);
    let process = Supervised::start(spec, ignore(), Arc::new(SystemClock)).await.unwrap();
    until(&mut process.status(), |status| status.phase == Phase::Running).await;
    process.kill().await.unwrap();
    assert!(stage.running().is_empty());
}

#[tokio::test]
async fn restart_takes_up_another_specification() {
    let stage = Stage::new();
    let process = stage.supervise("exec sleep 100").await;
    let mut status = process.status();
    let first = until(&mut status, |status| status.phase == Phase::Running)
        .await
        .pid
        .unwrap();
    process
        .restart(Some(stage.spec("echo changed; exec sleep 100")))
        .await
        .unwrap();
    let second = until(&mut status, |status| {
        status.phase == Phase::Running && status.pid.is_some()
    })
    .await;
    assert_ne!(second.pid.unwrap(), first);
    assert_eq!(second.restarts, 0, "a restart on request is not counted");
    crate::stage::poll(|| std::fs::read_to_string(stage.path("log")).is_ok_and(|log| log.contains("changed"))).await;
    process.stop().await.unwrap();
    process
        .restart(None)
        .await
        .expect("a stopped process can be started again");
    until(&mut status, |status| status.phase == Phase::Running).await;
    process.stop().await.unwrap();
}

#[tokio::test]
async fn second_supervisor_of_a_process_is_refused() {
    let stage = Stage::new();
    let process = stage.supervise("exec sleep 100").await;
    let error = Supervised::start(stage.spec("exec sleep 100"), ignore(), Arc::new(SystemClock))
        .await
        .unwrap_err();
    assert!(matches!(error, SupervisorError::Supervised { .. }), "{error}");
    process.stop().await.unwrap();
}
