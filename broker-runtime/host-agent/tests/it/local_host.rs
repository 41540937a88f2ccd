//! What a host promises, on this machine.

use std::{fs, time::Duration};

use hosts::{Host, HostError, UnitCommand, UnitFile, UnitPhase};

use crate::promises;
use crate::stage::{Stage, kill, poll, running, unit, until};

const SCRIPT: &str = "echo $GREETING from $PWD; ulimit -Hn; while :; do sleep 0.05; done";

#[tokio::test]
async fn host_of_this_machine_keeps_the_promises_of_all() {
    let stage = Stage::new();
    let files = tempfile::tempdir().unwrap();
    promises::are_kept(&*stage.host().await, &stage.marker(), files.path()).await;
    assert!(stage.running().is_empty());
}

#[tokio::test]
async fn process_is_started_once_and_again_when_it_ends() {
    let stage = Stage::new();
    let host = stage.host().await;
    let process = stage.shell(SCRIPT);
    host.start(&unit("one"), &process).await.unwrap();
    let first = running(&*host, "one").await;
    host.start(&unit("one"), &process).await.unwrap();
    assert_eq!(running(&*host, "one").await, first, "it goes on");
    let directory = host.facts().unit_directory(&unit("one"));
    let log = directory.join("logs/out.log");
    poll(|| fs::read_to_string(&log).is_ok_and(|log| log.ends_with("99\n"))).await;
    let expected = format!("hello from {}\n99\n", fs::canonicalize(&directory).unwrap().display());
    let read = host.read_file(&unit("one"), "logs/out.log", 1 << 20).await.unwrap();
    assert_eq!(String::from_utf8(read.unwrap()).unwrap(), expected);
    kill(first);
    let again = until(&*host, "one", |it| it.pid.is_some_and(|pid| pid != first)).await;
    assert_eq!((again.restarts, again.last_exit.as_deref()), (1, Some("signal 9")));
    assert!(again.resident_bytes.unwrap() > 0 && again.started_at_ms.is_some());
    host.stop(&unit("one"), false).await.unwrap();
    host.stop(&unit("one"), false).await.unwrap();
    assert!(stage.running().is_empty());
    let status = host.status(&unit("one")).await.unwrap().unwrap();
    assert_eq!((status.phase, status.pid), (UnitPhase::Stopped, None));
    host.start(&unit("one"), &process).await.unwrap();
    running(&*host, "one").await;
    host.remove(&unit("one")).await.unwrap();
    host.remove(&unit("one")).await.unwrap();
    assert!(stage.running().is_empty());
    assert_eq!(host.status(&unit("one")).await.unwrap(), None);
    assert_eq!(fs::read_dir(stage.path("units")).unwrap().count(), 0);
    // A unit may come back under its name.
    host.start(&unit("one"), &process).await.unwrap();
    running(&*host, "one").await;
    host.remove(&unit("one")).await.unwrap();
}

#[tokio::test]
async fn own_program_is_run_from_where_the_host_has_it() {
    let stage = Stage::new();
    let mut process = stage.shell(SCRIPT);
    process.command.program = UnitCommand::OWN_PROGRAM.to_owned();
    let moved = stage.path("moved");
    let host = stage.host_with_program(&moved).await;
    let missing = host.start(&unit("one"), &process).await.unwrap_err();
    let HostError::Environment { problem, remedy, .. } = &missing else {
        panic!("{missing:?}");
    };
    assert!(
        problem.contains(&moved.display().to_string()) && problem.contains("any more"),
        "{problem}"
    );
    assert_eq!(remedy, "install it");
    std::os::unix::fs::symlink("/bin/sh", &moved).unwrap();
    host.start(&unit("one"), &process).await.unwrap();
    let first = running(&*host, "one").await;
    let command = UnitCommand {
        program: UnitCommand::OWN_PROGRAM.to_owned(),
        ..stage.command("echo $GREETING")
    };
    let finished = host.run(&unit("two"), &command, Duration::from_secs(10)).await.unwrap();
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(0), "hello\n"));
    drop(host);
    // The next agent is another program, and what the last one has started goes on.
    let host = stage.host().await;
    assert_eq!(running(&*host, "one").await, first);
    host.start(&unit("one"), &process).await.unwrap();
    assert_eq!(running(&*host, "one").await, first);
    kill(first);
    until(&*host, "one", |it| it.pid.is_some_and(|pid| pid != first)).await;
    for name in ["one", "two"] {
        host.remove(&unit(name)).await.unwrap();
    }
    assert!(stage.running().is_empty());
}

#[tokio::test]
async fn commands_in_a_unit_run_one_after_the_other() {
    let stage = Stage::new();
    let host = stage.host().await;
    let command = stage.command("mkdir busy && sleep 0.2 && rmdir busy");
    let (name, limit) = (unit("one"), Duration::from_secs(20));
    let (one, other) = tokio::join!(host.run(&name, &command, limit), host.run(&name, &command, limit));
    assert_eq!((one.unwrap().code, other.unwrap().code), (Some(0), Some(0)));
}

