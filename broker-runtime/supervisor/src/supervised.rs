//! One process that should run, and the one task that owns it.

use std::{
    future::Future,
    path::Path,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use clock::Clock;
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    ExitReason, Lifecycle, Phase, ProcessHandle, ProcessSpec, SupervisorError,
    launch::{self, Launched, Left, Ownership},
    lifecycle::{Command, Event},
};

/// Requests that may wait for one process.
const REQUESTS_MAX: usize = 16;
/// How long a process may need to vanish after SIGKILL.
const KILL_DEADLINE: Duration = Duration::from_secs(10);
/// How long whoever wants to know of an exit may hold up the restart.
const HOOK_DEADLINE: Duration = Duration::from_secs(5);

/// A process that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessExit {
    /// Its id.
    pub pid: u32,
    /// How it ended.
    pub reason: ExitReason,
    /// We had asked it to.
    pub requested: bool,
}

/// Called when the process has ended, before it is started again; also for one that ended while nobody supervised it. It may
/// be called twice for one end when the supervisor is killed in between.
pub type ExitHook = Box<dyn Fn(ProcessExit) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// What is known of a supervised process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessStatus {
    /// Where it is in its life.
    pub phase: Phase,
    /// Its id, while it runs.
    pub pid: Option<u32>,
    /// Start of the process, unix milliseconds, while it runs.
    pub started_at_ms: Option<i64>,
    /// An earlier supervisor started it.
    pub adopted: bool,
    /// Restarts since it was last healthy.
    pub restarts: u32,
    /// How it ended the last time.
    pub last_exit: Option<ProcessExit>,
    /// Why it could not be started the last time it was tried; `None` once it could.
    pub start_error: Option<String>,
}

/// Handle to a supervised process. When it is dropped the supervision ends and the process goes on.
#[derive(Debug)]
pub struct Supervised {
    name: String,
    requests: mpsc::Sender<Request>,
    status: watch::Receiver<ProcessStatus>,
}

#[derive(Debug)]
enum Request {
    Stop(oneshot::Sender<Result<(), SupervisorError>>),
    Kill(oneshot::Sender<Result<(), SupervisorError>>),
    Restart(oneshot::Sender<Result<(), SupervisorError>>, Option<Box<ProcessSpec>>),
}

impl Supervised {
    /// Adopts the process if it runs, else starts it, and keeps it running from then on. A process that cannot be
    /// started is no error here: the status says so, and it is tried again.
    pub async fn start(spec: ProcessSpec, hook: ExitHook, clock: Arc<dyn Clock>) -> Result<Self, SupervisorError> {
        let ownership = Ownership::take(&spec.name, &spec.state_directory).await?;
        let mut adopted = None;
        let mut last_exit = None;
        match ownership.adopt()? {
            Left::Nothing => (),
            Left::Running(launched) => {
                adopted = ProcessHandle::of(launched.identity)?.map(|process| (launched, process));
            }
            Left::Ended(pid) => {
                // It ended while nobody looked; whoever wants to know has to be told all the same.
                let exit = ProcessExit {
                    pid: pid.unwrap_or(0),
                    reason: ExitReason::Unknown,
                    requested: false,
                };
                last_exit = Some(exit.clone());
                hook(exit).await;
                ownership.forget()?;
            }
        }
        let status = ProcessStatus {
            phase: Phase::Starting,
            pid: None,
            started_at_ms: None,
            adopted: false,
            restarts: 0,
            last_exit,
            start_error: None,
        };
        let (status_sender, status) = watch::channel(status);
        let (sender, requests) = mpsc::channel(REQUESTS_MAX);
        let name = spec.name.clone();
        let mut owner = Owner {
            life: Lifecycle::new(spec.restart),
            spec,
            ownership: Arc::new(ownership),
            hook,
            origin: clock.monotonic(),
            clock,
            status: status_sender,
            process: None,
            deadline: None,
            waiting: Vec::new(),
            killed: false,
        };
        // Whoever looks at once sees a process that was adopted run.
        let command = owner.begin(adopted);
        owner.publish();
        tokio::spawn(owner.run(command, requests));
        Ok(Self {
            name,
            requests: sender,
            status,
        })
    }

    /// What is known now, and a way to wait for changes.
    pub fn status(&self) -> watch::Receiver<ProcessStatus> {
        self.status.clone()
    }

    /// Ends the process and does not start it again: SIGTERM, and SIGKILL when the grace is over. Returns once it has
    /// ended.
    pub async fn stop(&self) -> Result<(), SupervisorError> {
        let (done, result) = oneshot::channel();
        self.request(Request::Stop(done), result).await
    }

    /// Ends the process at once, with SIGKILL, and does not start it again. Returns once it has ended.
    pub async fn kill(&self) -> Result<(), SupervisorError> {
        let (done, result) = oneshot::channel();
        self.request(Request::Kill(done), result).await
    }

