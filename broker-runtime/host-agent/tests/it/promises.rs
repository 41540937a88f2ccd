//! What every host promises, wherever it is: the tests of this crate put a host of this machine to it, those of `broker-runtime` one
//! that is reached through its agent.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use hosts::{BundleDigest, Host, HostError, UnitCommand, UnitFile, UnitName, UnitPhase, UnitProcess, UnitStatus};

/// How long anything here may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Puts a host without units to all of it. Its processes have `marker` among their arguments; `folder` is for files that it is given.
pub async fn are_kept(host: &dyn Host, marker: &str, folder: &Path) {
    files(host).await;
    commands(host, marker).await;
    processes(host, marker).await;
    addresses(host).await;
    bundles(host, folder).await;
    assert!(host.units().await.unwrap().is_empty(), "nothing is left");
}

fn unit(name: &str) -> UnitName {
    UnitName::new(name).unwrap()
}

fn is_refused<T>(result: Result<T, HostError>) -> bool {
    matches!(result, Err(HostError::Refused { .. }))
}

/// A shell that runs `script`.
pub fn shell(script: &str, marker: &str) -> UnitProcess {
    let token = format!("-Dtoken={}", UnitProcess::TOKEN);
    UnitProcess {
        command: UnitCommand {
            program: "sh".to_owned(),
            arguments: ["-c", script, &token, marker].map(str::to_owned).to_vec(),
            environment: vec![("WORD".to_owned(), "hello".to_owned())],
        },
        log_path: "logs/log".to_owned(),
        log_bytes_max: 1 << 20,
        stop_grace: Duration::from_secs(5),
        open_files_max: Some(99),
    }
}

async fn until(host: &dyn Host, unit: &UnitName, wanted: impl Fn(&UnitStatus) -> bool) -> UnitStatus {
    let begun = Instant::now();
    loop {
        let status = host.status(unit).await.unwrap();
        if let Some(status) = status.as_ref().filter(|status| wanted(status)) {
            return status.clone();
        }
        assert!(begun.elapsed() < LIMIT, "{status:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn files(host: &dyn Host) {
    let u = unit("files");
    assert_eq!(host.status(&u).await.unwrap(), None);
    let file = |path: &str, content: &[u8]| UnitFile {
        path: path.to_owned(),
        content: content.to_vec(),
        is_secret: true,
    };
    host.write_files(&u, &[file("a/b", &[0, 159, 146, 150]), file("c", b"text")])
        .await
        .unwrap();
    host.write_files(&u, &[file("c", b"other")]).await.unwrap();
    assert_eq!(
        host.read_file(&u, "a/b", 9).await.unwrap(),
        Some(vec![0, 159, 146, 150]),
        "others stay"
    );
    assert_eq!(
        host.read_file(&u, "c", 3).await.unwrap(),
        Some(b"her".to_vec()),
        "the end of it"
    );
    assert_eq!(host.read_file(&u, "d", 9).await.unwrap(), None);
    assert_eq!(host.read_file(&unit("none"), "d", 9).await.unwrap(), None);
    for path in ["../c", "/c", "", ".agent/wanted.json", "a/../../c"] {
        assert!(is_refused(host.write_files(&u, &[file(path, b"x")]).await), "{path}");
        assert!(is_refused(host.read_file(&u, path, 9).await), "{path}");
        assert!(is_refused(host.delete_file(&u, path).await), "{path}");
    }
    for _ in 0..2 {
        host.delete_file(&u, "a").await.unwrap();
    }
    assert_eq!(host.read_file(&u, "a/b", 9).await.unwrap(), None);
    let status = host.status(&u).await.unwrap().unwrap();
    assert_eq!((status.phase, status.pid), (UnitPhase::Stopped, None));
    for _ in 0..2 {
        host.remove(&u).await.unwrap();
    }
    assert_eq!(host.status(&u).await.unwrap(), None);
}

async fn commands(host: &dyn Host, marker: &str) {
    let (u, limit) = (unit("commands"), Duration::from_secs(10));
    let command = shell("echo $WORD; echo $PWD >&2; exit 4", marker).command;
    let finished = host.run(&u, &command, limit).await.unwrap();
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(4), "hello\n"));
    assert!(finished.stderr.ends_with("/units/commands\n"), "{}", finished.stderr);
    let endless = shell("sleep 1000", marker).command;
    let error = host.run(&u, &endless, Duration::from_millis(100)).await.unwrap_err();
    assert!(error.to_string().contains("was killed"), "{error}");
    let mut missing = command;
    missing.program = "no-such-program".to_owned();
    let error = host.run(&u, &missing, limit).await.unwrap_err();
    assert!(matches!(error, HostError::Environment { .. }), "{error}");
    host.remove(&u).await.unwrap();
}

