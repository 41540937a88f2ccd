//! Units and their processes. What is wanted to run in a unit stands in its folder, so that the next agent knows it.
//!
//! A process runs without being wanted only while it is being stopped: the file goes first, then the process; another
//! specification is written once the process of the old one has ended. So after a crash at any moment either the process
//! that is wanted is adopted or started, or what is left of one that is not is ended.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clock::Clock;
use hosts::{UnitName, UnitPhase, UnitProcess, UnitStatus};
use parking_lot::Mutex;
use supervisor::{Phase, ProcessSpec, ProcessStatus, RestartPolicy, Supervised, SupervisorError};

use super::{
    commands::{self, Programs},
    files::{self, FileError},
    layout::{self, Layout},
};

/// How long it may take until it is known whether a process was started.
const START_LIMIT: Duration = Duration::from_secs(10);
/// Grace of a process that was left by an agent that was killed while it stopped it.
const LEFT_GRACE: Duration = Duration::from_secs(10);

/// Why something could not be done to the process of a unit.
#[derive(Debug)]
pub(super) enum UnitError {
    /// The order is wrong.
    Refused(String),
    /// There is no such program.
    NoProgram(String),
    /// It could not be started; it is tried again.
    NotStarted(String),
    /// A file of it.
    File(FileError),
    /// The process itself.
    Supervision(SupervisorError),
}

impl From<FileError> for UnitError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Refused(why) => Self::Refused(why),
            failed => Self::File(failed),
        }
    }
}

impl From<SupervisorError> for UnitError {
    fn from(error: SupervisorError) -> Self {
        Self::Supervision(error)
    }
}

/// The units of a host.
pub(super) struct Units {
    layout: Layout,
    clock: Arc<dyn Clock>,
    programs: Programs,
    units: Mutex<BTreeMap<UnitName, Arc<Unit>>>,
}

#[derive(Default)]
struct Unit {
    /// One order after the other; held while processes end.
    order: tokio::sync::Mutex<()>,
    process: Mutex<Option<Process>>,
}

#[derive(Clone)]
struct Process {
    supervised: Arc<Supervised>,
    /// What is wanted to run; `None` when nothing is.
    wanted: Option<UnitProcess>,
}

impl Units {
    pub(super) fn new(layout: Layout, clock: Arc<dyn Clock>, programs: Programs) -> Self {
        Self {
            layout,
            clock,
            programs,
            units: Mutex::default(),
        }
    }

    /// Takes up what an earlier agent has left: adopts or starts what is wanted, ends the rest, deletes what it was deleting.
    pub(super) async fn take_up(self: &Arc<Self>) -> Result<(), FileError> {
        for folder in [self.layout.units(), self.layout.bundles()] {
            files::make_folder(&folder)?;
            for name in names(&folder)? {
                if Layout::is_unfinished(&name) {
                    let path = folder.join(name);
                    fs::remove_dir_all(&path)
                        .or_else(|_| fs::remove_file(&path))
                        .map_err(|error| FileError::Failed(path, error))?;
                }
            }
        }
        for name in self.names()? {
            let (units, unit) = (Arc::clone(self), self.unit(&name));
            match self.read_wanted(&name)? {
                Some(process) => {
                    // One that cannot be taken up must not keep the others from it; the status says why.
                    if let Err(error) = units.begin(&name, &unit, process).await {
                        tracing::error!(unit = %name, ?error, "process of the unit is not taken up");
                    }
                }
                None => {
                    tokio::spawn(async move {
                        let _order = unit.order.lock().await;
                        if let Err(error) = units.end_left(&name, LEFT_GRACE).await {
                            tracing::warn!(unit = %name, ?error, "process that nobody wants was not ended");
                        }
                    });
                }
            }
        }
        Ok(())
    }

    /// Names of all units.
    pub(super) fn names(&self) -> Result<Vec<UnitName>, FileError> {
        Ok(names(&self.layout.units())?
            .into_iter()
            .filter_map(UnitName::new)
            .collect())
    }

    /// Names of units in which a process is wanted that has this path in one of its arguments, or below it.
    pub(super) fn naming(&self, path: &Path) -> Result<Vec<UnitName>, FileError> {
        let text = path.display().to_string();
        let mut found = Vec::new();
        for name in self.names()? {
            let wanted = self.read_wanted(&name)?;
            if wanted.is_some_and(|process| process.command.arguments.iter().any(|it| it.contains(&text))) {
                found.push(name);
            }
        }
        Ok(found)
    }

