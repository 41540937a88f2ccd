//! This machine as a host, behind the trait.

use std::{
    ffi::OsString,
    fmt, io,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use clock::Clock;
use hosts::{
    BundleDigest, Finished, HeldBundle, Host, HostError, HostFacts, HostState, UnitCommand, UnitFile, UnitName,
    UnitProcess, UnitStatus,
};
use uuid::Uuid;

use super::{
    bundles::{self, BundleError},
    commands::{self, CommandError, Programs},
    files::{self, FileError},
    layout::Layout,
    machine,
    units::{UnitError, Units},
};

/// What is to be known of a machine to make it a host.
#[derive(Clone, Debug)]
pub struct LocalHostConfig {
    /// Where everything is kept; absolute.
    pub data_directory: PathBuf,
    /// Identity.
    pub host_id: Uuid,
    /// Name.
    pub name: String,
    /// Zone.
    pub zone: String,
    /// Where others reach it.
    pub address: IpAddr,
    /// Where programs are looked up, and the `PATH` of what is run.
    pub search_path: OsString,
    /// The program that is run where a command names [`UnitCommand::OWN_PROGRAM`]; absolute.
    pub own_program: PathBuf,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// This machine. When it is dropped, processes go on, and the next one of the same data directory adopts them.
pub struct LocalHost {
    config: LocalHostConfig,
    layout: Layout,
    programs: Programs,
    units: Arc<Units>,
}

impl fmt::Debug for LocalHost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "LocalHost({})", self.config.name)
    }
}

impl LocalHost {
    /// Takes up what is in the data directory: processes that should run are adopted or started. One program a directory.
    pub async fn open(config: LocalHostConfig) -> Result<Arc<Self>, HostError> {
        let layout = Layout::new(config.data_directory.clone());
        let programs = Programs {
            search: config.search_path.clone(),
            own: config.own_program.clone(),
        };
        let units = Units::new(layout.clone(), Arc::clone(&config.clock), programs.clone());
        let host = Self {
            config,
            layout,
            programs,
            units: Arc::new(units),
        };
        host.units.take_up().await.map_err(|error| host.of_file(error))?;
        Ok(Arc::new(host))
    }

    /// A path in the data directory for a file that is complete only later; what is left there is deleted at the next start.
    pub fn unfinished_bundle(&self) -> PathBuf {
        Layout::unfinished(&self.layout.bundles())
    }

    /// Whether it has a bundle.
    pub fn has_bundle(&self, digest: &BundleDigest) -> bool {
        self.layout.bundle(digest).exists()
    }

    /// Does something with the disk where it holds nobody up.
    async fn on_disk<T: Send + 'static, E: Send + 'static>(
        &self,
        work: impl FnOnce(&Layout) -> Result<T, E> + Send + 'static,
        explain: impl FnOnce(E) -> HostError,
    ) -> Result<T, HostError> {
        let layout = self.layout.clone();
        match tokio::task::spawn_blocking(move || work(&layout)).await {
            Ok(done) => done.map_err(explain),
            Err(error) => Err(self.environment(
                format!("a thread has ended before its work: {error}"),
                "look into the log of the agent",
            )),
        }
    }

    fn environment(&self, problem: String, remedy: &str) -> HostError {
        HostError::Environment {
            host: self.config.name.clone(),
            problem,
            remedy: remedy.to_owned(),
        }
    }

    fn refused(&self, reason: String) -> HostError {
        HostError::Refused {
            host: self.config.name.clone(),
            reason,
        }
    }

    fn of_file(&self, error: FileError) -> HostError {
        match error {
            FileError::Refused(why) => self.refused(why),
            FileError::Failed(path, error) => self.of_io(&path, &error),
        }
    }

    fn of_io(&self, path: &Path, error: &io::Error) -> HostError {
        let remedy = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room on that disk",
            io::ErrorKind::PermissionDenied => "let the user of the agent use it",
            io::ErrorKind::ReadOnlyFilesystem => "mount that disk so that it can be written",
            _ => "see that the disk is well",
        };
        self.environment(format!("{} cannot be used: {error}", path.display()), remedy)
    }

    fn of_bundle(&self, error: BundleError) -> HostError {
        match error {
            BundleError::Refused(why) => self.refused(why),
            BundleError::Failed(path, error) => self.of_io(&path, &error),
        }
    }

    fn of_unit(&self, error: UnitError) -> HostError {
        match error {
            UnitError::Refused(why) => self.refused(why),
            UnitError::NoProgram(program) => self.no_program(&program),
            UnitError::NotStarted(why) => {
                self.environment(why, "mend it; the process is started again and again until then")
            }
            UnitError::File(error) => self.of_file(error),
            UnitError::Supervision(error) => {
                let mut problem = error.to_string();
                let mut cause = std::error::Error::source(&error);
                while let Some(error) = cause {
                    problem = format!("{problem}: {error}");
                    cause = error.source();
                }
                self.environment(problem, "look into the log of the agent, then try again")
            }
        }
    }

    fn no_program(&self, program: &str) -> HostError {
        let search = self.programs.search.display();
        let problem = match program {
            UnitCommand::OWN_PROGRAM => format!(
                "the program of the agent is not at {} any more",
                self.programs.own.display()
            ),
            path if path.contains('/') => format!("there is no program {path:?}, by its absolute path"),
            name => format!("there is no program {name:?} in {search}"),
        };
        self.environment(problem, "install it")
    }
}

