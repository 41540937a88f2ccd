//! Unmodified boto3 and aws-cli drive one real runtime: all operations of the API, in modules of Python's own test runner,
//! `programs/api`. What they call is written down; the last test counts it.

mod scripted;

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    sync::{Arc, Mutex},
    time::Duration,
};

use acceptance_tests::{
    archives::Archives,
    binaries, program,
    runtime::{OWN_PORT, Runtime},
    suite::Suite,
    tools::Tools,
};
use anyhow::{Context, Result, ensure};
use scripted::Scripted;

/// How long a module may take.
const LIMIT: Duration = Duration::from_secs(600);
/// How long those may take that start the control plane a thousand times.
const KILLS_LIMIT: Duration = Duration::from_secs(3600);
/// The modules; the last ones depend on nothing of the others either.
const MODULES: [&str; 20] = [
    "model",
    "configurations",
    "secrets",
    "topics",
    SCRIPTED,
    "clusters",
    "changes",
    "monitoring",
    "encryption",
    "volumes",
    "reach",
    "iam",
    "elastic",
    "compaction",
    "unavailable",
    "access",
    "cli",
    "rules",
    "fuzz",
    "kills",
];
/// The module that has clusters come to Apache Kafka, for which it needs more than the others.
const KILLS_OF_ENGINES: &str = "kills_of_engines";
/// The module that asks a control plane with a scripted engine.
const SCRIPTED: &str = "topic_errors";
/// The address that stands for one that other machines reach.
const PUBLIC_ADDRESS: &str = "127.0.0.77";
/// Operations of the service `kafka`.
const OPERATIONS: usize = 64;
/// All errors that its operations may answer.
const ERRORS: [&str; 17] = [
    "BadRequestException",
    "ClusterConnectivityException",
    "ConflictException",
    "ControllerMovedException",
    "ForbiddenException",
    "GroupSubscribedToTopicException",
    "InternalServerErrorException",
    "KafkaRequestException",
    "KafkaTimeoutException",
    "NotControllerException",
    "NotFoundException",
    "ReassignmentInProgressException",
    "ServiceUnavailableException",
    "TooManyRequestsException",
    "TopicExistsException",
    "UnauthorizedException",
    "UnknownTopicOrPartitionException",
];

/// One runtime for all modules, started by the first.
#[derive(Clone, Default)]
struct Stage(Arc<Mutex<Option<Runtime>>>);

impl Stage {
    fn run(&self, python: &Path, module: &str) -> Result<()> {
        let mut runtime = self.0.lock().expect("no test panics while it has the runtime");
        if runtime.is_none() {
            let started = Runtime::new()?;
            Archives::of_runtime(&started)?;
            started.start_with(&["--public-address", PUBLIC_ADDRESS])?;
            *runtime = Some(started);
        }
        let runtime = runtime.as_ref().context("the runtime")?;
        let mut command = Command::new(python);
        command.args(["-m", "unittest", "--verbose", &format!("test_{module}")]);
        command.current_dir(binaries::repository().join("acceptance-tests/programs/api"));
        command
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env(OWN_PORT.0, OWN_PORT.1)
            .env("OPENMSK_ENDPOINT", runtime.endpoint()?)
            .env("OPENMSK_CREDENTIALS", runtime.data_dir().join("credentials"))
            .env("OPENMSK_RUNTIME", binaries::path("broker-runtime")?)
            .env("OPENMSK_DATA", runtime.data_dir())
            .env("OPENMSK_PUBLIC_ADDRESS", PUBLIC_ADDRESS)
            .env("OPENMSK_CALLED", called(runtime));
        let scripted = (module == SCRIPTED).then(Scripted::start).transpose()?;
        if let Some(scripted) = &scripted {
            command
                .env("OPENMSK_ENDPOINT", scripted.endpoint())
                .env("OPENMSK_CREDENTIALS", scripted.credentials());
        }
        let is_long = module.starts_with("kills");
        program::succeed(&mut command, if is_long { KILLS_LIMIT } else { LIMIT })?;
        let left = runtime.processes("broker");
        ensure!(left.is_empty(), "{module} has left brokers behind: {left:?}");
        Ok(())
    }

    /// Keeps the archive of Apache Kafka for the next run.
    fn keep_archives(&self) -> Result<()> {
        let runtime = self.0.lock().expect("no test panics while it has the runtime");
        match runtime.as_ref() {
            Some(runtime) => Archives::of_runtime(runtime)?.keep(),
            None => Ok(()),
        }
    }

    /// Every operation has been called, and every error has been answered.
    fn count(&self) -> Result<()> {
        let runtime = self.0.lock().expect("no test panics while it has the runtime");
        let runtime = runtime
            .as_ref()
            .context("this test counts what the others call: run them all")?;
        let text = fs::read_to_string(called(runtime)).context("the record of calls")?;
        let of = |kind: &str| -> BTreeSet<&str> { text.lines().filter_map(|line| line.strip_prefix(kind)).collect() };
        let operations = of("operation ");
        ensure!(
            operations.len() == OPERATIONS,
            "{} of {OPERATIONS} operations are called: {operations:?}",
            operations.len()
        );
        let errors = of("error ");
        let missing: Vec<_> = ERRORS.iter().filter(|error| !errors.contains(**error)).collect();
        ensure!(missing.is_empty(), "never answered: {missing:?}");
        Ok(())
    }
}

fn called(runtime: &Runtime) -> PathBuf {
    runtime.data_dir().join("called")
}

fn main() -> ExitCode {
    let tools = Tools::load();
    let stage = Stage::default();
    let mut suite = Suite::new();
    for module in MODULES {
        let stage = stage.clone();
        suite.test_with(module, "boto3", tools.python.clone(), move |python| {
            stage.run(&python, module)
        });
    }
    if env::var_os("OPENMSK_LONG_TESTS").is_some() {
        let (engines, needed) = (stage.clone(), tools.python.clone().zip(tools.java.clone()));
        suite.test_with(KILLS_OF_ENGINES, "boto3 and Java", needed, move |(python, _)| {
            engines.run(&python, KILLS_OF_ENGINES)?;
            engines.keep_archives()
        });
    }
    let counted = stage.clone();
    suite.test_with(
        "operations_and_errors_are_all_tested",
        "boto3",
        tools.python,
        move |_| counted.count(),
    );
    suite.run(move || drop(stage.0.lock().expect("no test panics while it has the runtime").take()))
}