    /// Has a process run; see [`hosts::Host::start`].
    pub(super) async fn start(&self, name: &UnitName, process: &UnitProcess) -> Result<(), UnitError> {
        layout::below(&process.log_path).map_err(UnitError::Refused)?;
        let program = &process.command.program;
        if self.programs.find(program).is_none() {
            return Err(UnitError::NoProgram(program.clone()));
        }
        let unit = self.unit(name);
        let _order = unit.order.lock().await;
        files::make_folder(&self.layout.supervision(name))?;
        let before = unit.process.lock().clone();
        if let Some(before) = before {
            if before.wanted.as_ref() == Some(process) {
                return outcome(&before.supervised).await;
            }
            self.unwant(name, &unit)?;
            before.supervised.stop().await?;
        } else {
            self.unwant(name, &unit)?;
            self.end_left(name, LEFT_GRACE).await?;
        }
        let text = serde_json::to_vec_pretty(process).map_err(|error| UnitError::Refused(error.to_string()))?;
        let path = self.layout.wanted(name);
        files::replace(&path, &text, 0o600).map_err(|error| FileError::Failed(path, error))?;
        let supervised = self.begin(name, &unit, process.clone()).await?;
        outcome(&supervised).await
    }

    /// Starts or adopts what is wanted.
    async fn begin(&self, name: &UnitName, unit: &Unit, process: UnitProcess) -> Result<Arc<Supervised>, UnitError> {
        let spec = self.spec(name, &process)?;
        let before = unit.process.lock().clone();
        let supervised = match before {
            Some(before) => {
                before.supervised.restart(Some(spec)).await?;
                before.supervised
            }
            None => {
                let nobody = Box::new(|_| Box::pin(async {}) as std::pin::Pin<Box<dyn Future<Output = ()> + Send>>);
                Arc::new(Supervised::start(spec, nobody, Arc::clone(&self.clock)).await?)
            }
        };
        *unit.process.lock() = Some(Process {
            supervised: Arc::clone(&supervised),
            wanted: Some(process),
        });
        Ok(supervised)
    }

    /// Does something in a unit while nobody else gives orders to it: whoever has hung up meanwhile gives the same one again.
    pub(super) async fn alone<T>(&self, name: &UnitName, work: impl Future<Output = T>) -> T {
        let unit = self.unit(name);
        let _order = unit.order.lock().await;
        work.await
    }

    /// Ends the process of a unit; see [`hosts::Host::stop`].
    pub(super) async fn stop(&self, name: &UnitName, kill: bool) -> Result<(), UnitError> {
        if !self.layout.unit(name).exists() {
            return Ok(());
        }
        let unit = self.unit(name);
        if kill {
            // Whoever has stopped it politely waits no longer either.
            let process = unit.process.lock().clone();
            if let Some(process) = process {
                process.supervised.kill().await?;
            }
        }
        let _order = unit.order.lock().await;
        self.end(name, &unit, kill).await
    }

    async fn end(&self, name: &UnitName, unit: &Unit, kill: bool) -> Result<(), UnitError> {
        self.unwant(name, unit)?;
        let process = unit.process.lock().clone();
        match process {
            Some(process) if kill => Ok(process.supervised.kill().await?),
            Some(process) => Ok(process.supervised.stop().await?),
            None => {
                self.end_left(name, if kill { Duration::ZERO } else { LEFT_GRACE })
                    .await
            }
        }
    }

