//! Scaling out while clients work; shrinking is refused before anything happens.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use acceptance_tests::{
    binaries,
    cluster::{CONFIGURATION, Cluster, PASSWORD, USER},
    program,
    suite::Suite,
    tools::Tools,
};
use anyhow::{Result, ensure};

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    let both = tools.terraform.clone().zip(tools.python.clone());
    suite.test_with(
        "three_brokers_become_five_under_load",
        "terraform and librdkafka",
        both,
        |(core, python)| scale(&core, &python),
    );
}

fn scale(core: &Path, python: &Path) -> Result<()> {
    let cluster = Cluster::start(core)?;
    let workspace = &cluster.workspace;
    let history = workspace.path().join("history.jsonl");
    let mut client = Command::new(python);
    client
        .arg(binaries::repository().join("acceptance-tests/programs/history.py"))
        .arg("produce");
    client
        .arg(&cluster.bootstrap)
        .arg(&cluster.authority)
        .args([USER, "orders", "12"])
        .arg(&history);
    let load = client
        .env("KAFKA_PASSWORD", PASSWORD)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;

    let five = [
        "apply",
        "-auto-approve",
        "-no-color",
        "-input=false",
        "-var",
        "brokers=5",
    ];
    workspace.succeed(&five)?;
    ensure!(
        workspace.runtime.processes("broker").len() == 5,
        "{:?}",
        workspace.runtime.processes("")
    );
    let new_topic = CONFIGURATION.replace("default = 3", "default = 5")
        + "\nresource \"msk_topic\" \"wide\" {\n  cluster_arn = msk_cluster.this.arn\n  name = \"wide\"\n  \
           partition_count = 5\n  replication_factor = 5\n}\n";
    workspace.write(&new_topic)?;
    workspace.apply()?;
    workspace.expect_empty_plan()?;

    let output = load.wait_with_output()?;
    ensure!(
        output.status.success(),
        "the producer failed while brokers joined:\n{}",
        program::text(&output)
    );

    workspace.write(&new_topic.replace("default = 5", "default = 4"))?;
    let refused = workspace.fail(&["plan", "-no-color", "-input=false"])?;
    ensure!(refused.text().contains("number_of_broker_nodes"), "{}", refused.text());
    ensure!(
        workspace.runtime.processes("broker").len() == 5,
        "a refused plan changed something"
    );
    workspace.write(&new_topic)?;
    Ok(())
}
