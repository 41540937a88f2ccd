//! Apache Kafka's console tools, as an operator uses them.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use acceptance_tests::{
    cluster::{Cluster, USER},
    java,
    program::{self, Finished},
    suite::Suite,
    tools::Tools,
};
use anyhow::{Context, Result, ensure};

use crate::Shared;

/// A class of `kafka-tools` and a cluster to point it at.
struct Console<'a> {
    java: &'a Path,
    jars: &'a Path,
    cluster: &'a Cluster,
    properties: PathBuf,
}

impl Console<'_> {
    fn command(&self, class: &str, option: &str, arguments: &[&str]) -> Command {
        let mut command = java::program(self.java, self.jars, format!("org.apache.kafka.tools.{class}"));
        command.args(["--bootstrap-server", &self.cluster.bootstrap]);
        command.arg(option).arg(&self.properties).args(arguments);
        command
    }

    /// `kafka-configs.sh`.
    fn configs_command(&self, arguments: &[&str]) -> Command {
        let mut command = java::program(self.java, self.jars, "kafka.admin.ConfigCommand");
        command.args(["--bootstrap-server", &self.cluster.bootstrap]);
        command.arg("--command-config").arg(&self.properties).args(arguments);
        command
    }

    fn configs(&self, arguments: &[&str]) -> Result<String> {
        Ok(program::succeed(&mut self.configs_command(arguments), program::LIMIT)?.stdout)
    }

    /// The same where it is refused; gives what it says.
    fn configs_refused(&self, arguments: &[&str]) -> Result<String> {
        Ok(program::fail(&mut self.configs_command(arguments), program::LIMIT)?.text())
    }

    fn run(&self, class: &str, option: &str, arguments: &[&str]) -> Result<Finished> {
        program::succeed(&mut self.command(class, option, arguments), program::LIMIT)
    }
}

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools, shared: &Shared) {
    let java = tools.java.clone().zip(tools.kafka_jars.clone());
    let (tools, shared) = (tools.clone(), shared.clone());
    suite.test_with(
        "console_tools_administer_write_and_read",
        "a JDK and Kafka's jars",
        java,
        move |(java, jars)| {
            let cluster = shared.cluster(&tools)?;
            let properties = cluster.java_properties("SCRAM-SHA-512")?;
            let console = Console {
                java: &java,
                jars: &jars,
                cluster: &cluster,
                properties,
            };
            topics(&console)?;
            records(&console)?;
            configs(&console)?;
            loggers(&console)?;
            users(&console)?;
            transactions(&console)?;
            reassignments(&console)?;
            elections(&console)?;
            acls(&console)?;
            quorum(&console)
        },
    );
}

/// An unclean election is there for partitions without a leader only.
fn elections(console: &Console<'_>) -> Result<()> {
    let partition = ["--election-type", "unclean", "--topic", "console", "--partition", "0"];
    let elected = console.run("LeaderElectionCommand", "--admin.config", &partition)?;
    ensure!(
        elected
            .stdout
            .contains("Valid replica already elected for partitions console-0"),
        "{}",
        elected.text()
    );
    Ok(())
}

