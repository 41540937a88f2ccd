//! One broker: its files, its process, and what is wrong with it when it does not run.

use std::{
    fs,
    io::{Read, Seek, SeekFrom},
    net::IpAddr,
    path::Path,
    sync::Arc,
    time::Duration,
};

use cluster_files::{
    certificates::{Authority, BrokerName, Held},
    durable_file::{self, Readers, file_error},
};
use engine::EngineError;
use kafka_metadata::BrokerId;
use supervisor::{ExitHook, Phase, ProcessSpec, ProcessStatus, RestartPolicy, Supervised, SupervisorError};

use super::{Layout, Settings};
use crate::{
    addresses::{PortTaken, probe},
    broker_config::BrokerConfigFile,
    cluster::Description,
    controller::Controller,
};

/// A log of a broker longer than this is set aside when the broker is started.
const LOG_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How long a broker may take to hand over its leaderships and to close its logs.
const STOP_GRACE: Duration = Duration::from_secs(15);
/// A broker that was started again this often without having become healthy is not going to.
const RESTARTS_MAX: u32 = 3;
/// How much of the end of a log is looked at for its last line.
const LOG_TAIL_BYTES: u64 = 8 * 1024;

/// Makes the files of a broker that are missing. A configuration that is there stays: a running process has read it.
pub(crate) fn prepare(
    layout: &Layout,
    authority: &Authority,
    description: &Description,
    broker_id: i32,
    config: &BrokerConfigFile,
    now_ms: i64,
) -> Result<(), EngineError> {
    let files = layout.broker(broker_id);
    durable_file::create_directory(&files.data())?;
    certify(layout, authority, description, broker_id, now_ms)?;
    if !files.config().exists() {
        probe(config.sockets()).map_err(PortTaken::into_error)?;
        durable_file::replace(&files.config(), &config.to_json(), Readers::User)?;
    }
    Ok(())
}

/// Makes the certificate for all addresses of a broker, unless it is there. The one that a runtime before rotation has made
/// goes on being good.
pub(super) fn certify(
    layout: &Layout,
    authority: &Authority,
    description: &Description,
    broker_id: i32,
    now_ms: i64,
) -> Result<(), EngineError> {
    let shared = description.plan().shared_addresses();
    let (files, rotation) = (layout.broker(broker_id), description.certificate_rotations);
    let path = files.identity(&shared);
    if Held::read(&path)?.is_some() {
        return Ok(());
    }
    let [certificate, key] = files.earlier_identity(&shared);
    if let (Some(mut both), Some(key)) = (durable_file::read(&certificate)?, durable_file::read(&key)?) {
        both.extend(key);
        return durable_file::replace(&path, &both, Readers::User);
    }
    authority.issue(&path, &name(description, broker_id), rotation, now_ms)
}

/// Makes the certificate of a broker anew where that is due, and returns whether it was.
pub(super) fn renew(
    layout: &Layout,
    authority: &Authority,
    description: &Description,
    broker_id: i32,
    (rotation, now_ms): (u64, i64),
) -> Result<bool, EngineError> {
    let shared = description.plan().shared_addresses();
    let files = layout.broker(broker_id);
    let path = files.identity(&shared);
    let held = Held::read(&path)?;
    if held.is_some_and(|held| !authority.is_due(&held, rotation, now_ms)) {
        return Ok(false);
    }
    authority.issue(&path, &name(description, broker_id), rotation, now_ms)?;
    files
        .earlier_identity(&shared)
        .iter()
        .try_for_each(|path| durable_file::remove_file(path).map_err(|source| file_error("removed", path, source)))?;
    Ok(true)
}

fn name(description: &Description, broker_id: i32) -> BrokerName<'_> {
    let mut addresses = vec![IpAddr::V4(description.block.address(broker_id))];
    addresses.extend(description.plan().shared_addresses());
    BrokerName {
        broker_id,
        cluster_name: &description.cluster_name,
        addresses,
    }
}

