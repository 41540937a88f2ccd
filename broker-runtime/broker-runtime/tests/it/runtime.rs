//! `serve`, `guard`, `status`, `doctor` and `stop` as a person or a provider starts them.

use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Output},
    thread,
    time::{Duration, Instant},
};

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(20);
/// How long a killed control plane may stay away.
const BACK_LIMIT: Duration = Duration::from_secs(1);

struct Runtime {
    folder: tempfile::TempDir,
}

impl Runtime {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn data_dir(&self) -> PathBuf {
        fs::canonicalize(self.folder.path()).unwrap().join("data")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_broker-runtime"));
        command.args(arguments).arg("--data-dir").arg(self.data_dir());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Starts it on a port of its own choice.
    fn start(&self) {
        let output = self.run(&["serve", "--background"]);
        assert!(output.status.success(), "{}", text(&output));
    }

    fn info(&self) -> serde_json::Value {
        serde_json::from_slice(&fs::read(self.data_dir().join("runtime.json")).unwrap()).unwrap()
    }

    fn address(&self) -> SocketAddr {
        self.info()["endpoint"]
            .as_str()
            .unwrap()
            .strip_prefix("http://")
            .unwrap()
            .parse()
            .unwrap()
    }

    fn answers(&self) -> bool {
        TcpStream::connect(self.address()).is_ok()
    }

    /// Ids of our processes with this subcommand; of all of them when it is empty.
    fn processes(&self, kind: &str) -> Vec<u32> {
        let root = self.data_dir().display().to_string();
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        pids.filter(|pid| {
            supervisor::identify(*pid).is_some()
                && supervisor::has_argument(*pid, &root)
                && (kind.is_empty() || supervisor::has_argument(*pid, kind))
        })
        .collect()
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.run(&["stop"]);
        while let Some(pid) = self.processes("").first() {
            kill(*pid);
        }
    }
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
}

fn wait(what: &str, mut condition: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < LIMIT, "{what}");
        thread::sleep(Duration::from_millis(2));
    }
    begun.elapsed()
}

/// What is logged goes nowhere, and so does what tracing would say about that.
#[test]
fn full_disk_under_the_log_costs_lines_and_nothing_else() {
    let runtime = Runtime::new();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut serve = runtime.command(&["serve"]).stderr(full).spawn().unwrap();
    wait("serve to be ready", || runtime.data_dir().join("runtime.json").exists());
    wait("serve to answer", || runtime.answers());
    assert!(runtime.run(&["status"]).status.success());
    assert!(serve.try_wait().unwrap().is_none(), "serve has ended");
    assert!(runtime.run(&["stop"]).status.success());
    assert!(serve.wait().unwrap().success());
}

#[test]
fn killed_control_plane_is_back_at_the_same_address_within_a_second() {
    let runtime = Runtime::new();
    // The usual port goes to whoever starts first, also to other tests while this control plane is away.
    let _usual = std::net::TcpListener::bind("127.0.0.1:8479");
    runtime.start();
    let address = runtime.address();
    wait("the guard runs", || runtime.processes("guard").len() == 1);
    for _ in 0..3 {
        let before = runtime.processes("serve");
        assert_eq!(before.len(), 1);
        kill(before[0]);
        let away = wait("another control plane answers", || {
            runtime.info()["pid"] != before[0] && runtime.address() == address && runtime.answers()
        });
        assert!(away < BACK_LIMIT, "{away:?}");
        wait("it has adopted the guard", || runtime.processes("guard").len() == 1);
    }
}

#[test]
fn killed_guard_is_back_and_does_its_work() {
    let runtime = Runtime::new();
    runtime.start();
    wait("the guard runs", || runtime.processes("guard").len() == 1);
    let guard = runtime.processes("guard")[0];
    kill(guard);
    wait("another guard runs", || {
        runtime.processes("guard").first().is_some_and(|pid| *pid != guard)
    });
    let serve = runtime.processes("serve")[0];
    kill(serve);
    wait("another control plane answers", || {
        runtime.info()["pid"] != serve && runtime.answers()
    });
}

#[test]
fn stop_ends_both_and_nothing_brings_them_back() {
    let runtime = Runtime::new();
    runtime.start();
    let output = runtime.run(&["stop"]);
    assert!(
        output.status.success() && text(&output).contains("stopped"),
        "{}",
        text(&output)
    );
    assert!(runtime.processes("").is_empty());
    assert!(!runtime.answers());
    let output = runtime.run(&["stop"]);
    assert!(output.status.success() && text(&output).contains("nothing was running"));
    let output = runtime.run(&["status"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output).contains("nothing runs"), "{}", text(&output));
}

#[test]
fn sigterm_stops_the_control_plane_and_its_guard() {
    let runtime = Runtime::new();
    runtime.start();
    wait("the guard runs", || runtime.processes("guard").len() == 1);
    let pid = rustix::process::Pid::from_raw(i32::try_from(runtime.processes("serve")[0]).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    wait("both have ended", || runtime.processes("").is_empty());
}

#[test]
fn many_starts_at_once_make_one_runtime() {
    let runtime = Runtime::new();
    let starts: Vec<_> = (0..6)
        .map(|_| runtime.command(&["serve", "--background"]).spawn().unwrap())
        .collect();
    for mut start in starts {
        assert!(start.wait().unwrap().success());
    }
    // A child that is about to become the guard still has the arguments of its parent.
    wait("one control plane runs", || runtime.processes("serve").len() == 1);
    assert!(runtime.answers());
}

#[test]
fn failed_start_says_why_and_leaves_nothing_running() {
    let runtime = Runtime::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = runtime.run(&["serve", "--background", "--listen", &address]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output);
    assert!(
        said.contains(&format!("cannot listen on {address}, which is taken by")),
        "{said}"
    );
    assert!(said.contains(&format!("process {}", std::process::id())), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    assert!(runtime.processes("").is_empty());
}

#[test]
fn data_directory_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let inside: &Path = &file.join("data");
    for subcommand in ["serve", "doctor"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_broker-runtime"));
        let output = command.arg(subcommand).arg("--data-dir").arg(inside).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{subcommand}");
        assert!(
            text(&output).contains(&inside.display().to_string()),
            "{}",
            text(&output)
        );
    }
}

#[test]
fn second_control_plane_in_the_foreground_is_refused() {
    let runtime = Runtime::new();
    runtime.start();
    let output = runtime.run(&["serve"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("serves"), "{}", text(&output));
}

#[test]
fn status_and_doctor_are_content_with_a_fresh_runtime() {
    let runtime = Runtime::new();
    runtime.start();
    let output = runtime.run(&["status"]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("no clusters"), "{}", text(&output));
    let output = runtime.run(&["doctor"]);
    assert!(text(&output).contains("control plane answers at"), "{}", text(&output));
}

#[test]
fn data_directory_is_for_the_user_only() {
    use std::os::unix::fs::PermissionsExt;
    let runtime = Runtime::new();
    runtime.start();
    assert_eq!(
        fs::metadata(runtime.data_dir()).unwrap().permissions().mode() & 0o777,
        0o700
    );
}
