//! `broker-runtime serve`: the control plane. It takes the lock of the data directory, takes up the clusters that are there,
//! answers the API, and keeps its guard running.

use std::{io, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use clock::{Clock, SystemClock};
use control_plane::{ApiListener, ControlPlane, ControlPlaneConfig};
use engine_embedded::{EmbeddedEngine, EmbeddedEngineConfig};
use host_link::RemoteFleet;
use supervisor::{ProcessSpec, RestartPolicy, Supervised};
use tokio_util::sync::CancellationToken;

use crate::{
    context::{Context as RuntimeContext, VERSION},
    data_dir::RuntimeInfo,
    engines, limits, listening, logging, output,
    serve_arguments::ServeArguments,
    serve_lock::{self, Acquired},
};

/// Threads that run tasks.
const WORKER_THREADS: usize = 2;
/// Threads that wait for disks, at most.
const BLOCKING_THREADS_MAX: usize = 16;
/// How long an idle thread of those is kept.
const BLOCKING_THREAD_IDLE: Duration = Duration::from_secs(2);

/// How often logs of brokers are delivered, where they are.
const LOG_DELIVERY_INTERVAL: Duration = Duration::from_secs(60);

/// How it was started.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// What it was told.
    pub(crate) arguments: ServeArguments,
    /// Log to a file and announce on standard output what came of the start.
    pub(crate) detached: bool,
}

/// What a detached control plane writes to standard output, as one line, when it is known how its start went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Announcement {
    /// It answers.
    Ready,
    /// Another one runs in this data directory.
    AlreadyRunning,
    /// It does not start.
    Failed(String),
}

impl Announcement {
    fn to_line(&self) -> String {
        match self {
            Self::Ready => "ready".to_owned(),
            Self::AlreadyRunning => "already running".to_owned(),
            Self::Failed(text) => format!("failed: {}", text.replace('\n', " ")),
        }
    }

    /// Reads the line.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        match line.trim_end() {
            "ready" => Some(Self::Ready),
            "already running" => Some(Self::AlreadyRunning),
            line => line.strip_prefix("failed: ").map(|text| Self::Failed(text.to_owned())),
        }
    }
}

/// Serves until it is told to end.
pub(crate) fn run(context: &RuntimeContext, options: &Options) -> Result<()> {
    options.arguments.listen.check()?;
    context.data_dir.create()?;
    if options.detached {
        logging::to_file(&context.log_filter, &context.data_dir.serve_log())?;
    } else {
        logging::to_stderr(&context.log_filter);
    }
    let announce = |announcement: &Announcement| {
        if options.detached {
            output::line(&announcement.to_line());
        }
    };
    let lock = match serve_lock::acquire(&context.data_dir)? {
        Acquired::Lock(lock) => lock,
        Acquired::HeldBy(holder) => {
            announce(&Announcement::AlreadyRunning);
            bail!(
                "process {} serves {} already",
                holder.pid,
                context.data_dir.root().display()
            );
        }
    };
    limits::raise_open_files();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_keep_alive(BLOCKING_THREAD_IDLE)
        .enable_all()
        .build()
        .context("the control plane cannot start its threads")?;
    let served = runtime.block_on(async {
        let started = start(context, options).await;
        match started {
            Ok(started) => {
                announce(&Announcement::Ready);
                started.serve(context, options).await
            }
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "control plane does not start");
                announce(&Announcement::Failed(format!("{error:#}")));
                Err(error)
            }
        }
    });
    drop(lock);
    served
}

/// A control plane that is ready.
struct Started {
    engine: Arc<EmbeddedEngine>,
    server: tokio::task::JoinHandle<Result<()>>,
    shutdown: CancellationToken,
    clock: Arc<dyn Clock>,
}

