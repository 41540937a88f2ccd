//! A process that ends is started again, and whoever wants to know is told first.

use std::{fs, sync::Arc};

use clock::SystemClock;
use parking_lot::Mutex;
use supervisor::{ExitReason, Phase, ProcessExit, Supervised};

use crate::stage::{Stage, ignore, kill, until};

#[tokio::test]
async fn killed_process_is_back_under_another_id() {
    let stage = Stage::new();
    let process = stage.supervise("while :; do sleep 1; done").await;
    let mut status = process.status();
    let first = until(&mut status, |status| status.phase == Phase::Running)
        .await
        .pid
        .unwrap();
    kill(first);
    let second = until(&mut status, |status| status.pid.is_some_and(|pid| pid != first)).await;
    assert_eq!(
        second.last_exit,
        Some(ProcessExit {
            pid: first,
            reason: ExitReason::Signal(9),
            requested: false
        })
    );
    until(&mut status, |status| {
        status.phase == Phase::Running && status.restarts == 1
    })
    .await;
    assert_eq!(stage.running(), [second.pid.unwrap()]);
    process.stop().await.unwrap();
}

#[tokio::test]
async fn process_that_keeps_ending_is_started_again_and_again() {
    let stage = Stage::new();
    let process = stage.supervise("echo once >> starts; exit 7").await;
    let mut status = process.status();
    let seen = until(&mut status, |status| status.restarts >= 3).await;
    assert_eq!(seen.last_exit.unwrap().reason, ExitReason::Code(7));
    process.stop().await.unwrap();
    let starts = fs::read_to_string(stage.path("starts")).unwrap().lines().count();
    assert!(starts >= 3, "{starts}");
    assert!(stage.running().is_empty());
}

#[tokio::test]
async fn exit_is_told_before_the_restart() {
    let stage = Stage::new();
    let told = Arc::new(Mutex::new(Vec::new()));
    let (sink, starts) = (Arc::clone(&told), stage.path("starts"));
    let hook = move |exit: ProcessExit| {
        let count = fs::read_to_string(&starts).unwrap_or_default().lines().count();
        sink.lock().push((exit.reason, count));
        Box::pin(async {}) as std::pin::Pin<Box<dyn Future<Output = ()> + Send>>
    };
    let spec = stage.spec("echo once >> starts; exit 3");
    let process = Supervised::start(spec, Box::new(hook), Arc::new(SystemClock))
        .await
        .unwrap();
    until(&mut process.status(), |status| status.restarts >= 2).await;
    process.stop().await.unwrap();
    let told = told.lock();
    assert_eq!(told[..2], [(ExitReason::Code(3), 1), (ExitReason::Code(3), 2)]);
}

#[tokio::test]
async fn missing_program_is_told_and_tried_again() {
    let stage = Stage::new();
    let mut spec = stage.spec("exit 0");
    spec.program = stage.path("program");
    let process = Supervised::start(spec, ignore(), Arc::new(SystemClock)).await.unwrap();
    let mut status = process.status();
    let failed = until(&mut status, |status| status.start_error.is_some()).await;
    let text = failed.start_error.unwrap();
    assert!(text.contains("program\" cannot be started: No such file"), "{text}");
    std::os::unix::fs::symlink("/bin/sh", stage.path("program")).unwrap();
    until(&mut status, |status| status.start_error.is_none()).await;
    process.stop().await.unwrap();
}

#[tokio::test]
async fn process_has_a_session_a_log_and_nothing_else_of_ours() {
    let stage = Stage::new();
    let script = "echo \"env $(env | sort | tr '\\n' ' ')\"; cat /proc/self/stat; pwd; echo done; exec sleep 100";
    let process = stage.supervise(script).await;
    until(&mut process.status(), |status| status.phase == Phase::Running).await;
    crate::stage::poll(|| fs::read_to_string(stage.path("log")).is_ok_and(|log| log.ends_with("done\n"))).await;
    let log = fs::read_to_string(stage.path("log")).unwrap();
    let folder = fs::canonicalize(stage.folder.path()).unwrap().display().to_string();
    assert!(log.lines().any(|line| line == folder), "{log}");
    let pid = process.status().borrow().pid.unwrap().to_string();
    let session = log
        .lines()
        .find(|line| line.contains("(cat)"))
        .unwrap()
        .split(' ')
        .nth(5)
        .unwrap();
    assert_eq!(session, pid, "{log}");
    assert!(log.contains("env PATH=/usr/bin:/bin PWD="), "{log}");
    // `sleep` opens its libraries for a moment.
    crate::stage::poll(|| fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() == 3).await;
    process.stop().await.unwrap();
}

#[tokio::test]
async fn open_files_are_bounded_for_good() {
    let stage = Stage::new();
    let mut spec = stage.spec("ulimit -Sn; ulimit -Hn; exec sleep 100");
    spec.open_files_max = Some(77);
    let process = Supervised::start(spec, ignore(), Arc::new(SystemClock)).await.unwrap();
    crate::stage::poll(|| fs::read_to_string(stage.path("log")).is_ok_and(|log| log == "77\n77\n")).await;
    process.stop().await.unwrap();
}

#[tokio::test]
async fn long_log_is_set_aside_at_the_next_start() {
    let stage = Stage::new();
    fs::write(stage.path("log"), "x".repeat(101)).unwrap();
    let process = stage.supervise("echo new; exec sleep 100").await;
    crate::stage::poll(|| fs::read_to_string(stage.path("log")).is_ok_and(|log| log == "new\n")).await;
    assert_eq!(fs::metadata(stage.path("log.1")).unwrap().len(), 101);
    process.stop().await.unwrap();
}