#[async_trait]
impl Host for LocalHost {
    fn facts(&self) -> HostFacts {
        HostFacts {
            host_id: self.config.host_id,
            name: self.config.name.clone(),
            zone: self.config.zone.clone(),
            address: self.config.address,
            state: HostState::Active,
            capacity: machine::capacity(self.layout.root()),
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            clock_ahead_ms: 0,
            data_directory: self.config.data_directory.clone(),
        }
    }

    async fn write_files(&self, unit: &UnitName, files: &[UnitFile]) -> Result<(), HostError> {
        let (unit, files) = (unit.clone(), files.to_vec());
        let write = move |layout: &Layout| {
            let folder = layout.unit(&unit);
            files::make_folder(&folder)?;
            files.iter().try_for_each(|file| files::write(&folder, file))
        };
        self.on_disk(write, |error| self.of_file(error)).await
    }

    async fn read_file(&self, unit: &UnitName, path: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, HostError> {
        let (unit, path) = (unit.clone(), path.to_owned());
        let read = move |layout: &Layout| files::read_end(&layout.unit(&unit), &path, bytes_max);
        self.on_disk(read, |error| self.of_file(error)).await
    }

    async fn delete_file(&self, unit: &UnitName, path: &str) -> Result<(), HostError> {
        let (unit, path) = (unit.clone(), path.to_owned());
        let delete = move |layout: &Layout| files::delete(&layout.unit(&unit), &path);
        self.on_disk(delete, |error| self.of_file(error)).await
    }

    async fn run(&self, unit: &UnitName, command: &UnitCommand, limit: Duration) -> Result<Finished, HostError> {
        let search = &self.programs.search;
        let program = self.programs.find(&command.program);
        let program = program.ok_or_else(|| self.no_program(&command.program))?;
        let directory = self.layout.unit(unit);
        files::make_folder(&directory).map_err(|error| self.of_file(error))?;
        let running = commands::run(&program, command, search, &directory, limit);
        let finished = self.units.alone(unit, running).await;
        finished.map_err(|error| match error {
            CommandError::Spawn(error) => self.environment(
                format!("{} cannot be run: {error}", program.display()),
                "install it again",
            ),
            CommandError::TooLong => self.environment(
                format!("{} ran for longer than {limit:?} and was killed", program.display()),
                "see what holds it up",
            ),
        })
    }

    async fn start(&self, unit: &UnitName, process: &UnitProcess) -> Result<(), HostError> {
        let started = self.units.start(unit, process).await;
        started.map_err(|error| self.of_unit(error))
    }

    async fn stop(&self, unit: &UnitName, kill: bool) -> Result<(), HostError> {
        let stopped = self.units.stop(unit, kill).await;
        stopped.map_err(|error| self.of_unit(error))
    }

    async fn status(&self, unit: &UnitName) -> Result<Option<UnitStatus>, HostError> {
        Ok(self.units.status(unit))
    }

    async fn units(&self) -> Result<Vec<UnitStatus>, HostError> {
        let names = self.units.names().map_err(|error| self.of_file(error))?;
        Ok(names.iter().filter_map(|name| self.units.status(name)).collect())
    }

    async fn remove(&self, unit: &UnitName) -> Result<(), HostError> {
        let removed = self.units.remove(unit).await;
        removed.map_err(|error| self.of_unit(error))
    }

    async fn put_bundle(&self, digest: &BundleDigest, archive: &Path) -> Result<(), HostError> {
        let (digest, archive) = (digest.clone(), archive.to_owned());
        let put = move |layout: &Layout| bundles::put(layout, &digest, &archive);
        self.on_disk(put, |error| self.of_bundle(error)).await
    }

    async fn bundles(&self) -> Result<Vec<HeldBundle>, HostError> {
        self.on_disk(bundles::list, |error| self.of_bundle(error)).await
    }

    async fn remove_bundle(&self, digest: &BundleDigest) -> Result<(), HostError> {
        let names = self.units.naming(&self.layout.bundle(digest));
        if let Some(unit) = names.map_err(|error| self.of_file(error))?.first() {
            return Err(self.refused(format!("unit {unit} runs what is in bundle {}", digest.as_str())));
        }
        let digest = digest.clone();
        let remove = move |layout: &Layout| bundles::remove(layout, &digest);
        self.on_disk(remove, |error| self.of_bundle(error)).await
    }

    async fn taken(&self, addresses: &[SocketAddr]) -> Result<Vec<SocketAddr>, HostError> {
        let mut taken = Vec::new();
        for address in addresses {
            match machine::is_taken(*address) {
                Ok(true) => taken.push(*address),
                Ok(false) => (),
                Err(error) => {
                    let problem = format!("it cannot be seen whether {address} is taken: {error}");
                    return Err(self.environment(problem, "let the user of the agent use that port"));
                }
            }
        }
        Ok(taken)
    }
}
