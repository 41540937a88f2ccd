//! A host in a temporary folder, and shells to run on it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clock::SystemClock;
use host_agent::{LocalHost, LocalHostConfig};
use hosts::{Host, UnitCommand, UnitName, UnitPhase, UnitProcess, UnitStatus};

/// How long anything here may take.
const LIMIT: Duration = Duration::from_secs(20);

/// The folder; processes of it are killed at the end.
pub struct Stage {
    pub folder: tempfile::TempDir,
}

impl Stage {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub async fn host(&self) -> Arc<LocalHost> {
        self.host_with_program(Path::new("/bin/sh")).await
    }

    /// A host that is a process of this program, as it is told.
    pub async fn host_with_program(&self, own_program: &Path) -> Arc<LocalHost> {
        LocalHost::open(LocalHostConfig {
            data_directory: self.folder.path().to_owned(),
            host_id: uuid::Uuid::new_v4(),
            name: "here".to_owned(),
            zone: "a".to_owned(),
            address: [127, 0, 0, 1].into(),
            search_path: "/usr/bin:/bin".into(),
            own_program: own_program.to_owned(),
            clock: Arc::new(SystemClock),
        })
        .await
        .unwrap()
    }

    /// Among the arguments of every process of this stage.
    pub fn marker(&self) -> String {
        marker(self.folder.path())
    }

    /// Ids of the processes of this stage, which all carry its marker.
    pub fn running(&self) -> Vec<u32> {
        let found = supervisor::running_with_argument(&marker(self.folder.path())).unwrap();
        let leads = |pid: &u32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let session = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(3));
            session.and_then(|session| session.parse().ok()) == Some(*pid)
        };
        found.into_iter().map(|it| it.pid).filter(leads).collect()
    }

    /// A shell that runs `script`; its token goes where Java would have it.
    pub fn shell(&self, script: &str) -> UnitProcess {
        UnitProcess {
            command: self.command(script),
            log_path: "logs/out.log".to_owned(),
            log_bytes_max: 1 << 20,
            stop_grace: Duration::from_secs(5),
            open_files_max: Some(99),
        }
    }

    pub fn command(&self, script: &str) -> UnitCommand {
        let marker = marker(self.folder.path());
        let token = format!("-Dopenmsk.token={}", UnitProcess::TOKEN);
        UnitCommand {
            program: "sh".to_owned(),
            arguments: ["-c", script, &token, &marker].map(str::to_owned).to_vec(),
            environment: vec![("GREETING".to_owned(), "hello".to_owned())],
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for pid in self.running() {
            kill(pid);
        }
    }
}

pub fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
}

fn marker(folder: &Path) -> String {
    format!("stage-{}", folder.display())
}

pub fn unit(name: &str) -> UnitName {
    UnitName::new(name).unwrap()
}

/// Waits until a unit is as wanted.
pub async fn until(host: &dyn Host, name: &str, wanted: impl Fn(&UnitStatus) -> bool) -> UnitStatus {
    let wait = async {
        loop {
            if let Some(status) = host.status(&unit(name)).await.unwrap()
                && wanted(&status)
            {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(LIMIT, wait).await.expect("in time")
}

/// Waits until the unit runs.
pub async fn running(host: &dyn Host, name: &str) -> u32 {
    let status = until(host, name, |it| it.phase == UnitPhase::Running && it.pid.is_some()).await;
    status.pid.unwrap()
}

/// Waits until a condition holds that nothing announces.
pub async fn poll(mut condition: impl FnMut() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(LIMIT, wait).await.expect("in time");
}
