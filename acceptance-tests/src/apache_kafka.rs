//! Real Apache Kafka in KRaft mode, from the jars of Maven Central: combined nodes on loopback addresses of their own.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::{folder, java, program, tools::Tools, wait};

/// How long a program of it may take to do its work, or a broker to serve, on a slow machine too.
pub const START: Duration = Duration::from_secs(180);

/// Port of the listener between controllers.
pub const CONTROLLER_PORT: u16 = 9093;

/// A running cluster; ends with this value.
pub struct ApacheKafka {
    folder: TempDir,
    nodes: Vec<Child>,
    /// How many of them are controllers, too: the first ones.
    controllers: u8,
    /// What the nodes that come later run, and with which flags of Java.
    installation: Installation,
    flags: Vec<String>,
    /// When the first node was started.
    pub started: Instant,
    /// `host:port,…`.
    pub bootstrap: String,
}

/// The program and the jars.
struct Installation {
    java: PathBuf,
    jars: PathBuf,
}

impl Installation {
    fn find() -> Result<Self> {
        let tools = Tools::load();
        let java = tools.java.context("no JDK; `cargo xtask tools`")?;
        let jars = tools
            .kafka_jars
            .context("no jars of Apache Kafka; `cargo xtask tools`")?;
        Ok(Self { java, jars })
    }

    fn tool(&self, class: &str) -> Command {
        let mut command = java::program(&self.java, &self.jars, class);
        command.stdin(Stdio::null());
        command
    }

    fn command(&self, flags: &[&str], class: &str) -> Command {
        let mut command = Command::new(&self.java);
        command
            .args(flags)
            .arg("-cp")
            .arg(self.jars.join("*"))
            .arg(class)
            .stdin(Stdio::null());
        command
    }
}

impl ApacheKafka {
    /// Starts `count` brokers. `properties` are added to each node's, `flags` to those of each Java machine. They serve a while
    /// later, at most [`START`].
    pub fn start(count: u8, properties: &[(&str, &str)], flags: &[&str]) -> Result<Self> {
        Self::start_installed(Installation::find()?, count, properties, flags)
    }

    /// The same from the jars in this folder.
    pub fn start_of(jars: &Path, count: u8, properties: &[(&str, &str)], flags: &[&str]) -> Result<Self> {
        let installation = Installation {
            jars: jars.to_owned(),
            ..Installation::find()?
        };
        Self::start_installed(installation, count, properties, flags)
    }

    fn start_installed(
        installation: Installation,
        count: u8,
        properties: &[(&str, &str)],
        flags: &[&str],
    ) -> Result<Self> {
        let mut cluster = Self::prepare(installation, count, flags)?;
        for node in 1..=count {
            let file = cluster.write_properties(node, properties)?;
            cluster.format(&file, true)?;
        }
        cluster.started = Instant::now();
        for node in 1..=count {
            let child = cluster.run(node)?;
            cluster.nodes.push(child);
        }
        Ok(cluster)
    }

    fn prepare(installation: Installation, controllers: u8, flags: &[&str]) -> Result<Self> {
        let folder = folder::fresh("apache-kafka-")?;
        fs::write(folder.path().join("log4j2.yaml"), LOG4J)?;
        let hosts: Vec<String> = (1..=controllers)
            .map(|node| format!("{}:9092", address(node)))
            .collect();
        Ok(Self {
            folder,
            nodes: Vec::new(),
            controllers,
            installation,
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
            started: Instant::now(),
            bootstrap: hosts.join(","),
        })
    }

    /// Starts a broker, which is a controller too, on each of these directories, which have everything that it needs: node 1 on
    /// the first one, and so on.
    pub fn start_on(directories: Vec<PathBuf>, properties: &[(&str, &str)], flags: &[&str]) -> Result<Self> {
        let count = u8::try_from(directories.len())?;
        let mut cluster = Self::prepare(Installation::find()?, count, flags)?;
        for (node, directory) in (1..).zip(&directories) {
            let directory = directory.display().to_string();
            let all = [properties, &[("log.dirs", &directory)]].concat();
            cluster.write_properties(node, &all)?;
            let child = cluster.run(node)?;
            cluster.nodes.push(child);
        }
        Ok(cluster)
    }

    /// Starts one more node, which is a broker only.
    pub fn add_broker(&mut self) -> Result<()> {
        let node = u8::try_from(self.nodes.len() + 1)?;
        let listeners = format!("PLAINTEXT://{}:9092", address(node));
        let file = self.write_properties(node, &[("process.roles", "broker"), ("listeners", &listeners)])?;
        self.format(&file, false)?;
        let child = self.run(node)?;
        self.nodes.push(child);
        Ok(())
    }

