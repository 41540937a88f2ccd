//! What was changed or deleted outside Terraform, with an unmodified boto3, shows in the next plan.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use acceptance_tests::{
    binaries, cluster::Cluster, outside, program, suite::Suite, terraform::Workspace, tools::Tools,
};
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
        let both = core.clone().zip(tools.python.clone());
        let title = format!("the_report_of_ci_tells_what_was_changed_outside_{name}");
        suite.test_with(&title, &format!("{name} and boto3"), both, |(core, python)| {
            reported(&core, &python)
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

/// The example that people copy: its configuration, the commands of its workflow, and its report.
fn reported(core: &Path, python: &Path) -> Result<()> {
    let example = binaries::repository().join("examples/ci-drift-detection");
    let workspace = Workspace::new(core)?;
    workspace.write(&fs::read_to_string(example.join("main.tf"))?)?;
    workspace.apply()?;
    let report_of = |plan: &str, expected: i32| {
        let path = workspace.path().join("plan.json");
        fs::write(&path, plan)?;
        let mut command = Command::new(python);
        command.arg(example.join("drift-report.py")).arg(&path);
        let finished = program::run(&mut command, Duration::from_secs(30))?;
        ensure!(finished.code == Some(expected), "{}", finished.text());
        Ok::<_, anyhow::Error>(finished.stdout)
    };
    let report = |expected| report_of(&workspace.plan()?.to_string(), expected);
    ensure!(report(0)?.starts_with("No drift"), "there is no drift after an apply");

    let outside = |action: &[&str]| outside::run(python, &workspace.runtime, action);
    outside(&["set_topic_config", "orders", "orders", "retention.ms", "1234567"])?;
    let told = report(2)?;
    let changed = told
        .find("Changed outside Terraform")
        .zip(told.find("would be updated in place"));
    ensure!(changed.is_some_and(|(outside, planned)| outside < planned), "{told}");
    ensure!(told.contains("1234567") && told.contains("604800000"), "{told}");

    outside(&["delete_topic", "orders", "orders"])?;
    let told = report(2)?;
    ensure!(told.contains("`msk_topic.orders` was deleted"), "{told}");
    ensure!(
        told.contains("`msk_topic.orders` is missing, and would be created"),
        "{told}"
    );
    workspace.apply()?;
    report(0)?;

    let secret = r#"{"resource_changes": [{"address": "a.b", "change": {"actions": ["update"],
        "before": {"password": "hidden-1", "tags": {"k": "hidden-2"}, "size": 1},
        "after": {"password": "hidden-3", "tags": {"k": "hidden-4"}, "size": 2},
        "before_sensitive": {"password": true, "tags": {"k": true}}, "after_sensitive": {"password": true}}}]}"#;
    let told = report_of(secret, 2)?;
    ensure!(!told.contains("hidden"), "{told}");
    ensure!(told.contains("| size | `1` | `2` |"), "{told}");
    Ok(())
}
