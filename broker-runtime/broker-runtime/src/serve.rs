//! `broker-runtime serve`: the control plane. It takes the lock of the data directory, takes up the clusters that are there,
//! answers the API, and keeps its guard running.

use std::{
    io::{self, ErrorKind},
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clock::{Clock, SystemClock};
use control_plane::{ControlPlane, ControlPlaneConfig};
use engine_embedded::{EmbeddedEngine, EmbeddedEngineConfig};
use supervisor::{ProcessSpec, RestartPolicy, Supervised};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    context::{Context as RuntimeContext, VERSION},
    data_dir::RuntimeInfo,
    limits, logging, output,
    serve_lock::{self, Acquired},
};

/// Threads that run tasks.
const WORKER_THREADS: usize = 2;
/// Threads that wait for disks, at most.
const BLOCKING_THREADS_MAX: usize = 16;
/// How long an idle thread of those is kept.
const BLOCKING_THREAD_IDLE: Duration = Duration::from_secs(2);
/// Where the control plane listens when nothing else is said; a port of the system's choice when this one is taken.
const LISTEN_DEFAULT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8479);

/// How it was started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// Where to listen; an error when that is not possible.
    pub(crate) listen: Option<SocketAddr>,
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
pub(crate) fn run(context: &RuntimeContext, options: Options) -> Result<()> {
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

async fn start(context: &RuntimeContext, options: Options) -> Result<Started> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let data_dir = &context.data_dir;
    let listener = bind(options.listen, data_dir.runtime_info().as_ref()).await?;
    let address = listener.local_addr()?;
    let engine = EmbeddedEngine::open(EmbeddedEngineConfig {
        directory: data_dir.clusters(),
        program: context.executable.clone(),
        broker_environment: context.child_environment.clone(),
        clock: Arc::clone(&clock),
    })
    .await
    .context("the clusters cannot be taken up")?;
    let config = ControlPlaneConfig {
        data_dir: data_dir.root().to_owned(),
        engine: Arc::clone(&engine) as Arc<dyn engine::Engine>,
        clock: Arc::clone(&clock),
        version: VERSION.to_owned(),
    };
    let control_plane = ControlPlane::open(config)
        .await
        .context("the control plane cannot be opened")?;
    let shutdown = CancellationToken::new();
    let until = shutdown.clone();
    let server = tokio::spawn(async move {
        control_plane
            .serve(listener, until)
            .await
            .context("the control plane has ended")
    });
    let endpoint = format!("http://{address}");
    tracing::info!(%endpoint, version = VERSION, "control plane serves");
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

/// The address that was asked for; else that of the last time, else the usual one, else any of this machine.
async fn bind(asked: Option<SocketAddr>, before: Option<&RuntimeInfo>) -> Result<TcpListener> {
    if let Some(address) = asked {
        return TcpListener::bind(address).await.with_context(|| cannot_listen(address));
    }
    let preferred = before
        .and_then(RuntimeInfo::address)
        .filter(|address| address.ip().is_loopback());
    let preferred = preferred.unwrap_or(LISTEN_DEFAULT);
    match TcpListener::bind(preferred).await {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            TcpListener::bind(any).await.with_context(|| cannot_listen(any))
        }
        bound => bound.with_context(|| cannot_listen(preferred)),
    }
}

fn cannot_listen(address: SocketAddr) -> String {
    match engine_embedded::addresses::holder_of(address) {
        Some(holder) => format!("the control plane cannot listen on {address}, which is taken by {holder}"),
        None => format!("the control plane cannot listen on {address}"),
    }
}

impl Started {
    /// Serves until a signal says otherwise.
    async fn serve(mut self, context: &RuntimeContext, options: Options) -> Result<()> {
        let signal = termination()?;
        let guard = match keep_guard(context, options.listen, Arc::clone(&self.clock)).await {
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

fn termination() -> io::Result<impl Future<Output = ()>> {
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
async fn keep_guard(context: &RuntimeContext, listen: Option<SocketAddr>, clock: Arc<dyn Clock>) -> Result<Supervised> {
    let data_dir = &context.data_dir;
    let mut arguments = vec![
        "guard".to_owned(),
        "--data-dir".to_owned(),
        data_dir.root().display().to_string(),
    ];
    if let Some(listen) = listen {
        arguments.extend(["--listen".to_owned(), listen.to_string()]);
    }
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

    #[tokio::test]
    async fn port_of_the_last_time_is_taken_again_and_another_one_when_it_is_gone() {
        let first = bind(Some("127.0.0.1:0".parse().unwrap()), None).await.unwrap();
        let address = first.local_addr().unwrap();
        let info = RuntimeInfo {
            endpoint: format!("http://{address}"),
            pid: 1,
            version: String::new(),
        };
        let second = bind(None, Some(&info)).await.unwrap();
        assert_ne!(second.local_addr().unwrap(), address);
        let error = bind(Some(address), None).await.unwrap_err();
        assert!(format!("{error:#}").contains("which is taken by"), "{error:#}");
        drop(first);
        assert_eq!(bind(None, Some(&info)).await.unwrap().local_addr().unwrap(), address);
    }
}