async fn start(context: &RuntimeContext, options: &Options) -> Result<Started> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let data_dir = &context.data_dir;
    let local = options
        .arguments
        .listen
        .bind_local(data_dir.runtime_info().as_ref())
        .await?;
    let address = local.local_addr()?;
    let directory = listening::tls_directory(data_dir.root());
    let tls = options.arguments.listen.bind_tls(&directory, clock.now_ms()).await?;
    let mut listeners = vec![ApiListener {
        listener: local,
        tls: None,
    }];
    listeners.extend(tls.map(|(listener, files)| ApiListener {
        listener,
        tls: Some(files),
    }));
    let engine = EmbeddedEngine::open(EmbeddedEngineConfig {
        directory: data_dir.clusters(),
        keys: data_dir.keys(),
        program: context.executable.clone(),
        broker_environment: context.child_environment.clone(),
        clock: Arc::clone(&clock),
        log_delivery_interval: LOG_DELIVERY_INTERVAL,
    })
    .await
    .context("the clusters cannot be taken up")?;
    let fleet = Arc::new(RemoteFleet::new(data_dir.fleet(), Arc::clone(&clock)));
    let config = ControlPlaneConfig {
        data_dir: data_dir.root().to_owned(),
        engine: engines::open(context, &engine, &fleet, &clock).await?,
        fleet,
        clock: Arc::clone(&clock),
        version: VERSION.to_owned(),
        public_address: options.arguments.listen.public_address(),
        host_dead_after: options.arguments.host_dead_after(),
    };
    let control_plane = ControlPlane::open(config)
        .await
        .context("the control plane cannot be opened")?;
    let shutdown = CancellationToken::new();
    let until = shutdown.clone();
    let server = tokio::spawn(async move {
        control_plane
            .serve(listeners, until)
            .await
            .context("the control plane has ended")
    });
    let endpoint = format!("http://{address}");
    tracing::info!(%endpoint, tls = options.arguments.listen.tls_address().map(tracing::field::display), version = VERSION, "control plane serves");
    data_dir.write_runtime_info(&RuntimeInfo {
        endpoint,
        pid: std::process::id(),
        version: VERSION.to_owned(),
    })?;
    Ok(Started {
        engine,
        server,
        shutdown,
        clock,
    })
}

impl Started {
    /// Serves until a signal says otherwise.
    async fn serve(mut self, context: &RuntimeContext, options: &Options) -> Result<()> {
        let signal = termination()?;
        let guard = match keep_guard(context, &options.arguments, Arc::clone(&self.clock)).await {
            Ok(guard) => Some(guard),
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "guard does not run");
                None
            }
        };
        let ended = tokio::select! {
            ended = &mut self.server => Some(ended),
            () = signal => None,
        };
        tracing::info!("control plane stops; brokers go on");
        if let Some(guard) = guard {
            // First, or it takes our end for a reason to act. It keeps nothing.
            guard.kill().await?;
        }
        self.shutdown.cancel();
        let ended = match ended {
            Some(ended) => ended,
            None => self.server.await,
        };
        self.engine.close().await;
        ended?
    }
}

pub(crate) fn termination() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => (),
            _ = interrupt.recv() => (),
        }
    })
}

/// Keeps a guard running beside the control plane.
async fn keep_guard(context: &RuntimeContext, handed_on: &ServeArguments, clock: Arc<dyn Clock>) -> Result<Supervised> {
    let data_dir = &context.data_dir;
    let mut arguments = vec![
        "guard".to_owned(),
        "--data-dir".to_owned(),
        data_dir.root().display().to_string(),
    ];
    arguments.extend(handed_on.to_arguments());
    let spec = ProcessSpec {
        name: "guard".to_owned(),
        program: context.executable.clone(),
        arguments,
        environment: context.child_environment.clone(),
        working_directory: data_dir.root().to_owned(),
        state_directory: data_dir.guard(),
        log_path: data_dir.guard_log(),
        log_bytes_max: logging::LOG_BYTES_MAX,
        restart: RestartPolicy::default(),
        stop_grace: Duration::ZERO,
        open_files_max: None,
    };
    Ok(Supervised::start(spec, Box::new(|_| Box::pin(async {})), clock).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcements_survive_the_pipe() {
        for announcement in [
            Announcement::Ready,
            Announcement::AlreadyRunning,
            Announcement::Failed("port is taken".to_owned()),
        ] {
            assert_eq!(
                Announcement::parse(&format!("{}\n", announcement.to_line())),
                Some(announcement)
            );
        }
        assert_eq!(Announcement::parse(""), None);
    }
}
