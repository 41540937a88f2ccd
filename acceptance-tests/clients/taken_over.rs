//! Apache Kafka takes over the log directories of our brokers: on copies of them, with the metadata as a KRaft snapshot, it has
//! every topic, record, transaction and committed offset.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use acceptance_tests::{
    apache_kafka::{self, ApacheKafka},
    cluster::{CONFIGURATION, Cluster},
    folder, java, program,
    suite::Suite,
    tools::Tools,
};
use anyhow::{Context, Result, ensure};
use kafka_metadata::BrokerId;
use kraft_snapshot::{Endpoint, KraftLayout, METADATA_FOLDER, Voter, snapshot};
use uuid::Uuid;

/// Small Java machines: three of them run beside the test.
const SMALL: [&str; 2] = ["-Xms128m", "-Xmx384m"];

/// Features of Apache Kafka 4.3 with the levels that a new cluster of it has.
const FEATURES: [(&str, i16); 3] = [
    ("metadata.version", 30),
    ("group.version", 1),
    ("transaction.version", 2),
];

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    let all = tools.clone();
    suite.test_with(
        "apache_kafka_reads_everything_from_our_log_directories",
        "a JDK, Kafka's jars, and terraform or tofu",
        tools.java.clone().zip(tools.kafka_jars.clone()),
        move |(java, jars)| take_over(&all, &java, &jars),
    );
}

fn take_over(tools: &Tools, java: &Path, jars: &Path) -> Result<()> {
    let terraform = tools.terraform.as_ref().or(tools.tofu.as_ref());
    let cluster = Cluster::start_as(terraform.context("terraform or tofu")?, CONFIGURATION)?;
    let program = |action: &str, properties: &Path| {
        let mut command = java::program(java, jars, java::source("TakenOver.java"));
        command.arg(action).arg(properties);
        program::succeed(&mut command, program::LIMIT)
    };
    let ours = cluster.java_properties("SCRAM-SHA-512")?;
    program("write", &ours)?;
    let before = program("read", &ours)?.stdout;
    ensure!(before.contains("read_committed plain-5"), "{before}");

    // Nothing is shut down cleanly: what is on the disks is all there is.
    let runtime = &cluster.workspace.runtime;
    ensure!(
        runtime.command(&["stop"])?.code == Some(0),
        "the control plane does not stop"
    );
    runtime.kill("broker");
    let copies = folder::fresh("openmsk-copies-")?;
    let directories = copy_directories(&runtime.data_dir().join("clusters"), copies.path())?;
    ensure!(directories.len() == 3, "{directories:?}");
    write_snapshots(&runtime.data_dir().join("clusters"), &directories)?;

    let folders = directories.values().map(|it| it.path.clone()).collect();
    let kafka = ApacheKafka::start_on(folders, &[("unclean.leader.election.enable", "false")], &SMALL)?;
    let theirs = copies.path().join("client.properties");
    fs::write(&theirs, format!("bootstrap.servers={}\n", kafka.bootstrap))?;
    kafka.wait_until_served(&theirs)?;
    let after = program("read", &theirs)?.stdout;
    ensure!(
        before == after,
        "before:\n{before}\nafter:\n{after}\n{}",
        kafka.output()
    );
    Ok(())
}

/// The directory of a broker, and its id.
#[derive(Debug)]
struct Directory {
    path: PathBuf,
    id: Uuid,
}

/// Copies every log directory below `clusters`, by the id of its broker.
fn copy_directories(clusters: &Path, to: &Path) -> Result<BTreeMap<i32, Directory>> {
    let mut found = Vec::new();
    find(clusters, "meta.properties", &mut found)?;
    let mut copies = BTreeMap::new();
    for properties in found {
        let text = fs::read_to_string(&properties)?;
        let value = |name: &str| {
            let mut lines = text.lines().filter_map(|line| line.strip_prefix(name));
            lines
                .next()
                .map(str::to_owned)
                .with_context(|| format!("{name} in {text}"))
        };
        let node: i32 = value("node.id=")?.parse()?;
        let path = to.join(format!("broker-{node}"));
        let copied = Command::new("cp")
            .arg("-a")
            .arg(properties.parent().context("its folder")?)
            .arg(&path)
            .status()?;
        ensure!(copied.success(), "{} is not copied", properties.display());
        let id = kafka_codec::uuid_from_text(&value("directory.id=")?)?;
        copies.insert(node, Directory { path, id });
    }
    Ok(copies)
}

/// Writes the metadata of the cluster into the directories, as KRaft has it.
fn write_snapshots(clusters: &Path, directories: &BTreeMap<i32, Directory>) -> Result<()> {
    let mut logs = Vec::new();
    find(clusters, ".metadata", &mut logs)?;
    let is_log = |path: &&PathBuf| {
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        stem.is_some_and(|stem| stem.parse::<u64>().is_ok())
    };
    let log = logs.iter().find(is_log).and_then(|log| log.parent());
    let log = log.context("a metadata log")?;
    let image = engine_embedded::controller::read_image(log)?;
    let voters = directories.iter().map(|(node, directory)| Voter {
        node_id: *node,
        directory_id: directory.id,
        endpoints: vec![Endpoint {
            listener: "CONTROLLER".to_owned(),
            host: apache_kafka::address(u8::try_from(*node).unwrap_or_default()),
            port: apache_kafka::CONTROLLER_PORT,
        }],
    });
    let ids = directories
        .iter()
        .map(|(node, directory)| (BrokerId(*node), directory.id));
    let layout = KraftLayout {
        features: FEATURES
            .iter()
            .map(|(name, level)| ((*name).to_owned(), *level))
            .collect(),
        voters: voters.collect(),
        directories: ids.collect(),
        epoch: 1,
        timestamp_ms: 0,
    };
    let snapshot = snapshot(&image, &layout)?;
    for directory in directories.values() {
        let folder = directory.path.join(METADATA_FOLDER);
        fs::create_dir(&folder)?;
        fs::write(folder.join(&snapshot.file_name), &snapshot.bytes)?;
    }
    Ok(())
}

/// Adds the files whose names end so.
fn find(root: &Path, name: &str, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(root)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, name, found)?;
        } else if path.file_name().is_some_and(|it| it.to_string_lossy().ends_with(name)) {
            found.push(path);
        }
    }
    Ok(())
}
