//! A process outlives its supervisor, and the next supervisor finds it, wherever the first one was killed.

use std::{env, fs, path::PathBuf, process::Command, sync::Arc, time::Duration};

use clock::SystemClock;
use supervisor::{Phase, Supervised};

use crate::stage::{self, Stage, ignore, kill, poll, until};

const SCRIPT: &str = "while :; do sleep 1; done";

#[tokio::test]
async fn dropped_supervision_leaves_the_process_to_the_next_one() {
    let stage = Stage::new();
    let process = stage.supervise(SCRIPT).await;
    let first = until(&mut process.status(), |status| status.phase == Phase::Running).await;
    drop(process);
    let process = stage.supervise(SCRIPT).await;
    let second = process.status().borrow().clone();
    assert_eq!(second.phase, Phase::Running, "at once");
    assert!(second.adopted);
    assert_eq!((second.pid, second.started_at_ms), (first.pid, first.started_at_ms));
    kill(first.pid.unwrap());
    let third = until(&mut process.status(), |status| {
        status.pid.is_some_and(|pid| Some(pid) != first.pid)
    })
    .await;
    assert!(!third.adopted);
    process.stop().await.unwrap();
}

#[tokio::test]
async fn record_of_another_process_with_the_same_id_is_not_believed() {
    let stage = Stage::new();
    let boot_id = supervisor::boot_id().unwrap();
    let own = std::process::id();
    for (boot_id, start_ticks) in [(boot_id.as_str(), 1), ("another", 0)] {
        let record = format!(
            r#"{{"token":"of-nobody-{own}","boot_id":"{boot_id}","started_at_ms":1,"command":[],"process":{{"pid":{own},"start_ticks":{start_ticks}}}}}"#
        );
        fs::write(stage.path("process.json"), record).unwrap();
        let process = stage.supervise(SCRIPT).await;
        let status = until(&mut process.status(), |status| status.phase == Phase::Running).await;
        assert!(!status.adopted);
        process.stop().await.unwrap();
        drop(process);
    }
}

#[tokio::test]
async fn process_started_but_not_recorded_is_found_by_its_token() {
    let stage = Stage::new();
    let boot_id = supervisor::boot_id().unwrap();
    let record = format!(
        r#"{{"token":"token-{own}","boot_id":"{boot_id}","started_at_ms":1,"command":[],"process":null}}"#,
        own = std::process::id()
    );
    fs::write(stage.path("process.json"), record).unwrap();
    // In a session of its own, as supervised processes are.
    let mut orphan = Command::new("setsid")
        .args([
            "/bin/sh",
            "-c",
            SCRIPT,
            &stage.marker(),
            "--process-token",
            &format!("token-{}", std::process::id()),
        ])
        .spawn()
        .unwrap();
    poll(|| stage.running() == [orphan.id()]).await;
    let process = stage.supervise(SCRIPT).await;
    let status = until(&mut process.status(), |status| status.phase == Phase::Running).await;
    assert_eq!((status.adopted, status.pid), (true, Some(orphan.id())));
    process.stop().await.unwrap();
    // The supervisor has reaped it, being its parent too.
    let _ = orphan.wait();
}

#[tokio::test]
async fn token_goes_where_the_arguments_have_a_place_for_it() {
    let stage = Stage::new();
    let mut spec = stage.spec(SCRIPT);
    spec.arguments
        .push(format!("-Dtoken={}", supervisor::ProcessSpec::TOKEN));
    let supervise = || Supervised::start(spec.clone(), ignore(), Arc::new(SystemClock));
    let process = supervise().await.unwrap();
    let first = until(&mut process.status(), |status| status.phase == Phase::Running).await;
    let arguments = fs::read(format!("/proc/{}/cmdline", first.pid.unwrap())).unwrap();
    let arguments = String::from_utf8(arguments).unwrap();
    let record = fs::read_to_string(stage.path("process.json")).unwrap();
    let token = record.split('"').nth(3).unwrap();
    assert!(
        arguments.ends_with(&format!("\0-Dtoken={token}\0")),
        "{arguments:?} {record}"
    );
    drop(process);
    // The process is in no record, as after a crash between the fork and the record of it.
    let at = record.find("\"process\"").unwrap();
    fs::write(
        stage.path("process.json"),
        format!("{}\"process\":null}}", &record[..at]),
    )
    .unwrap();
    let process = supervise().await.unwrap();
    let second = process.status().borrow().clone();
    assert_eq!((second.adopted, second.pid), (true, first.pid));
    process.stop().await.unwrap();
}

