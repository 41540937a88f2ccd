//! A temporary state directory and a shell to supervise in it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clock::SystemClock;
use supervisor::{ExitHook, ProcessSpec, ProcessStatus, RestartPolicy, Supervised};
use tokio::sync::watch;

/// How long anything here may take.
const LIMIT: Duration = Duration::from_secs(20);

/// The directory; processes that carry its path as an argument are killed at the end.
pub struct Stage {
    pub folder: tempfile::TempDir,
}

impl Stage {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Found in the arguments of every process of this stage.
    pub fn marker(&self) -> String {
        marker(self.folder.path())
    }

    pub fn spec(&self, script: &str) -> ProcessSpec {
        spec(self.folder.path(), script)
    }

    pub async fn supervise(&self, script: &str) -> Supervised {
        Supervised::start(self.spec(script), ignore(), Arc::new(SystemClock))
            .await
            .unwrap()
    }

    /// Ids of the supervised processes. A child of a shell, which has the shell's arguments until it becomes `sleep`,
    /// is not one: it leads no session.
    pub fn running(&self) -> Vec<u32> {
        let found = supervisor::running_with_argument(&self.marker()).unwrap();
        let pids = found.into_iter().map(|identity| identity.pid);
        pids.filter(|pid| leads_a_session(*pid)).collect()
    }
}

/// Read from `/proc` because a process may end between being found and being looked at: `getsid` then answers 0, which
/// is no process id.
fn leads_a_session(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return false;
    };
    // After the name, in parentheses: state, parent, process group, session.
    let fields = stat.rsplit_once(") ").map(|(_, fields)| fields);
    let session = fields.and_then(|fields| fields.split_ascii_whitespace().nth(3));
    session.and_then(|session| session.parse().ok()) == Some(pid)
}

impl Drop for Stage {
    fn drop(&mut self) {
        for pid in self.running() {
            kill(pid);
        }
    }
}

pub fn marker(folder: &Path) -> String {
    format!("stage-{}", folder.display())
}

pub fn spec(folder: &Path, script: &str) -> ProcessSpec {
    ProcessSpec {
        name: "shell".to_owned(),
        program: PathBuf::from("/bin/sh"),
        arguments: vec!["-c".to_owned(), script.to_owned(), marker(folder)],
        environment: vec![("PATH".into(), "/usr/bin:/bin".into())],
        working_directory: folder.to_owned(),
        state_directory: folder.to_owned(),
        log_path: folder.join("log"),
        log_bytes_max: 100,
        restart: RestartPolicy {
            delay_min: Duration::from_millis(20),
            delay_max: Duration::from_millis(50),
            healthy_after: Duration::from_secs(60),
        },
        stop_grace: Duration::from_millis(200),
        open_files_max: None,
    }
}

pub fn ignore() -> ExitHook {
    Box::new(|_| Box::pin(async {}))
}

pub fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
}

/// Waits until the status is as wanted.
pub async fn until(
    status: &mut watch::Receiver<ProcessStatus>,
    wanted: impl FnMut(&ProcessStatus) -> bool,
) -> ProcessStatus {
    tokio::time::timeout(LIMIT, status.wait_for(wanted))
        .await
        .expect("in time")
        .unwrap()
        .clone()
}

/// Waits until a condition holds that nothing announces.
pub async fn poll(mut condition: impl FnMut() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(LIMIT, wait).await.expect("in time");
}