    /// Ends the process as [`Supervised::stop`] does, then starts it again, with another specification when one is
    /// given (its state directory stays). Returns once the old process has ended; the status tells of the new one.
    pub async fn restart(&self, spec: Option<ProcessSpec>) -> Result<(), SupervisorError> {
        let (done, result) = oneshot::channel();
        self.request(Request::Restart(done, spec.map(Box::new)), result).await
    }

    async fn request(
        &self,
        request: Request,
        result: oneshot::Receiver<Result<(), SupervisorError>>,
    ) -> Result<(), SupervisorError> {
        let ended = || SupervisorError::Ended(self.name.clone());
        self.requests.send(request).await.map_err(|_| ended())?;
        result.await.map_err(|_| ended())?
    }
}

struct Owner {
    spec: ProcessSpec,
    ownership: Arc<Ownership>,
    life: Lifecycle,
    hook: ExitHook,
    clock: Arc<dyn Clock>,
    origin: Instant,
    status: watch::Sender<ProcessStatus>,
    process: Option<ProcessHandle>,
    /// When the next timed step is due: the end of a delay, of the grace, of the time a kill may take.
    deadline: Option<Duration>,
    /// Who waits for the process to have ended.
    waiting: Vec<oneshot::Sender<Result<(), SupervisorError>>>,
    killed: bool,
}

impl Owner {
    /// What is to be done first.
    fn begin(&mut self, adopted: Option<(Launched, ProcessHandle)>) -> Command {
        let command = self.life.apply(Event::Wanted, self.now());
        let Some((launched, process)) = adopted else {
            return command;
        };
        // Started before our time: the machine is told so instead of being let to start it.
        debug_assert_eq!(command, Command::Start, "a new process is to be started");
        self.hold(launched, process);
        self.life.apply(Event::Started, self.now())
    }

    /// Serves until all handles are gone.
    async fn run(mut self, mut command: Command, mut requests: mpsc::Receiver<Request>) {
        loop {
            self.carry_out(command).await;
            self.publish();
            command = tokio::select! {
                request = requests.recv() => match request {
                    Some(request) => self.requested(request),
                    None => return,
                },
                reason = exit_of(self.process.as_ref()) => self.ended(reason).await,
                () = pass(self.deadline, self.now()) => self.deadline_passed(),
            };
        }
    }

    /// Time since the supervision has begun.
    fn now(&self) -> Duration {
        self.clock.monotonic().saturating_duration_since(self.origin)
    }

    fn requested(&mut self, request: Request) -> Command {
        let (done, again) = match request {
            Request::Stop(done) => (done, false),
            Request::Kill(done) => {
                if let Some(process) = &self.process {
                    // It shows in the next step whether it has ended; if not, the grace goes on.
                    let _ = process.kill();
                }
                (done, false)
            }
            Request::Restart(done, spec) => {
                if let Some(spec) = spec {
                    self.spec = *spec;
                }
                // Why it could not be started before says nothing of this start.
                self.status.send_modify(|status| status.start_error = None);
                (done, true)
            }
        };
        let mut command = self.life.apply(Event::Unwanted, self.now());
        if again {
            // While it stops this only says what comes afterwards; when it did not run it starts it.
            let start = self.life.apply(Event::Wanted, self.now());
            if command == Command::Nothing {
                command = start;
            }
        }
        if self.process.is_some() {
            self.waiting.push(done);
        } else {
            self.deadline = None;
            // Whoever asked may be gone.
            let _ = done.send(Ok(()));
        }
        command
    }

    async fn carry_out(&mut self, mut command: Command) {
        loop {
            command = match command {
                Command::Nothing => return,
                Command::Wait(delay) => {
                    self.deadline = Some(self.now() + delay);
                    return;
                }
                Command::Terminate => {
                    self.terminate();
                    return;
                }
                Command::Start => {
                    let event = self.launch().await;
                    self.life.apply(event, self.now())
                }
            };
        }
    }

    async fn launch(&mut self) -> Event {
        self.deadline = None;
        let (ownership, spec, now_ms) = (Arc::clone(&self.ownership), self.spec.clone(), self.clock.now_ms());
        let launched = tokio::task::spawn_blocking(move || ownership.spawn(&spec, now_ms)).await;
        let launched = match launched {
            Ok(Ok(launched)) => launched,
            Ok(Err(error)) => return self.failed(&error),
            Err(source) => {
                return self.failed(&SupervisorError::System {
                    what: "starting a thread",
                    source: source.into(),
                });
            }
        };
        match ProcessHandle::of(launched.identity) {
            Ok(Some(process)) => {
                self.hold(launched, process);
                Event::Started
            }
            Ok(None) => Event::StartFailed,
            Err(error) => {
                // Nobody could watch it. It is a child that has not been reaped, so its id is still its own.
                launch::kill_child(launched.identity);
                self.failed(&error)
            }
        }
    }

