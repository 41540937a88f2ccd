//! Finds the `broker-runtime` that is shipped with the provider, starts it once, and says how to reach it.
//!
//! Used when the provider block names no endpoint. The order is: does the runtime that the data directory knows of
//! answer → take the lock that decides who starts it → look again → `broker-runtime serve --background` → read the
//! address and the credentials it left. Nothing here runs before the first call to the control plane is needed.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use rustix::fs::{FlockOperation, flock};
use tokio::{io::AsyncReadExt, process::Command, time};

/// How long a start may take, from the wait for the lock to the answer of `serve --background`.
const START_DEADLINE: Duration = Duration::from_secs(60);
/// Pause between two attempts at the start lock while somebody else holds it.
const LOCK_PAUSE: Duration = Duration::from_millis(10);
/// How long the error text of a start that failed may trickle in after its process has ended.
const ERROR_TEXT_GRACE: Duration = Duration::from_millis(200);
/// Longest error text of a failed start that is shown.
const ERROR_TEXT_BYTES_MAX: u64 = 16 * 1024;
/// Name of the runtime's executable.
const EXECUTABLE: &str = "broker-runtime";

/// Where a runtime may be found and where its state lives. Everything that depends on the environment is decided by
/// `main.rs` and passed in here.
#[derive(Clone, Debug, Default)]
pub(crate) struct BundledRuntime {
    /// The directory of the runtime's state.
    pub(crate) data_dir: PathBuf,
    /// The executable the user named; nothing else is tried when this is set.
    pub(crate) runtime_path: Option<PathBuf>,
    /// The provider's own executable; the runtime is shipped beside it.
    pub(crate) provider_executable: Option<PathBuf>,
    /// The directories of `PATH`.
    pub(crate) search_path: Vec<PathBuf>,
    /// The only variables a started runtime inherits: it outlives this command and must not keep its secrets.
    pub(crate) environment: Vec<(OsString, OsString)>,
}

/// How to reach a runtime.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RuntimeAccess {
    /// Base URL of the control plane.
    pub(crate) endpoint: String,
    /// Key that signs requests.
    pub(crate) access_key: String,
    /// Its secret half.
    pub(crate) secret_key: String,
    /// Region to sign for.
    pub(crate) region: Option<String>,
}

/// Why the bundled runtime is not available. Each variant is one thing the user can mend.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BundledRuntimeError {
    #[error("no broker-runtime executable in {}", list(searched))]
    NotFound { searched: Vec<PathBuf> },
    #[error("{} does not exist", path.display())]
    NamedPathMissing { path: PathBuf },
    #[error("{} is not an executable file", path.display())]
    NotExecutable { path: PathBuf },
    #[error("cannot use the data directory {}", path.display())]
    DataDirectory { path: PathBuf, source: io::Error },
    #[error("cannot execute {}", path.display())]
    Execute { path: PathBuf, source: io::Error },
    #[error("{} serve failed: {text}", path.display())]
    StartFailed { path: PathBuf, text: String },
    #[error("the runtime in {} was not ready within {} s", data_dir.display(), START_DEADLINE.as_secs())]
    StartTimedOut { data_dir: PathBuf },
    #[error("cannot read {}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{} has no {missing}", path.display())]
    Malformed { path: PathBuf, missing: &'static str },
    #[error("the runtime at {endpoint} has version {runtime}, this provider is version {provider}")]
    OtherVersion {
        endpoint: String,
        runtime: String,
        provider: &'static str,
    },
}

/// Asks the control plane at an endpoint whether it is there; `None` means it is not.
pub(crate) trait Probe {
    /// The version of the runtime that answers, if one does.
    fn version(&self, endpoint: &str) -> impl Future<Output = Option<String>> + Send;
}

impl BundledRuntime {
    /// The runtime of this data directory: the one that answers, or a new one.
    pub(crate) async fn connect(&self, probe: &impl Probe) -> Result<RuntimeAccess, BundledRuntimeError> {
        if let Some(access) = self.running(probe).await? {
            return Ok(access);
        }
        let executable = self.find_executable()?;
        let started = time::timeout(START_DEADLINE, self.start_once(&executable, probe)).await;
        started.map_err(|_| BundledRuntimeError::StartTimedOut {
            data_dir: self.data_dir.clone(),
        })?
    }

    /// Whether the runtime of this data directory answers.
    pub(crate) async fn is_running(&self, probe: &impl Probe) -> bool {
        matches!(self.running(probe).await, Ok(Some(_)))
    }

    /// Holds the start lock, so that of many providers one starts the runtime and the others find it.
    async fn start_once(&self, executable: &Path, probe: &impl Probe) -> Result<RuntimeAccess, BundledRuntimeError> {
        let data_directory = |source| BundledRuntimeError::DataDirectory {
            path: self.data_dir.clone(),
            source,
        };
        create_private_directory(&self.data_dir).map_err(data_directory)?;
        let _lock = lock(&self.data_dir.join("start.lock")).await.map_err(data_directory)?;
        if let Some(access) = self.running(probe).await? {
            return Ok(access);
        }
        tracing::info!(executable = %executable.display(), data_dir = %self.data_dir.display(), "starting the runtime");
        self.serve(executable).await?;
        self.running(probe)
            .await?
            .ok_or_else(|| BundledRuntimeError::StartFailed {
                path: executable.to_path_buf(),
                text: format!(
                    "it reported success, but nothing answers at the address in {}",
                    self.data_dir.join("runtime.json").display()
                ),
            })
    }

