//! Scaling out and in while a client works: no record is lost or doubled, and data is where the brokers are. Fewer brokers
//! than a topic has replicas are refused before anything happens.

use std::path::Path;

use acceptance_tests::{
    cluster::{CONFIGURATION, Cluster},
    load::Load,
    suite::Suite,
    terraform::Workspace,
    tools::Tools,
};
use anyhow::{Result, ensure};

/// A topic that needs five brokers.
const WIDE: &str = r#"
resource "msk_topic" "wide" {
  cluster_arn        = msk_cluster.this.arn
  name               = "wide"
  partition_count    = 5
  replication_factor = 5
}
"#;

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    let both = tools.terraform.clone().zip(tools.python.clone());
    suite.test_with(
        "three_brokers_become_five_and_three_again_under_load",
        "terraform and librdkafka",
        both,
        |(core, python)| scale(&core, &python),
    );
}

fn scale(core: &Path, python: &Path) -> Result<()> {
    let cluster = Cluster::start(core)?;
    let workspace = &cluster.workspace;
    let load = Load::start(&cluster, python, 15)?;
    let five = CONFIGURATION.replace("default = 3", "default = 5");
    workspace.write(&five)?;
    workspace.apply()?;
    expect_brokers(workspace, 5)?;
    workspace.write(&format!("{five}{WIDE}"))?;
    workspace.apply()?;
    workspace.expect_empty_plan()?;

    workspace.write(&format!("{CONFIGURATION}{WIDE}"))?;
    let refused = workspace.fail(&["plan", "-no-color", "-input=false"])?;
    ensure!(refused.text().contains("wide (5 replicas)"), "{}", refused.text());
    expect_brokers(workspace, 5)?;

    workspace.write(&five)?;
    workspace.apply()?;
    workspace.write(CONFIGURATION)?;
    workspace.apply()?;
    expect_brokers(workspace, 3)?;
    workspace.expect_empty_plan()?;
    load.finish()
}

fn expect_brokers(workspace: &Workspace, count: usize) -> Result<()> {
    let running = workspace.runtime.processes("broker");
    ensure!(running.len() == count, "{count} brokers are expected: {running:?}");
    Ok(())
}