    fn hold(&mut self, launched: Launched, process: ProcessHandle) {
        let (pid, adopted) = (launched.identity.pid, launched.adopted);
        tracing::info!(process = %self.spec.name, pid, adopted, "process runs");
        self.process = Some(process);
        self.status.send_modify(|status| {
            status.pid = Some(pid);
            status.started_at_ms = Some(launched.started_at_ms);
            status.adopted = adopted;
            status.start_error = None;
        });
    }

    fn failed(&mut self, error: &SupervisorError) -> Event {
        let text = chain(error);
        tracing::warn!(process = %self.spec.name, error = %text, "process was not started");
        self.status.send_modify(|status| {
            status.pid = None;
            status.started_at_ms = None;
            status.start_error = Some(text);
        });
        Event::StartFailed
    }

    fn terminate(&mut self) {
        self.killed = false;
        self.deadline = Some(self.now() + self.spec.stop_grace);
        if let Some(process) = &self.process
            && let Err(error) = process.terminate()
        {
            tracing::warn!(process = %self.spec.name, error = %chain(&error), "process could not be asked to end");
            self.deadline = Some(self.now());
        }
    }

    fn deadline_passed(&mut self) -> Command {
        match self.life.phase() {
            Phase::Stopping if !self.killed => {
                self.killed = true;
                self.deadline = Some(self.now() + KILL_DEADLINE);
                if let Some(process) = &self.process {
                    tracing::warn!(process = %self.spec.name, "process did not end in time and is killed");
                    // It shows in the next step whether it has ended.
                    let _ = process.kill();
                }
                Command::Nothing
            }
            Phase::Stopping => {
                let pid = self.process.as_ref().map_or(0, |process| process.identity().pid);
                let waited_ms = u64::try_from(KILL_DEADLINE.as_millis()).unwrap_or(u64::MAX);
                for done in self.waiting.drain(..) {
                    let name = self.spec.name.clone();
                    let _ = done.send(Err(SupervisorError::StillRuns { name, pid, waited_ms }));
                }
                self.deadline = None;
                Command::Nothing
            }
            _ => {
                self.deadline = None;
                self.life.apply(Event::DelayElapsed, self.now())
            }
        }
    }

    async fn ended(&mut self, reason: ExitReason) -> Command {
        self.deadline = None;
        let pid = self.process.take().map_or(0, |process| process.identity().pid);
        let requested = self.life.phase() == Phase::Stopping;
        let exit = ProcessExit { pid, reason, requested };
        if requested {
            tracing::info!(process = %self.spec.name, pid, %reason, "process has ended");
        } else {
            tracing::warn!(process = %self.spec.name, pid, %reason, "process has ended by itself");
        }
        self.status.send_modify(|status| {
            status.pid = None;
            status.started_at_ms = None;
            status.last_exit = Some(exit.clone());
        });
        if tokio::time::timeout(HOOK_DEADLINE, (self.hook)(exit)).await.is_err() {
            tracing::warn!(process = %self.spec.name, "nobody took note of the end of the process in time");
        }
        if let Err(error) = self.ownership.forget() {
            tracing::warn!(process = %self.spec.name, error = %chain(&error), "process record was not removed");
        }
        let command = self.life.apply(Event::Exited, self.now());
        for done in self.waiting.drain(..) {
            // Whoever asked may be gone.
            let _ = done.send(Ok(()));
        }
        command
    }

    fn publish(&self) {
        let (phase, restarts) = (self.life.phase(), self.life.restarts(self.now()));
        self.status.send_if_modified(|status| {
            let changed = status.phase != phase || status.restarts != restarts;
            (status.phase, status.restarts) = (phase, restarts);
            changed
        });
    }
}

/// Ends the process that an earlier supervisor has left in `state_directory`, without supervising it: SIGTERM, and SIGKILL
/// when the grace is over. Returns once it has ended, at once when there is none.
pub async fn end(name: &str, state_directory: &Path, grace: Duration) -> Result<(), SupervisorError> {
    let ownership = Ownership::take(name, state_directory).await?;
    if let Left::Running(launched) = ownership.adopt()?
        && let Some(process) = ProcessHandle::of(launched.identity)?
    {
        process.terminate()?;
        if tokio::time::timeout(grace, process.exited()).await.is_err() {
            process.kill()?;
            let killed = tokio::time::timeout(KILL_DEADLINE, process.exited()).await;
            killed.map_err(|_| SupervisorError::StillRuns {
                name: name.to_owned(),
                pid: launched.identity.pid,
                waited_ms: u64::try_from(KILL_DEADLINE.as_millis()).unwrap_or(u64::MAX),
            })?;
        }
    }
    ownership.forget()
}

async fn exit_of(process: Option<&ProcessHandle>) -> ExitReason {
    match process {
        Some(process) => process.exited().await,
        None => std::future::pending().await,
    }
}

async fn pass(deadline: Option<Duration>, now: Duration) {
    match deadline {
        Some(deadline) => tokio::time::sleep(deadline.saturating_sub(now)).await,
        None => std::future::pending().await,
    }
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