/// Fewer replicas and back: the tool asks for both, waits, and looks whether it has come about. The second time it throttles,
/// and takes the throttles away.
fn reassignments(console: &Console<'_>) -> Result<()> {
    let file = console.cluster.workspace.path().join("reassignment.json");
    let path = file.display().to_string();
    for replicas in [serde_json::json!([3]), serde_json::json!([3, 1, 2])] {
        let partition = serde_json::json!({"topic": "console", "partition": 0, "replicas": replicas});
        let wanted = serde_json::json!({"version": 1, "partitions": [partition]});
        std::fs::write(&file, wanted.to_string())?;
        let tool = "reassign.ReassignPartitionsCommand";
        let mut execute = vec!["--reassignment-json-file", &path, "--execute"];
        let of_topic = ["--describe", "--entity-type", "topics", "--entity-name", "console"];
        if replicas.as_array().is_some_and(|replicas| replicas.len() > 1) {
            execute.extend(["--throttle", "50000000"]);
        }
        let executed = console.run(tool, "--command-config", &execute)?;
        if execute.contains(&"--throttle") {
            let text = executed.text();
            ensure!(
                text.contains("The inter-broker throttle limit was set to 50000000 B/s"),
                "{text}"
            );
            let shown = console.configs(&of_topic)?;
            ensure!(shown.contains("follower.replication.throttled.replicas=0:"), "{shown}");
        }
        let verify = ["--reassignment-json-file", &path, "--verify"];
        acceptance_tests::wait::until("the reassignment", program::LIMIT, || {
            let said = console.run(tool, "--command-config", &verify).ok()?.stdout;
            said.contains("console-0 is completed").then_some(())
        })?;
        let shown = console.configs(&of_topic)?;
        ensure!(!shown.contains("throttled.replicas=0:"), "{shown}");
        let listed = console.run(tool, "--command-config", &["--list"])?;
        ensure!(
            listed.stdout.contains("No partition reassignments found"),
            "{}",
            listed.text()
        );
    }
    Ok(())
}

/// One list for a user that nobody is, so that the others of the suite are left alone.
fn acls(console: &Console<'_>) -> Result<()> {
    let of_nobody = ["--topic", "console-", "--resource-pattern-type", "prefixed"];
    let run = |more: &[&str]| console.run("AclCommand", "--command-config", &[&of_nobody[..], more].concat());
    run(&["--add", "--allow-principal", "User:nobody", "--producer"])?;
    let listed = run(&["--list"])?.stdout;
    for part in ["User:nobody", "operation=WRITE", "patternType=PREFIXED"] {
        ensure!(listed.contains(part), "{listed}");
    }
    run(&["--remove", "--force"])?;
    let left = run(&["--list"])?.stdout;
    ensure!(!left.contains("User:nobody"), "{left}");
    Ok(())
}