#[tokio::test]
async fn next_host_of_the_directory_adopts_what_runs_and_ends_what_nobody_wants() {
    let stage = Stage::new();
    let host = stage.host().await;
    for name in ["kept", "stopped", "unwanted"] {
        host.start(&unit(name), &stage.shell(SCRIPT)).await.unwrap();
    }
    let (kept, unwanted) = (running(&*host, "kept").await, running(&*host, "unwanted").await);
    host.stop(&unit("stopped"), true).await.unwrap();
    drop(host);
    // As after a crash between the two halves of a stop.
    fs::remove_file(stage.path("units/unwanted/.agent/wanted.json")).unwrap();
    fs::create_dir(stage.path("units/.unfinished-removal")).unwrap();
    let host = stage.host().await;
    let status = host.status(&unit("kept")).await.unwrap().unwrap();
    assert_eq!((status.phase, status.pid), (UnitPhase::Running, Some(kept)), "at once");
    poll(|| !stage.running().contains(&unwanted)).await;
    assert_eq!(stage.running(), [kept]);
    let names: Vec<String> = host
        .units()
        .await
        .unwrap()
        .into_iter()
        .map(|it| it.unit.to_string())
        .collect();
    assert_eq!(names, ["kept", "stopped", "unwanted"]);
    // What is said once more is done already.
    host.start(&unit("kept"), &stage.shell(SCRIPT)).await.unwrap();
    assert_eq!(running(&*host, "kept").await, kept);
    host.remove(&unit("kept")).await.unwrap();
    assert!(stage.running().is_empty());
}

#[tokio::test]
async fn kill_does_not_wait_for_a_polite_stop() {
    let stage = Stage::new();
    let host = stage.host().await;
    let mut process = stage.shell("trap '' TERM; echo ready; while :; do sleep 0.05; done");
    process.stop_grace = Duration::from_secs(3600);
    host.start(&unit("one"), &process).await.unwrap();
    let log = stage.path("units/one/logs/out.log");
    poll(|| fs::read_to_string(&log).is_ok_and(|log| log.contains("ready"))).await;
    let (host2, one) = (host.clone(), unit("one"));
    let polite = tokio::spawn(async move { host2.stop(&one, false).await });
    until(&*host, "one", |it| it.phase == UnitPhase::Stopping).await;
    host.stop(&unit("one"), true).await.unwrap();
    polite.await.unwrap().unwrap();
    assert!(stage.running().is_empty());
}

#[tokio::test]
async fn commands_end_or_are_killed_with_all_they_started() {
    let stage = Stage::new();
    let host = stage.host().await;
    let second = Duration::from_secs(5);
    let short = stage.command("echo out; echo $GREETING >&2; exit 3");
    let finished = host.run(&unit("one"), &short, second).await.unwrap();
    assert_eq!(
        (finished.code, &*finished.stdout, &*finished.stderr),
        (Some(3), "out\n", "hello\n")
    );
    let long = stage.command("i=0; while [ $i -lt 30000 ]; do echo line $i; i=$((i+1)); done");
    let finished = host.run(&unit("one"), &long, second).await.unwrap();
    assert!(finished.stdout.ends_with("line 29999\n") && finished.stdout.len() <= 64 * 1024);
    let endless = stage.command("sleep 1000 & sleep 1000");
    let error = host
        .run(&unit("one"), &endless, Duration::from_millis(200))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("was killed"), "{error}");
    poll(|| stage.running().is_empty()).await;
    // One that leaves a child behind does not hold its caller up.
    let finished = host
        .run(&unit("one"), &stage.command("sleep 3 & echo done"), second)
        .await
        .unwrap();
    assert_eq!(finished.stdout, "done\n");
}

#[tokio::test]
async fn wrong_orders_change_nothing() {
    let stage = Stage::new();
    let host = stage.host().await;
    let outside = UnitFile {
        path: "../file".to_owned(),
        content: Vec::new(),
        is_secret: false,
    };
    let refused = |result: Result<(), HostError>| assert!(matches!(result, Err(HostError::Refused { .. })));
    refused(host.write_files(&unit("one"), &[outside]).await);
    refused(host.read_file(&unit("one"), "/etc/passwd", 9).await.map(drop));
    let mut process = stage.shell(SCRIPT);
    process.log_path = "../log".to_owned();
    refused(host.start(&unit("one"), &process).await);
    let mut process = stage.shell(SCRIPT);
    process.command.program = "no-such-program".to_owned();
    let error = host.start(&unit("two"), &process).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "on host here: there is no program \"no-such-program\" in /usr/bin:/bin; install it"
    );
    assert_eq!(host.status(&unit("two")).await.unwrap(), None);
    assert!(stage.running().is_empty());
}

#[tokio::test]
async fn program_that_cannot_be_run_is_told_and_tried_again() {
    let stage = Stage::new();
    let host = stage.host().await;
    let mut process = stage.shell(SCRIPT);
    process.command.program = stage.path("program").display().to_string();
    fs::copy("/usr/bin/env", stage.path("program")).unwrap();
    fs::write(stage.path("program"), "#!/no/such/interpreter\n").unwrap();
    let error = host.start(&unit("one"), &process).await.unwrap_err();
    assert!(error.to_string().contains("cannot be started"), "{error}");
    let error = host.start(&unit("one"), &process).await.unwrap_err();
    assert!(error.to_string().contains("cannot be started"), "still: {error}");
    host.start(&unit("one"), &stage.shell(SCRIPT))
        .await
        .expect("another program is another matter");
    host.stop(&unit("one"), false).await.unwrap();
    host.start(&unit("one"), &process).await.unwrap_err();
    fs::remove_file(stage.path("program")).unwrap();
    std::os::unix::fs::symlink("/bin/sh", stage.path("program")).unwrap();
    running(&*host, "one").await;
    host.remove(&unit("one")).await.unwrap();
}