    /// The runtime that `runtime.json` names, if it answers.
    async fn running(&self, probe: &impl Probe) -> Result<Option<RuntimeAccess>, BundledRuntimeError> {
        let path = self.data_dir.join("runtime.json");
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) if source.kind() == io::ErrorKind::NotADirectory => {
                return Err(BundledRuntimeError::DataDirectory {
                    path: self.data_dir.clone(),
                    source,
                });
            }
            Err(source) => return Err(BundledRuntimeError::Unreadable { path, source }),
        };
        // A file that cannot be understood was not written by a runtime that is ready; the next one replaces it.
        let Some((endpoint, written)) = parse_runtime_json(&text) else {
            return Ok(None);
        };
        let Some(answered) = probe.version(&endpoint).await else {
            return Ok(None);
        };
        let provider = env!("CARGO_PKG_VERSION");
        for runtime in [written, answered] {
            if runtime != provider {
                return Err(BundledRuntimeError::OtherVersion {
                    endpoint,
                    runtime,
                    provider,
                });
            }
        }
        let credentials = self.data_dir.join("credentials");
        let text = fs::read_to_string(&credentials).map_err(|source| BundledRuntimeError::Unreadable {
            path: credentials.clone(),
            source,
        })?;
        let value = |key| credentials_value(&text, key);
        let missing = |missing| BundledRuntimeError::Malformed {
            path: credentials.clone(),
            missing,
        };
        Ok(Some(RuntimeAccess {
            endpoint,
            access_key: value("aws_access_key_id").ok_or_else(|| missing("aws_access_key_id"))?,
            secret_key: value("aws_secret_access_key").ok_or_else(|| missing("aws_secret_access_key"))?,
            region: value("region"),
        }))
    }

    /// The named executable, else the one beside the provider, else the first one in `PATH`.
    fn find_executable(&self) -> Result<PathBuf, BundledRuntimeError> {
        if let Some(path) = &self.runtime_path {
            let path = if path.is_dir() {
                path.join(EXECUTABLE)
            } else {
                path.clone()
            };
            return match path.metadata() {
                Ok(_) if is_executable(&path) => Ok(path),
                Ok(_) => Err(BundledRuntimeError::NotExecutable { path }),
                Err(_) => Err(BundledRuntimeError::NamedPathMissing { path }),
            };
        }
        // Terraform starts providers through symbolic links; what is shipped together lies behind them.
        let beside = self
            .provider_executable
            .iter()
            .flat_map(|path| [fs::canonicalize(path).ok(), Some(path.clone())])
            .flatten()
            .filter_map(|path| path.parent().map(Path::to_path_buf));
        let mut searched: Vec<PathBuf> = Vec::new();
        for directory in beside.chain(self.search_path.iter().cloned()) {
            if directory.as_os_str().is_empty() || searched.contains(&directory) {
                continue;
            }
            let path = directory.join(EXECUTABLE);
            if path.is_file() {
                return if is_executable(&path) {
                    Ok(path)
                } else {
                    Err(BundledRuntimeError::NotExecutable { path })
                };
            }
            searched.push(directory);
        }
        Err(BundledRuntimeError::NotFound { searched })
    }

    /// Runs `serve --background`, which returns once the control plane answers.
    async fn serve(&self, executable: &Path) -> Result<(), BundledRuntimeError> {
        let execute = |source| BundledRuntimeError::Execute {
            path: executable.to_path_buf(),
            source,
        };
        let mut child = Command::new(executable)
            .arg("serve")
            .arg("--data-dir")
            .arg(&self.data_dir)
            .arg("--background")
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // An interrupt at the terminal is for Terraform, not for a runtime others may be using.
            .process_group(0)
            .spawn()
            .map_err(execute)?;
        let mut text = Vec::new();
        let mut errors = child.stderr.take().map(|pipe| pipe.take(ERROR_TEXT_BYTES_MAX));
        // What stays behind may hold the pipe open, so the end of the text is not waited for.
        let status = {
            let read = async {
                if let Some(errors) = errors.as_mut() {
                    let _ = errors.read_to_end(&mut text).await;
                }
            };
            tokio::pin!(read);
            let mut read_ended = false;
            let status = loop {
                tokio::select! {
                    status = child.wait() => break status.map_err(execute)?,
                    () = &mut read, if !read_ended => read_ended = true,
                }
            };
            if !read_ended && !status.success() {
                let _ = time::timeout(ERROR_TEXT_GRACE, read).await;
            }
            status
        };
        if status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&text).trim().to_owned();
        Err(BundledRuntimeError::StartFailed {
            path: executable.to_path_buf(),
            text: if text.is_empty() { status.to_string() } else { text },
        })
    }
}

/// Takes an exclusive lock that ends with this process or with the value, whichever is first.
async fn lock(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => time::sleep(LOCK_PAUSE).await,
            Err(error) => return Err(error.into()),
        }
    }
}

/// Creates a directory that only the user can enter; one that exists is left as it is.
fn create_private_directory(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    if path.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// Endpoint and version in `runtime.json`.
fn parse_runtime_json(text: &[u8]) -> Option<(String, String)> {
    let value: serde_json::Value = serde_json::from_slice(text).ok()?;
    let text = |key: &str| Some(value.get(key)?.as_str()?.to_owned());
    Some((text("endpoint")?, text("version")?))
}

/// A value of the `[default]` section of an AWS credentials file.
fn credentials_value(text: &str, key: &str) -> Option<String> {
    let mut in_default = false;
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            in_default = section.trim() == "default";
        } else if in_default
            && let Some((name, value)) = line.split_once('=')
            && name.trim() == key
        {
            return Some(value.trim().to_owned());
        }
    }
    None
}

fn list(paths: &[PathBuf]) -> String {
    if paths.is_empty() {
        return "any directory".to_owned();
    }
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    paths.join(", ")
}

#[cfg(test)]
mod tests;