/// One controller keeps the metadata, and all brokers have read it.
fn quorum(console: &Console<'_>) -> Result<()> {
    let describe = |more: &[&str]| {
        let arguments = [&["describe"], more].concat();
        Ok::<_, anyhow::Error>(
            console
                .run("MetadataQuorumCommand", "--command-config", &arguments)?
                .stdout,
        )
    };
    let status = describe(&["--status"])?;
    for part in [
        "LeaderId:",
        "MaxFollowerLag:         0",
        r#"CurrentVoters:          [{"id": 10001"#,
    ] {
        ensure!(status.contains(part), "{part:?} is not in {status}");
    }
    for broker in 1..=3 {
        ensure!(status.contains(&format!(r#"{{"id": {broker}}}"#)), "{status}");
    }
    acceptance_tests::wait::until("all brokers to have all metadata", program::LIMIT, || {
        let replication = describe(&["--replication", "--human-readable"]).ok()?;
        let caught_up = |line: &&str| {
            let columns: Vec<&str> = line.split('\t').map(str::trim).collect();
            columns.get(6) == Some(&"Observer") && columns[3] == "0" && columns[5].ends_with("ms ago")
        };
        (replication.lines().filter(caught_up).count() == 3).then_some(())
    })
}

fn topics(console: &Console<'_>) -> Result<()> {
    let create = [
        "--create",
        "--topic",
        "console",
        "--partitions",
        "2",
        "--replication-factor",
        "3",
    ];
    console.run("TopicCommand", "--command-config", &create)?;
    let described = console
        .run(
            "TopicCommand",
            "--command-config",
            &["--describe", "--topic", "console"],
        )?
        .stdout;
    ensure!(
        described.contains("PartitionCount: 2") && described.contains("ReplicationFactor: 3"),
        "{described}"
    );
    console.run(
        "TopicCommand",
        "--command-config",
        &["--alter", "--topic", "console", "--partitions", "3"],
    )?;
    let listed = console.run("TopicCommand", "--command-config", &["--list"])?.stdout;
    ensure!(
        listed.lines().any(|line| line == "console") && listed.lines().any(|line| line == "orders"),
        "{listed}"
    );
    Ok(())
}

fn records(console: &Console<'_>) -> Result<()> {
    let mut producer = console
        .command(
            "ConsoleProducer",
            "--command-config",
            &["--topic", "console", "--request-required-acks", "all"],
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    producer
        .stdin
        .take()
        .context("input of the producer")?
        .write_all(b"one\ntwo\nthree\n")?;
    let output = producer.wait_with_output()?;
    ensure!(output.status.success(), "{}", program::text(&output));
    let arguments = [
        "--topic",
        "console",
        "--group",
        "console",
        "--from-beginning",
        "--max-messages",
        "3",
    ];
    let limit = ["--timeout-ms", "60000"];
    let read = console
        .run(
            "consumer.ConsoleConsumer",
            "--command-config",
            &[&arguments[..], &limit].concat(),
        )?
        .stdout;
    let mut lines: Vec<&str> = read.lines().collect();
    lines.sort_unstable();
    ensure!(lines == ["one", "three", "two"], "{read}");
    let group = ["--describe", "--group", "console"];
    let described = console
        .run("consumer.group.ConsumerGroupCommand", "--command-config", &group)?
        .stdout;
    ensure!(described.contains("console"), "{described}");
    console.run(
        "consumer.group.ConsumerGroupCommand",
        "--command-config",
        &["--delete", "--group", "console"],
    )?;
    Ok(())
}

fn configs(console: &Console<'_>) -> Result<()> {
    let tool = |arguments: &[&str]| console.configs(arguments);
    let of_topic = ["--entity-type", "topics", "--entity-name", "console"];
    tool(&[&of_topic[..], &["--alter", "--add-config", "retention.ms=12345678"]].concat())?;
    let described = tool(&[&of_topic[..], &["--describe"]].concat())?;
    ensure!(described.contains("retention.ms=12345678"), "{described}");
    let of_client = ["--entity-type", "clients", "--entity-name", "console"];
    tool(
        &[
            &of_client[..],
            &["--alter", "--add-config", "producer_byte_rate=1048576"],
        ]
        .concat(),
    )?;
    let described = tool(&[&of_client[..], &["--describe"]].concat())?;
    ensure!(described.contains("producer_byte_rate=1048576"), "{described}");
    tool(&[&of_client[..], &["--alter", "--delete-config", "producer_byte_rate"]].concat())?;
    let others = [
        ("clients", "console", "controller_mutation_rate=1000"),
        ("ips", "127.9.9.9", "connection_creation_rate=1000"),
        ("groups", "configured", "consumer.heartbeat.interval.ms=6000"),
    ];
    for (kind, name, setting) in others {
        let whom = ["--entity-type", kind, "--entity-name", name];
        let (property, _) = setting.split_once('=').context("a value")?;
        tool(&[&whom[..], &["--alter", "--add-config", setting]].concat())?;
        let described = tool(&[&whom[..], &["--describe"]].concat())?;
        ensure!(described.contains(setting), "{described}");
        tool(&[&whom[..], &["--alter", "--delete-config", property]].concat())?;
        let described = tool(&[&whom[..], &["--describe"]].concat())?;
        ensure!(!described.contains(setting), "{described}");
    }
    let users = tool(&["--entity-type", "users", "--describe"])?;
    ensure!(users.contains("SCRAM credential configs for user-principal"), "{users}");
    Ok(())
}

/// A broker logs what it is told to, from one moment to the next, and the others go on as before.
fn loggers(console: &Console<'_>) -> Result<()> {
    const LOGGER: &str = "kafka_broker.dispatch";
    let of = |broker: &'static str| ["--entity-type", "broker-loggers", "--entity-name", broker];
    let describe = |broker| console.configs(&[&of(broker)[..], &["--describe"]].concat());
    let alter = |more: &[&str]| console.configs(&[&of("2")[..], &["--alter"], more].concat());
    let refused = |more: &[&str]| console.configs_refused(&[&of("2")[..], &["--alter"], more].concat());
    let requests = |broker| -> Result<usize> {
        let said = console.cluster.runtime(&["logs", "clients", broker, "-n", "100000"])?;
        Ok(said
            .lines()
            .filter(|line| line.contains("kafka_broker::dispatch::request"))
            .count())
    };
    let before = describe("2")?;
    for line in ["root=INFO", "kafka_broker.dispatch=INFO", "kafka_log=INFO"] {
        ensure!(before.contains(line), "{line} is not in {before}");
    }
    ensure!(requests("2")? == 0, "nobody has asked for it yet");
    alter(&["--add-config", &format!("{LOGGER}=TRACE")])?;
    let after = describe("2")?;
    ensure!(after.contains("kafka_broker.dispatch.request=TRACE"), "{after}");
    ensure!(after.contains("kafka_log=INFO"), "{after}");
    ensure!(requests("2")? > 0, "the tool's own request at least");
    let other = describe("1")?;
    ensure!(
        other.contains("kafka_broker.dispatch=INFO") && requests("1")? == 0,
        "{other}"
    );
    alter(&["--delete-config", LOGGER])?;
    let quiet = requests("2")?;
    let described = describe("2")?;
    ensure!(described.contains("kafka_broker.dispatch.request=INFO"), "{described}");
    ensure!(requests("2")? == quiet, "it goes on");
    let said = refused(&["--add-config", "nobody=DEBUG"])?;
    ensure!(said.contains("Invalid broker logger(s): nobody"), "{said}");
    let said = refused(&["--add-config", "kafka_log=LOUD"])?;
    ensure!(
        said.contains("Valid log levels are DEBUG, ERROR, FATAL, INFO, TRACE, WARN"),
        "{said}"
    );
    let said = refused(&["--delete-config", "root"])?;
    ensure!(
        said.contains("Removing the log level of the root logger is not allowed"),
        "{said}"
    );
    Ok(())
}

/// A user that an operator makes can log in, and is left alone when the cluster changes.
fn users(console: &Console<'_>) -> Result<()> {
    const PASSWORD: &str = "Planted-visitor-password";
    let visitor = ["--entity-type", "users", "--entity-name", "visitor"];
    let added = format!("SCRAM-SHA-512=[iterations=4096,password={PASSWORD}]");
    console.configs(&[&visitor[..], &["--alter", "--add-config", &added]].concat())?;
    let described = console.configs(&[&visitor[..], &["--describe"]].concat())?;
    ensure!(described.contains("SCRAM-SHA-512=iterations=4096"), "{described}");
    // A change of the users that Terraform makes.
    let workspace = &console.cluster.workspace;
    let text = fs::read_to_string(workspace.path().join("main.tf"))?;
    workspace.write(&text.replace("password_wo_version = 1", "password_wo_version = 2"))?;
    workspace.apply()?;
    let theirs = fs::read_to_string(&console.properties)?
        .replace(&format!("username=\"{USER}\""), "username=\"visitor\"")
        .replace(acceptance_tests::cluster::PASSWORD, PASSWORD);
    let properties = workspace.path().join("visitor.properties");
    fs::write(&properties, theirs)?;
    let visiting = Console { properties, ..*console };
    let listed = visiting.run("TopicCommand", "--command-config", &["--list"])?.stdout;
    ensure!(listed.contains("orders"), "{listed}");
    console.configs(&[&visitor[..], &["--alter", "--delete-config", "SCRAM-SHA-512"]].concat())?;
    let refused = program::fail(
        &mut visiting.command("TopicCommand", "--command-config", &["--list"]),
        program::LIMIT,
    )?;
    ensure!(refused.text().contains("Authentication failed"), "{}", refused.text());
    Ok(())
}

/// Operators see who writes in transactions.
fn transactions(console: &Console<'_>) -> Result<()> {
    let listed = console
        .run("TransactionsCommand", "--command-config", &["list"])?
        .stdout;
    ensure!(listed.contains("TransactionalId"), "{listed}");
    let producers = ["describe-producers", "--topic", "console", "--partition", "0"];
    let described = console
        .run("TransactionsCommand", "--command-config", &producers)?
        .stdout;
    ensure!(described.contains("ProducerId"), "{described}");
    Ok(())
}
