//! Another number of replicas for a topic that exists, while a client writes to it: nothing is lost, and new partitions come with it.
//! Who is cut off in between goes on at the next apply. What cannot be is said while planning.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use acceptance_tests::{
    cluster::{CONFIGURATION, Cluster, PASSWORD},
    load::Load,
    processes::kill,
    suite::Suite,
    terraform::Workspace,
    tools::Tools,
    wait,
};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

/// How long something may take that a test waits for.
const LIMIT: Duration = Duration::from_secs(60);

/// What the runtime says of the topics.
const SEEN: &str = r#"
data "msk_topics" "all" {
  cluster_arn = msk_cluster.this.arn
}

output "topics" {
  value = { for topic in data.msk_topics.all.topics : topic.name => [
    topic.partition_count, topic.replication_factor, topic.out_of_sync_replica_count
  ] }
}
"#;

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    for (name, core) in [("terraform", &tools.terraform), ("tofu", &tools.tofu)] {
        suite.test_with(
            &format!("replicas_come_and_go_while_a_client_writes_{name}"),
            "this core and librdkafka",
            core.clone().zip(tools.python.clone()),
            |(core, python)| changed(&core, &python),
        );
    }
    suite.test_with(
        "change_of_replicas_that_was_cut_off_converges",
        "terraform",
        tools.terraform.clone(),
        cut_off,
    );
}

/// The fixture, with another topic.
fn with(partitions: u32, replicas: u32) -> String {
    CONFIGURATION
        .replace("partition_count    = 3", &format!("partition_count    = {partitions}"))
        .replace("replication_factor = 3", &format!("replication_factor = {replicas}"))
        + SEEN
}

fn changed(core: &Path, python: &Path) -> Result<()> {
    let cluster = Cluster::start_as(core, &with(3, 1))?;
    let workspace = &cluster.workspace;
    let load = Load::start(&cluster, python, 15)?;
    for (partitions, replicas) in [(3, 3), (5, 2), (5, 1), (6, 3)] {
        workspace.write(&with(partitions, replicas))?;
        let applied = workspace.apply()?;
        ensure!(
            applied.stdout.contains("0 added, 1 changed, 0 destroyed"),
            "{}",
            applied.text()
        );
        // What was read while planning is of before.
        workspace.apply()?;
        workspace.expect_empty_plan()?;
        expect(workspace, json!([partitions, replicas, 0]))?;
    }
    refused(workspace)?;
    load.finish()
}

/// What a plan says of numbers that cannot be, or are of little use.
fn refused(workspace: &Workspace) -> Result<()> {
    workspace.write(&with(6, 5))?;
    let told = workspace.fail(&["plan", "-no-color", "-input=false"])?.text();
    ensure!(told.contains("cannot have a replication factor of 5"), "{told}");
    let more = "replication_factor = 2\n  configs            = { \"min.insync.replicas\" = \"3\" }";
    workspace.write(&with(6, 2).replace("replication_factor = 2", more))?;
    let told = workspace.succeed(&["plan", "-no-color", "-input=false"])?.text();
    ensure!(told.contains("Fewer replicas than min.insync.replicas"), "{told}");
    workspace.write(&with(6, 3))
}

fn expect(workspace: &Workspace, expected: Value) -> Result<()> {
    let topics = workspace.output("topics")?;
    ensure!(topics["orders"] == expected, "{topics}, and not {expected}");
    Ok(())
}

/// Ends the provider, and the control plane, while replicas are on their way.
fn cut_off(core: PathBuf) -> Result<()> {
    let mut workspace = Workspace::new(&core)?;
    workspace.set("TF_VAR_password", PASSWORD);
    // More than move at once.
    workspace.write(&with(200, 1))?;
    workspace.apply()?;
    workspace.write(&with(200, 3))?;
    let log = workspace.path().join("provider.log");
    let mut command = workspace.prepare(&["apply", "-auto-approve", "-no-color", "-input=false"]);
    let mut apply = command
        .env("TF_LOG_PROVIDER", "INFO")
        .env("TF_LOG_PATH", &log)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    wait::until("replicas to be on their way", LIMIT, || {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        text.contains("changing replicas of partitions").then_some(())
    })?;
    workspace.runtime.kill("serve");
    kill(i32::try_from(apply.id()).context("a process id")?);
    apply.wait()?;
    let _ = std::fs::remove_file(workspace.path().join(".terraform.tfstate.lock.info"));
    workspace.apply()?;
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    expect(&workspace, json!([200, 3, 0]))?;
    workspace.destroy().map(drop)
}