async fn processes(host: &dyn Host, marker: &str) {
    let u = unit("processes");
    host.stop(&u, true).await.expect("there is nothing to stop");
    let mut process = shell("echo $WORD; while :; do sleep 0.05; done", marker);
    host.start(&u, &process).await.unwrap();
    let first = until(host, &u, |it| it.phase == UnitPhase::Running && it.pid.is_some()).await;
    assert!(
        first.resident_bytes.is_some() && first.started_at_ms.is_some(),
        "{first:?}"
    );
    host.start(&u, &process).await.unwrap();
    assert_eq!(until(host, &u, |_| true).await.pid, first.pid, "it goes on");
    let begun = Instant::now();
    while host.read_file(&u, "logs/log", 99).await.unwrap() != Some(b"hello\n".to_vec()) {
        assert!(begun.elapsed() < LIMIT, "what it prints is in its log");
    }
    process.command.environment.clear();
    host.start(&u, &process).await.unwrap();
    let second = until(host, &u, |it| it.phase == UnitPhase::Running && it.pid.is_some()).await;
    assert_ne!(second.pid, first.pid, "another specification is another process");
    let running = supervisor::running_with_argument(marker).unwrap();
    assert!(
        running.iter().all(|it| Some(it.pid) != first.pid),
        "the old one has ended"
    );
    let mut wrong = process.clone();
    wrong.log_path = "../log".to_owned();
    assert!(is_refused(host.start(&u, &wrong).await));
    wrong = process.clone();
    wrong.command.program = "no-such-program".to_owned();
    let error = host.start(&u, &wrong).await.unwrap_err();
    assert!(error.to_string().contains("no-such-program"), "{error}");
    assert_eq!(
        until(host, &u, |_| true).await.pid,
        second.pid,
        "wrong orders change nothing"
    );
    for _ in 0..2 {
        host.stop(&u, false).await.unwrap();
    }
    let stopped = until(host, &u, |_| true).await;
    assert_eq!((stopped.phase, stopped.pid), (UnitPhase::Stopped, None));
    assert!(stopped.last_exit.is_some(), "{stopped:?}");
    let names: Vec<String> = host
        .units()
        .await
        .unwrap()
        .into_iter()
        .map(|it| it.unit.to_string())
        .collect();
    assert_eq!(names, ["processes"]);
    host.remove(&u).await.unwrap();
}

async fn addresses(host: &dyn Host) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addresses = [listener.local_addr().unwrap(), "192.0.2.1:9092".parse().unwrap()];
    assert_eq!(host.taken(&addresses).await.unwrap(), addresses[..1]);
    assert!(host.taken(&[]).await.unwrap().is_empty());
}

async fn bundles(host: &dyn Host, folder: &Path) {
    let (archive, digest) = archive(folder);
    let wrong = BundleDigest::new("0".repeat(64)).unwrap();
    assert!(is_refused(host.put_bundle(&wrong, &archive).await));
    host.put_bundle(&digest, &archive).await.unwrap();
    host.put_bundle(&digest, &folder.join("gone"))
        .await
        .expect("it has that already");
    let unpacked = host.facts().bundle_directory(&digest);
    assert_eq!(fs::metadata(unpacked.join("big")).unwrap().len(), 3 << 20);
    let beside = fs::read_dir(unpacked.parent().unwrap()).unwrap().count();
    assert_eq!(beside, 1, "nothing is left beside it");
    bundles_go(host, &digest, &archive).await;
}

/// A bundle goes with what was made of it, unless something is to run that names it.
async fn bundles_go(host: &dyn Host, digest: &BundleDigest, archive: &Path) {
    let unpacked = host.facts().bundle_directory(digest);
    fs::write(unpacked.join("made"), "of it").unwrap();
    let held = host.bundles().await.unwrap();
    assert_eq!(held.len(), 1);
    assert_eq!((&held[0].digest, held[0].bytes), (digest, (3 << 20) + 5));
    let u = unit("reader");
    let script = format!("exec tail -f {}/big", unpacked.display());
    host.start(&u, &shell(&script, "reads-a-bundle")).await.unwrap();
    assert!(is_refused(host.remove_bundle(digest).await), "something reads it");
    host.remove(&u).await.unwrap();
    for _ in 0..2 {
        host.remove_bundle(digest).await.unwrap();
    }
    assert!(host.bundles().await.unwrap().is_empty());
    assert_eq!(fs::read_dir(unpacked.parent().unwrap()).unwrap().count(), 0);
    host.put_bundle(digest, archive).await.expect("it comes again");
    host.remove_bundle(digest).await.unwrap();
}

/// An archive that does not go over the wire in one piece, made by a program that is not ours.
fn archive(folder: &Path) -> (PathBuf, BundleDigest) {
    fs::write(folder.join("big"), vec![7; 3 << 20]).unwrap();
    let path = folder.join("archive.tar");
    let mut tar = Command::new("tar");
    tar.arg("-C").arg(folder).arg("-cf").arg(&path).arg("big");
    assert!(tar.status().unwrap().success());
    let digest = ring::digest::digest(&ring::digest::SHA256, &fs::read(&path).unwrap());
    let digits: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    (path, BundleDigest::new(digits).unwrap())
}
