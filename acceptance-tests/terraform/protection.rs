//! What is protected from deletion stays, until somebody says otherwise in a plan of its own.

use std::path::PathBuf;

use acceptance_tests::{suite::Suite, terraform::Workspace, tools::Tools};
use anyhow::{Result, ensure};

use crate::for_each_core;

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    for_each_core(suite, tools, "protected_things_are_not_destroyed", protected);
}

fn configuration(name: &str, protection: &str) -> String {
    format!(
        "terraform {{\n  required_providers {{\n    msk = {{ source = \"openmsk/msk\" }}\n  }}\n}}\n\
         resource \"msk_cluster\" \"this\" {{\n  cluster_name = \"{name}\"\n  number_of_broker_nodes = 1\n  {protection}\n}}\n\
         resource \"msk_topic\" \"this\" {{\n  cluster_arn = msk_cluster.this.arn\n  name = \"kept\"\n  partition_count = 1\n  \
         replication_factor = 1\n  {protection}\n}}\n"
    )
}

fn protected(core: PathBuf) -> Result<()> {
    let workspace = Workspace::new(&core)?;
    let refused = |arguments: &[&str], says: &str| {
        let text = workspace.fail(arguments)?.text();
        let flat = text.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ");
        ensure!(flat.contains(says), "{says:?} is not in:\n{text}");
        Ok(())
    };
    workspace.write(&configuration("one", "deletion_protection = true"))?;
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    let destroy = ["destroy", "-auto-approve", "-no-color", "-input=false"];
    refused(&destroy, "The topic is protected from deletion")?;
    let plan = ["plan", "-no-color", "-input=false"];
    workspace.write(&configuration("two", "deletion_protection = true"))?;
    refused(&plan, "The cluster is protected from deletion")?;
    // Not even together with what lifts it.
    workspace.write(&configuration("two", ""))?;
    refused(&plan, "The cluster is protected from deletion")?;
    ensure!(workspace.runtime.processes("broker").len() == 1, "the cluster is there");

    workspace.write(&configuration("one", ""))?;
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    workspace.write(&configuration("two", ""))?;
    let planned = workspace.succeed(&plan)?.text();
    ensure!(planned.contains("its records are lost"), "{planned}");
    workspace.destroy()?;
    ensure!(workspace.runtime.processes("broker").is_empty(), "the cluster is gone");
    Ok(())
}
