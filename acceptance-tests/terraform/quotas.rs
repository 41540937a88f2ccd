//! Client quotas: made, changed in place, found again when others change them, and imported; wrong ones are errors of the plan.

use std::path::{Path, PathBuf};

use acceptance_tests::{cluster::CONFIGURATION, outside, suite::Suite, terraform::Workspace, tools::Tools};
use anyhow::{Context, Result, ensure};

use crate::{
    bad_input::{expect_error, workspace},
    lifecycle::actions,
};

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    suite.test_with(
        "wrong_quotas_are_plan_time_errors",
        "terraform",
        tools.terraform.clone(),
        told,
    );
    for (name, core) in [("terraform", &tools.terraform), ("tofu", &tools.tofu)] {
        let both = core.clone().zip(tools.python.clone());
        let title = format!("quotas_are_kept_as_they_are_written_in_{name}");
        suite.test_with(&title, &format!("{name} and boto3"), both, |(core, python)| {
            kept(&core, &python)
        });
    }
}

fn configuration(quota: &str) -> String {
    format!("{CONFIGURATION}\nresource \"msk_quota\" \"this\" {{\n  cluster_arn = msk_cluster.this.arn\n{quota}}}\n")
}

const QUOTA: &str = "  user = \"app\"\n  producer_byte_rate = 1048576\n  request_percentage = 12.5\n";
const ADDRESS: &str = "  ip = \"192.0.2.7\"\n  connection_creation_rate = 20\n";

fn told(core: PathBuf) -> Result<()> {
    let right = QUOTA;
    for (quota, parts) in [
        (right.replace("  user = \"app\"\n", ""), ["somebody", "<default>"]),
        (
            "  user = \"app\"\n".to_owned(),
            ["limits something", "consumer_byte_rate"],
        ),
        (right.replace("\"app\"", "\"\""), ["user", "empty"]),
        (right.replace("\"app\"", "\"a|b\""), ["user", "ids cannot hold"]),
        (right.replace("1048576", "0"), ["producer_byte_rate", "whole number"]),
        (right.replace("1048576", "1.5"), ["producer_byte_rate", "whole number"]),
        (right.replace("12.5", "-1"), ["request_percentage", "greater than 0"]),
        (
            format!("{right}  ip = \"127.0.0.1\"\n"),
            ["by itself", "leave out user"],
        ),
        (
            format!("{right}  connection_creation_rate = 5\n"),
            ["by itself", "Only an address"],
        ),
        (ADDRESS.replace("192.0.2.7", "localhost"), ["ip", "not an IP address"]),
        (ADDRESS.replace("192.0.2.7", "0::1"), ["ip", "::1"]),
        (
            format!("{ADDRESS}  controller_mutation_rate = 5\n"),
            ["by itself", "nothing else"],
        ),
        (
            ADDRESS.replace("= 20", "= 0.5"),
            ["connection_creation_rate", "whole number"],
        ),
    ] {
        expect_error(&workspace(&core, &configuration(&quota))?, "plan", &parts)?;
    }
    Ok(())
}

fn kept(core: &Path, python: &Path) -> Result<()> {
    let workspace = workspace(core, &configuration(QUOTA))?;
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    let listed = || outside::run(python, &workspace.runtime, &["quotas", "clients"]);
    let made = listed()?;
    ensure!(
        made.contains(r#""user": "app", "producerByteRate": 1048576.0, "requestPercentage": 12.5"#),
        "{made}"
    );

    // A value that is left out is not limited any more; whom it is for is another quota.
    let fewer = QUOTA.replace("  request_percentage = 12.5\n", "");
    workspace.write(&configuration(&fewer))?;
    ensure!(actions(&workspace.plan()?, "msk_quota.this") == ["update"]);
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    ensure!(!listed()?.contains("requestPercentage"));
    workspace.write(&configuration(&fewer.replace("\"app\"", "\"<default>\"")))?;
    ensure!(actions(&workspace.plan()?, "msk_quota.this") == ["delete", "create"]);
    workspace.write(&configuration(&fewer))?;

    // Somebody else changes it, and takes it away.
    outside::run(python, &workspace.runtime, &["put_quota", "clients", "app", "2000000"])?;
    ensure!(actions(&workspace.plan()?, "msk_quota.this") == ["update"]);
    workspace.apply()?;
    outside::run(python, &workspace.runtime, &["put_quota", "clients", "app"])?;
    ensure!(actions(&workspace.plan()?, "msk_quota.this") == ["create"]);

    // What another has made is not overwritten, but can be taken over.
    outside::run(python, &workspace.runtime, &["put_quota", "clients", "app", "3000000"])?;
    workspace.succeed(&["state", "rm", "msk_quota.this"])?;
    let clash = workspace
        .fail(&["apply", "-auto-approve", "-no-color", "-input=false"])?
        .text();
    ensure!(
        clash.contains("already") && clash.contains("terraform import"),
        "{clash}"
    );
    let cluster_arn = workspace.output("cluster_arn")?;
    let id = format!("{}|app|", cluster_arn.as_str().context("ARN")?);
    let wrong = workspace.fail(&["import", "-no-color", "-input=false", "msk_quota.this", "app"])?;
    ensure!(wrong.text().contains("CLUSTER_ARN|USER|CLIENT_ID"), "{}", wrong.text());
    workspace.succeed(&["import", "-no-color", "-input=false", "msk_quota.this", &id])?;
    ensure!(actions(&workspace.plan()?, "msk_quota.this") == ["update"]);
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    kinds(&workspace, &id, listed)?;
    workspace.destroy()?;
    Ok(())
}

/// Changes of topics, and connections of addresses.
fn kinds(workspace: &Workspace, id: &str, listed: impl Fn() -> Result<String>) -> Result<()> {
    workspace.write(&configuration(&format!("{QUOTA}  controller_mutation_rate = 2.5\n")))?;
    ensure!(actions(&workspace.plan()?, "msk_quota.this") == ["update"]);
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    ensure!(listed()?.contains(r#""controllerMutationRate": 2.5"#));
    workspace.write(&configuration(ADDRESS))?;
    ensure!(actions(&workspace.plan()?, "msk_quota.this") == ["delete", "create"]);
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    let made = listed()?;
    ensure!(
        made.contains(r#""quotas": [{"ip": "192.0.2.7", "connectionCreationRate": 20.0}]"#),
        "{made}"
    );
    workspace.succeed(&["state", "rm", "msk_quota.this"])?;
    let id = id.replace("|app|", "|||192.0.2.7");
    workspace.succeed(&["import", "-no-color", "-input=false", "msk_quota.this", &id])?;
    workspace.expect_empty_plan()
}