#[tokio::test]
async fn unreadable_record_does_not_prevent_a_start() {
    let stage = Stage::new();
    fs::write(stage.path("process.json"), "{").unwrap();
    let process = stage.supervise(SCRIPT).await;
    until(&mut process.status(), |status| status.phase == Phase::Running).await;
    process.stop().await.unwrap();
}

#[tokio::test]
async fn end_while_nobody_looked_is_told_before_the_start() {
    let stage = Stage::new();
    let process = stage.supervise(SCRIPT).await;
    let pid = until(&mut process.status(), |status| status.phase == Phase::Running)
        .await
        .pid
        .unwrap();
    drop(process);
    kill(pid);
    poll(|| stage.running().is_empty()).await;
    let (sender, mut told) = tokio::sync::mpsc::unbounded_channel();
    let hook: supervisor::ExitHook = Box::new(move |exit| {
        sender.send(exit).unwrap();
        Box::pin(async {})
    });
    let process = Supervised::start(stage.spec(SCRIPT), hook, Arc::new(SystemClock))
        .await
        .unwrap();
    assert_eq!(told.try_recv().unwrap().pid, pid);
    until(&mut process.status(), |status| {
        status.phase == Phase::Running && !status.adopted
    })
    .await;
    process.stop().await.unwrap();
}

#[tokio::test]
async fn process_left_behind_can_be_ended_without_being_supervised() {
    let stage = Stage::new();
    let process = stage.supervise(SCRIPT).await;
    until(&mut process.status(), |status| status.phase == Phase::Running).await;
    drop(process);
    supervisor::end("shell", stage.folder.path(), Duration::from_secs(5))
        .await
        .unwrap();
    assert!(stage.running().is_empty());
    supervisor::end("shell", stage.folder.path(), Duration::from_secs(5))
        .await
        .unwrap();
}

/// Not a test of its own: the supervisor that the next one kills.
#[test]
#[ignore = "run by supervisor_killed_at_any_moment_leaves_one_process"]
fn supervisor_to_be_killed() {
    let Some(folder) = env::var_os("SUPERVISOR_TEST_FOLDER").map(PathBuf::from) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let _process = Supervised::start(stage::spec(&folder, SCRIPT), ignore(), Arc::new(SystemClock))
            .await
            .unwrap();
        std::future::pending::<()>().await;
    });
}

/// Kills supervisors at moments spread over the start of their process; afterwards there is never more than the one
/// process that the next supervisor has.
#[tokio::test]
async fn supervisor_killed_at_any_moment_leaves_one_process() {
    const ROUNDS: u32 = 40;
    let stage = Stage::new();
    for round in 0..ROUNDS {
        let mut first = Command::new(env::current_exe().unwrap())
            .args([
                "--exact",
                "adopting::supervisor_to_be_killed",
                "--ignored",
                "--nocapture",
                "--test-threads=1",
            ])
            .env("SUPERVISOR_TEST_FOLDER", stage.folder.path())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        poll(|| stage.path("process.json").exists()).await;
        // The moments after the first record was written are the interesting ones.
        std::thread::sleep(Duration::from_micros(u64::from(round) * 50));
        first.kill().unwrap();
        first.wait().unwrap();
        let process = stage.supervise(SCRIPT).await;
        let status = until(&mut process.status(), |status| status.phase == Phase::Running).await;
        assert_eq!(stage.running(), [status.pid.unwrap()], "round {round}");
        process.stop().await.unwrap();
        drop(process);
        assert_eq!(stage.running(), Vec::<u32>::new(), "round {round}");
    }
}