/// Adopts the process of a broker or starts it, and keeps it running.
pub(crate) async fn supervise(
    settings: &Settings,
    layout: &Layout,
    controller: &Controller,
    broker_id: i32,
) -> Result<Arc<Supervised>, EngineError> {
    let files = layout.broker(broker_id);
    let text = |path: &Path| path.display().to_string();
    let spec = ProcessSpec {
        name: format!("broker-{broker_id} in {}", layout.root().display()),
        program: settings.program.clone(),
        arguments: [
            "broker",
            "--config",
            &text(&files.config()),
            "--log-file",
            &text(&files.log()),
        ]
        .map(str::to_owned)
        .to_vec(),
        environment: settings.environment.clone(),
        working_directory: layout.root().to_owned(),
        state_directory: files.root().to_owned(),
        log_path: files.log(),
        log_bytes_max: LOG_BYTES_MAX,
        restart: RestartPolicy::default(),
        stop_grace: STOP_GRACE,
        open_files_max: None,
    };
    let controller = controller.clone();
    let hook: ExitHook = Box::new(move |_exit| {
        let controller = controller.clone();
        Box::pin(async move { controller.broker_process_exited(BrokerId(broker_id), None).await })
    });
    let started = Supervised::start(spec, hook, Arc::clone(&settings.clock)).await;
    started
        .map(Arc::new)
        .map_err(|source| supervisor_error(format!("supervising broker {broker_id}"), source))
}

/// Why a broker will not come up by itself, if that is so.
pub(crate) fn diagnose(
    description: &Description,
    layout: &Layout,
    broker_id: i32,
    status: &ProcessStatus,
) -> Result<(), EngineError> {
    let name = format!("broker {broker_id} of cluster {:?}", description.cluster_name);
    if let Some(error) = &status.start_error {
        return Err(EngineError::Environment {
            problem: format!("{name} cannot be started: {error}"),
            remedy: "install broker-runtime again at that path, then try again".to_owned(),
        });
    }
    // One that runs may have been killed by somebody else as often: whether it ends again remains to be seen.
    if status.restarts < RESTARTS_MAX || status.phase == Phase::Running {
        return Ok(());
    }
    let endpoints = description.endpoints(broker_id);
    probe(endpoints.iter().map(|endpoint| endpoint.address)).map_err(PortTaken::into_error)?;
    let log = layout.broker(broker_id).log();
    let reason = status
        .last_exit
        .as_ref()
        .map_or_else(String::new, |exit| format!(" ({})", exit.reason));
    let line = last_line(&log).unwrap_or_else(|| "it has logged nothing".to_owned());
    Err(EngineError::Environment {
        problem: format!("{name} keeps ending{reason}: {line}"),
        remedy: format!("see {}, and `broker-runtime doctor`", log.display()),
    })
}

/// The last line of a file that says something.
fn last_line(path: &Path) -> Option<String> {
    let mut file = fs::File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL_BYTES))).ok()?;
    let mut tail = Vec::new();
    file.take(LOG_TAIL_BYTES).read_to_end(&mut tail).ok()?;
    let tail = String::from_utf8_lossy(&tail);
    tail.lines()
        .rev()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .map(str::to_owned)
}

/// What an error of the supervisor means to the caller of the engine.
pub(crate) fn supervisor_error(context: String, source: SupervisorError) -> EngineError {
    match source {
        SupervisorError::File { path, source } => durable_file::file_error("used", &path, source),
        SupervisorError::StillRuns {
            waited_ms,
            ref name,
            pid,
        } => EngineError::Timeout {
            what: format!("{context}: the end of {name}"),
            waited_ms,
            last_state: format!("process {pid} still runs"),
        },
        source => EngineError::Internal {
            context,
            source: source.into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_line_of_a_log_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        assert_eq!(last_line(&path), None);
        fs::write(&path, format!("{}\nfirst\nlast \n\n", "x".repeat(20_000))).unwrap();
        assert_eq!(last_line(&path).unwrap(), "last");
    }
}
