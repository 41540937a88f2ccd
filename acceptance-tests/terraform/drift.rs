//! What was changed or deleted outside Terraform, with an unmodified boto3, shows in the next plan.

use std::path::PathBuf;

use acceptance_tests::{cluster::Cluster, outside, suite::Suite, tools::Tools};
use anyhow::{Result, ensure};

use crate::lifecycle::actions;

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    for (name, core) in [("terraform", &tools.terraform), ("tofu", &tools.tofu)] {
        let both = core.clone().zip(tools.python.clone());
        let title = format!("changes_and_deletions_outside_show_in_the_plan_{name}");
        suite.test_with(&title, &format!("{name} and boto3"), both, |(core, python)| {
            drift(core, python)
        });
    }
}

fn drift(core: PathBuf, python: PathBuf) -> Result<()> {
    let cluster = Cluster::start(&core)?;
    let workspace = &cluster.workspace;
    let outside = |action: &[&str]| outside::run(&python, &workspace.runtime, action);

    outside(&["set_topic_config", "clients", "orders", "retention.ms", "1234567"])?;
    let plan = workspace.plan()?;
    ensure!(
        actions(&plan, "msk_topic.orders") == ["update"],
        "{}",
        plan["resource_changes"]
    );
    workspace.apply()?;
    workspace.expect_empty_plan()?;

    outside(&["put_secret", "AmazonMSK_clients_app", "app", "changed-outside"])?;
    let plan = workspace.plan()?;
    ensure!(
        actions(&plan, "msk_scram_secret.app") == ["update"],
        "{}",
        plan["resource_changes"]
    );
    workspace.apply()?;
    workspace.expect_empty_plan()?;

    outside(&["delete_topic", "clients", "orders"])?;
    let plan = workspace.plan()?;
    ensure!(
        actions(&plan, "msk_topic.orders") == ["create"],
        "{}",
        plan["resource_changes"]
    );
    workspace.apply()?;
    workspace.expect_empty_plan()?;

    outside(&["delete_cluster", "clients"])?;
    let plan = workspace.plan()?;
    for address in ["msk_cluster.this", "msk_topic.orders"] {
        ensure!(
            actions(&plan, address) == ["create"],
            "{address}: {}",
            plan["resource_changes"]
        );
    }
    workspace.apply()?;
    workspace.expect_empty_plan()
}