    /// Sends SIGKILL to a node and waits for its end.
    pub fn kill(&mut self, node: u8) -> Result<()> {
        let child = self.node(node)?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Starts a node again that was killed.
    pub fn start_again(&mut self, node: u8) -> Result<()> {
        let child = self.run(node)?;
        *self.node(node)? = child;
        Ok(())
    }

    fn node(&mut self, node: u8) -> Result<&mut Child> {
        let index = usize::from(node).checked_sub(1);
        let found = index.and_then(|index| self.nodes.get_mut(index));
        found.with_context(|| format!("there is no node {node}"))
    }

    /// Waits until every topic partition has a leader, for the client whose properties are in this file.
    pub fn wait_until_served(&self, client: &Path) -> Result<()> {
        let mut answer = String::new();
        wait::until("Apache Kafka to serve", START, || {
            let mut command = self.installation.tool("org.apache.kafka.tools.TopicCommand");
            command.args([
                "--bootstrap-server",
                &self.bootstrap,
                "--describe",
                "--unavailable-partitions",
            ]);
            command.arg("--command-config").arg(client);
            let finished = program::run(&mut command, START).ok()?;
            let is_served = finished.code == Some(0) && finished.stdout.trim().is_empty();
            answer = finished.stdout + &finished.stderr;
            is_served.then_some(())
        })
        .with_context(|| format!("{answer}\n{}", self.output()))
    }

    /// What the nodes have printed.
    pub fn output(&self) -> String {
        let nodes = (1..).zip(&self.nodes);
        let texts =
            nodes.map(|(node, _)| fs::read_to_string(self.node_folder(node).join("out.log")).unwrap_or_default());
        texts.collect()
    }

    /// Process ids of the brokers.
    pub fn pids(&self) -> Vec<i32> {
        self.nodes
            .iter()
            .filter_map(|node| i32::try_from(node.id()).ok())
            .collect()
    }

    fn node_folder(&self, node: u8) -> PathBuf {
        self.folder.path().join(format!("node-{node}"))
    }

    fn write_properties(&self, node: u8, more: &[(&str, &str)]) -> Result<PathBuf> {
        let folder = self.node_folder(node);
        fs::create_dir_all(&folder)?;
        let host = format!("127.9.1.{node}");
        let quorum: Vec<String> = (1..=self.controllers).map(|it| format!("127.9.1.{it}:9093")).collect();
        let (replicas, in_sync) = if self.controllers >= 3 { (3, 2) } else { (1, 1) };
        let mut text = format!(
            "process.roles=broker,controller\nnode.id={node}\n\
             listeners=PLAINTEXT://{host}:9092,CONTROLLER://{host}:9093\n\
             advertised.listeners=PLAINTEXT://{host}:9092\ncontroller.listener.names=CONTROLLER\n\
             listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
             controller.quorum.bootstrap.servers={}\nlog.dirs={}\ndefault.replication.factor={replicas}\n\
             min.insync.replicas={in_sync}\noffsets.topic.replication.factor={replicas}\n\
             group.initial.rebalance.delay.ms=0\nauto.create.topics.enable=false\n",
            quorum.join(","),
            folder.join("data").display(),
        );
        for (name, value) in more {
            writeln!(text, "{name}={value}")?;
        }
        let file = folder.join("server.properties");
        fs::write(&file, text)?;
        Ok(file)
    }

    fn format(&self, file: &Path, is_controller: bool) -> Result<()> {
        let voters: Vec<String> = (1..=self.controllers)
            .map(|node| format!("{node}@127.9.1.{node}:9093:{}", directory_id(node)))
            .collect();
        let mut command = self.installation.tool("kafka.tools.StorageTool");
        command.args(["format", "-t", "MkU3OEVBNTcwNTJENDM2Qk", "-c"]).arg(file);
        if is_controller {
            command.args(["--initial-controllers", &voters.join(",")]);
        }
        command.env("LOG4J_CONFIGURATION_FILE", self.folder.path().join("log4j2.yaml"));
        program::succeed(&mut command, START).map(drop)
    }

    fn run(&self, node: u8) -> Result<Child> {
        let folder = self.node_folder(node);
        let output = fs::File::options()
            .create(true)
            .append(true)
            .open(folder.join("out.log"))?;
        let configuration = format!(
            "-Dlog4j2.configurationFile={}",
            self.folder.path().join("log4j2.yaml").display()
        );
        // The flags of Kafka's own start script.
        let mut flags = vec![
            "-Xms1g",
            "-Xmx1g",
            "-server",
            "-XX:+UseG1GC",
            "-XX:MaxGCPauseMillis=20",
            "-XX:InitiatingHeapOccupancyPercent=35",
            "-XX:+ExplicitGCInvokesConcurrent",
            "-Djava.awt.headless=true",
            &configuration,
        ];
        flags.extend(self.flags.iter().map(String::as_str));
        let mut command = self.installation.command(&flags, "kafka.Kafka");
        command
            .arg(folder.join("server.properties"))
            .stdout(output.try_clone()?)
            .stderr(output);
        Ok(command.spawn()?)
    }
}

impl Drop for ApacheKafka {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            // Its data goes with the folder, so there is nothing to shut down cleanly.
            let _ = node.kill();
            let _ = node.wait();
        }
    }
}

/// Where a node is.
pub fn address(node: u8) -> String {
    format!("127.9.1.{node}")
}

/// 16 bytes in url-safe base64, different for each node.
fn directory_id(node: u8) -> String {
    format!("AAAAAAAAAAAAAAAAAAAA{node:01}A")
}

const LOG4J: &str = "Configuration:\n  status: WARN\n  Appenders:\n    Console: {name: STDOUT, PatternLayout: {pattern: \"%d %p %m (%c)%n\"}}\n  Loggers:\n    Root: {level: WARN, AppenderRef: [{ref: STDOUT}]}\n";
