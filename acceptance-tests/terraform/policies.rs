//! The policy of a cluster: set, changed in place, found to be changed outside, imported and taken away.

use std::path::PathBuf;

use acceptance_tests::{outside, suite::Suite, terraform::Workspace, tools::Tools};
use anyhow::{Result, ensure};

use crate::lifecycle::actions;

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    for (name, core) in [("terraform", &tools.terraform), ("tofu", &tools.tofu)] {
        let both = core.clone().zip(tools.python.clone());
        let title = format!("a_policy_of_a_cluster_lives_{name}");
        suite.test_with(&title, &format!("{name} and boto3"), both, |(core, python)| {
            life(core, python)
        });
    }
}

const ADDRESS: &str = "msk_cluster_policy.this";

fn configuration(policy: &str) -> String {
    format!(
        "terraform {{\n  required_providers {{\n    msk = {{ source = \"openmsk/msk\" }}\n  }}\n}}\n\
         resource \"msk_cluster\" \"this\" {{\n  cluster_name = \"shared\"\n  number_of_broker_nodes = 1\n}}\n\
         output \"arn\" {{\n  value = msk_cluster.this.arn\n}}\n{policy}"
    )
}

fn policy(account: &str) -> String {
    format!(
        "resource \"msk_cluster_policy\" \"this\" {{\n  cluster_arn = msk_cluster.this.arn\n  policy = jsonencode({{\n    \
         Version = \"2012-10-17\"\n    Statement = [{{\n      Effect = \"Allow\"\n      Principal = {{ AWS = \"{account}\" }}\n      \
         Action = \"kafka:DescribeCluster\"\n      Resource = \"*\"\n    }}]\n  }})\n}}\n"
    )
}

fn life(core: PathBuf, python: PathBuf) -> Result<()> {
    let workspace = Workspace::new(&core)?;
    let outside = |action: &[&str]| outside::run(&python, &workspace.runtime, action);
    let planned = |wanted: &[&str]| {
        let plan = workspace.plan()?;
        ensure!(actions(&plan, ADDRESS) == wanted, "{}", plan["resource_changes"]);
        Ok(())
    };
    workspace.write(&configuration(&policy("111122223333")))?;
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    ensure!(outside(&["get_policy", "shared"])?.contains("111122223333"));

    workspace.write(&configuration(&policy("444455556666")))?;
    planned(&["update"])?;
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    ensure!(outside(&["get_policy", "shared"])?.contains("444455556666"));

    outside(&["put_policy", "shared", "777788889999"])?;
    planned(&["update"])?;
    workspace.apply()?;
    workspace.expect_empty_plan()?;

    let arn = workspace.output("arn")?.as_str().unwrap_or_default().to_owned();
    workspace.succeed(&["state", "rm", "-no-color", ADDRESS])?;
    // What is there and says something else is not overwritten.
    workspace.write(&configuration(&policy("777788889999")))?;
    let refused = workspace
        .fail(&["apply", "-no-color", "-input=false", "-auto-approve"])?
        .text();
    ensure!(refused.contains("terraform import msk_cluster_policy"), "{refused}");
    workspace.write(&configuration(&policy("444455556666")))?;
    workspace.succeed(&["import", "-no-color", "-input=false", ADDRESS, &arn])?;
    workspace.expect_empty_plan()?;

    let wrong =
        "resource \"msk_cluster_policy\" \"this\" {\n  cluster_arn = msk_cluster.this.arn\n  policy = \"{\"\n}\n";
    workspace.write(&configuration(wrong))?;
    let refused = workspace.fail(&["plan", "-no-color", "-input=false"])?.text();
    ensure!(refused.contains("the policy is not JSON"), "{refused}");
    workspace.write(&configuration(""))?;
    workspace.apply()?;
    ensure!(outside(&["get_policy", "shared"])?.contains("no policy"));
    workspace.destroy()?;
    Ok(())
}