    /// Ends the process of a unit and deletes its folder.
    pub(super) async fn remove(&self, name: &UnitName) -> Result<(), UnitError> {
        let path = self.layout.unit(name);
        if !path.exists() {
            return Ok(());
        }
        let unit = self.unit(name);
        let _order = unit.order.lock().await;
        self.end(name, &unit, false).await?;
        *unit.process.lock() = None;
        let aside = Layout::unfinished(&self.layout.units());
        let failed = |path: PathBuf| move |error| UnitError::File(FileError::Failed(path, error));
        match fs::rename(&path, &aside) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            renamed => renamed.map_err(failed(path))?,
        }
        let deleted = tokio::task::spawn_blocking({
            let aside = aside.clone();
            move || fs::remove_dir_all(aside)
        });
        deleted
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(failed(aside))
    }

    /// A unit as it is; `None` when there is none.
    pub(super) fn status(&self, name: &UnitName) -> Option<UnitStatus> {
        if !self.layout.unit(name).exists() {
            return None;
        }
        let unit = self.unit(name);
        let process = unit.process.lock().clone();
        let status = process.map(|process| process.supervised.status().borrow().clone());
        Some(describe(name, status.as_ref()))
    }

    fn unit(&self, name: &UnitName) -> Arc<Unit> {
        Arc::clone(self.units.lock().entry(name.clone()).or_default())
    }

    /// From here on nothing is wanted to run in a unit.
    fn unwant(&self, name: &UnitName, unit: &Unit) -> Result<(), FileError> {
        if let Some(process) = unit.process.lock().as_mut() {
            process.wanted = None;
        }
        let path = self.layout.wanted(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(|error| FileError::Failed(path, error)),
        }
    }

    fn read_wanted(&self, name: &UnitName) -> Result<Option<UnitProcess>, FileError> {
        let path = self.layout.wanted(name);
        match fs::read(&path) {
            Ok(text) => Ok(serde_json::from_slice(&text)
                .inspect_err(|error| tracing::error!(unit = %name, %error, "what the unit should run cannot be read"))
                .ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FileError::Failed(path, error)),
        }
    }

    /// Ends a process that an earlier agent has left.
    async fn end_left(&self, name: &UnitName, grace: Duration) -> Result<(), UnitError> {
        let supervision = self.layout.supervision(name);
        if !supervision.exists() {
            return Ok(());
        }
        Ok(supervisor::end(name.as_str(), &supervision, grace).await?)
    }

    fn spec(&self, name: &UnitName, process: &UnitProcess) -> Result<ProcessSpec, UnitError> {
        let unit = self.layout.unit(name);
        let program = &process.command.program;
        Ok(ProcessSpec {
            name: name.to_string(),
            // One that has gone since is missed by whoever starts it, again and again, and the status says so.
            program: self.programs.find(program).unwrap_or_else(|| PathBuf::from(program)),
            arguments: process
                .command
                .arguments
                .iter()
                .map(|argument| argument.replace(UnitProcess::TOKEN, ProcessSpec::TOKEN))
                .collect(),
            environment: commands::environment(&process.command, &self.programs.search),
            log_path: files::place(&unit, &process.log_path)?,
            working_directory: unit,
            state_directory: self.layout.supervision(name),
            log_bytes_max: process.log_bytes_max,
            restart: RestartPolicy::default(),
            stop_grace: process.stop_grace,
            open_files_max: process.open_files_max,
        })
    }
}

/// Waits until a process runs or could not be started.
async fn outcome(supervised: &Supervised) -> Result<(), UnitError> {
    let mut status = supervised.status();
    let known = |status: &ProcessStatus| status.start_error.is_some() || status.phase == Phase::Running;
    match tokio::time::timeout(START_LIMIT, status.wait_for(known)).await {
        Ok(Ok(status)) => match &status.start_error {
            Some(error) => Err(UnitError::NotStarted(error.clone())),
            None => Ok(()),
        },
        // It is between two attempts, or its task has ended with the program.
        Ok(Err(_)) | Err(_) => Ok(()),
    }
}

fn describe(name: &UnitName, status: Option<&ProcessStatus>) -> UnitStatus {
    let pid = status.and_then(|status| status.pid);
    let phase = match status.map(|status| status.phase) {
        None | Some(Phase::Idle) => UnitPhase::Stopped,
        Some(Phase::Running) => UnitPhase::Running,
        Some(Phase::Stopping) => UnitPhase::Stopping,
        Some(Phase::Starting | Phase::Waiting) => UnitPhase::Waiting,
    };
    let not_started = status.and_then(|status| status.start_error.clone());
    let last_exit = status.and_then(|status| status.last_exit.as_ref());
    UnitStatus {
        unit: name.clone(),
        phase,
        pid,
        started_at_ms: status.and_then(|status| status.started_at_ms),
        resident_bytes: pid.and_then(supervisor::resident_bytes),
        cpu_ms: pid.and_then(supervisor::cpu_ms),
        restarts: status.map_or(0, |status| status.restarts),
        last_exit: not_started.or_else(|| last_exit.map(|exit| exit.reason.to_string())),
    }
}

/// Names in a folder.
fn names(folder: &std::path::Path) -> Result<Vec<String>, FileError> {
    let failed = |error| FileError::Failed(folder.to_owned(), error);
    let entries = fs::read_dir(folder).map_err(failed)?;
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.map_err(failed)?.file_name().into_string());
    }
    names.sort();
    Ok(names)
}
