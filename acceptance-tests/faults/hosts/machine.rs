//! A machine beside the control plane: a network namespace, an agent, and what that runs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::Duration,
};

use acceptance_tests::{
    processes::{self, Process},
    runtime::Runtime,
    wait,
};
use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::network::{self, End, inside};

/// How long a process may take to be there.
const LIMIT: Duration = Duration::from_secs(60);
/// How long an archive of classes may take, which is made once nobody waits any more.
const ARCHIVE_LIMIT: Duration = Duration::from_secs(300);

/// A host.
pub struct Machine {
    /// Name that it has joined under.
    pub name: String,
    number: u32,
    folder: PathBuf,
    agent: Option<Child>,
}

impl Machine {
    /// Lets a machine join with a token of its own, and runs its agent.
    pub fn join(runtime: &Runtime, number: u32, zone: &str) -> Result<Self> {
        let name = format!("host-{number}");
        // What works beside the runtime is ended with it.
        let data_dir = runtime.data_dir();
        let folder = data_dir.parent().context("folder of the runtime")?.join(&name);
        let mut machine = Self {
            name,
            number,
            folder,
            agent: None,
        };
        machine.enroll(runtime, zone)?;
        Ok(machine)
    }

    fn enroll(&mut self, runtime: &Runtime, zone: &str) -> Result<()> {
        let made = runtime.command(&["token", "create", "--json", "--zone", zone])?;
        let token: Value = serde_json::from_str(&made.stdout).with_context(|| made.text())?;
        let text = |name: &str| token[name].as_str().context("text in a token");
        let address = network::host_address(self.number);
        let arguments = ["join", text("joinAddress")?, "--token", text("token")?];
        let name = self.name.clone();
        let named = ["--name", &name, "--address", &address];
        self.start(runtime, &[&arguments[..], &named].concat())
    }

    /// It has power again, and joins as if it never had, with everything that it had run still on its disk.
    pub fn join_anew(&mut self, runtime: &Runtime, zone: &str) -> Result<()> {
        self.kill_agent()?;
        network::plug(&self.namespace(), true)?;
        fs::remove_dir_all(self.folder.join("agent"))?;
        self.enroll(runtime, zone)
    }

    fn start(&mut self, runtime: &Runtime, arguments: &[&str]) -> Result<()> {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.with_extension("log"))?;
        let mut command = runtime.prepare(&[&["host-agent"], arguments].concat())?;
        command.arg("--data-dir").arg(&self.folder);
        let mut command = inside(&self.namespace(), &command);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.agent = Some(command.spawn().context("an agent")?);
        Ok(())
    }

    /// Its network namespace.
    pub fn namespace(&self) -> String {
        network::host_namespace(self.number)
    }

    /// Where links to it end.
    pub fn end(&self) -> End {
        (self.namespace(), network::host_address(self.number))
    }

    /// Runs its agent again, as its service manager does.
    pub fn run(&mut self, runtime: &Runtime) -> Result<()> {
        self.start(runtime, &["run"])
    }

    /// `kill -9` of the agent alone.
    pub fn kill_agent(&mut self) -> Result<()> {
        if let Some(mut agent) = self.agent.take() {
            agent.kill()?;
            agent.wait()?;
        }
        Ok(())
    }

    /// It loses its power: nobody reaches it any more, and everything on it ends at once.
    pub fn die(&mut self) -> Result<()> {
        network::plug(&self.namespace(), false)?;
        self.kill_agent()?;
        self.brokers().iter().for_each(|process| processes::kill(process.pid));
        wait::until("the processes of a machine to end", LIMIT, || {
            self.brokers().is_empty().then_some(())
        })
    }

    /// It has power again.
    pub fn boot(&mut self, runtime: &Runtime) -> Result<()> {
        network::plug(&self.namespace(), true)?;
        self.run(runtime)
    }

    /// Processes of Apache Kafka on it.
    pub fn brokers(&self) -> Vec<Process> {
        let mut running = processes::working_in(&self.folder);
        running.retain(|it| it.arguments.iter().any(|argument| argument == "kafka.Kafka"));
        running
    }

    /// Ends one of them with `kill -9`, and waits until its agent has started another one.
    pub fn kill_broker(&self) -> Result<()> {
        let before = self.brokers();
        let broker = before.first().with_context(|| format!("no broker on {}", self.name))?;
        processes::kill(broker.pid);
        wait::until(&format!("a broker to run again on {}", self.name), LIMIT, || {
            let now = self.brokers();
            (now.len() == before.len() && now.iter().all(|it| it.pid != broker.pid)).then_some(())
        })
    }

    /// Folders of its units.
    pub fn units(&self) -> Result<Vec<PathBuf>> {
        let entries = fs::read_dir(self.folder.join("units"))?;
        entries.map(|entry| Ok(entry?.path())).collect()
    }

    /// Whether its agent has been told that nothing should run on it any more, and nothing does.
    pub fn is_fenced(&self) -> Result<bool> {
        let wanted = |unit: &PathBuf| unit.join(".agent/wanted.json").exists();
        Ok(!self.units()?.iter().any(wanted) && self.brokers().is_empty())
    }

    /// The newest term in which a controller on it has become the leader, as its log says.
    pub fn led(&self) -> Option<u64> {
        let units = self.units().ok()?;
        units.iter().filter_map(|unit| led(&unit.join("server.log"))).max()
    }

    /// Waits until it has an archive of Kafka's classes beside the jars.
    pub fn await_archive(&self) -> Result<()> {
        let bundles = self.folder.join("bundles");
        wait::until(
            &format!("an archive of classes on {}", self.name),
            ARCHIVE_LIMIT,
            || {
                let jars = fs::read_dir(&bundles).ok()?.flatten();
                let mut files = jars
                    .filter_map(|folder| fs::read_dir(folder.path()).ok())
                    .flatten()
                    .flatten();
                files
                    .any(|file| file.path().extension().is_some_and(|end| end == "jsa"))
                    .then_some(())
            },
        )
    }

    /// Requires that Java has mapped the archive in every broker: so the system says.
    pub fn expect_archive_in_use(&self) -> Result<()> {
        for broker in self.brokers() {
            let maps = fs::read_to_string(format!("/proc/{}/maps", broker.pid))?;
            let is_archive = |line: &str| line.contains("/bundles/") && line.ends_with(".jsa");
            ensure!(maps.lines().any(is_archive), "{} does without an archive", self.name);
        }
        Ok(())
    }

    /// Requires that nothing of a cluster is on it.
    pub fn expect_empty(&self) -> Result<()> {
        let (units, brokers) = (self.units()?, self.brokers());
        ensure!(units.is_empty(), "{} has {units:?}", self.name);
        ensure!(brokers.is_empty(), "{} runs {brokers:?}", self.name);
        Ok(())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // One that has ended already needs no end.
        let _ = self.kill_agent();
    }
}

fn led(log: &Path) -> Option<u64> {
    let text = fs::read_to_string(log).ok()?;
    let lines = text
        .lines()
        .filter(|line| line.contains("Completed transition to Leader"));
    let terms = lines.filter_map(|line| {
        let digits = line.split_once("epoch=")?.1;
        digits.split(|it: char| !it.is_ascii_digit()).next()?.parse().ok()
    });
    terms.max()
}
