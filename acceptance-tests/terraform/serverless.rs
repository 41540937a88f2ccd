//! A serverless cluster: made, its bounds changed in place, tagged, imported, and what is wrong with one told by the plan.

use std::{path::PathBuf, time::Duration};

use acceptance_tests::{suite::Suite, terraform::Workspace, tools::Tools, wait};
use anyhow::{Result, ensure};

use crate::{for_each_core, lifecycle::actions};

/// How long brokers may take to come and go.
const LIMIT: Duration = Duration::from_secs(60);

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    for_each_core(suite, tools, "a_serverless_cluster_lives", life);
}

fn configuration(arguments: &str) -> String {
    format!(
        "terraform {{\n  required_providers {{\n    msk = {{ source = \"openmsk/msk\" }}\n  }}\n}}\n\
         resource \"msk_serverless_cluster\" \"this\" {{\n  cluster_name = \"elastic\"\n  {arguments}\n}}\n\
         output \"bootstrap\" {{\n  value = msk_serverless_cluster.this.bootstrap_brokers_tls\n}}\n\
         output \"bootstrap_iam\" {{\n  value = msk_serverless_cluster.this.bootstrap_brokers_sasl_iam\n}}\n"
    )
}

fn life(core: PathBuf) -> Result<()> {
    let workspace = Workspace::new(&core)?;
    let brokers = |count: usize| {
        wait::until(&format!("{count} brokers"), LIMIT, || {
            (workspace.runtime.processes("broker").len() == count).then_some(())
        })
    };
    workspace.write(&configuration("min_broker_count = 1\n  max_broker_count = 2"))?;
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    brokers(1)?;
    let bootstrap = workspace.output("bootstrap")?;
    ensure!(
        bootstrap.as_str().is_some_and(|text| text.ends_with(":9094")),
        "{bootstrap}"
    );

    let more = "min_broker_count = 2\n  max_broker_count = 2\n  tags = { team = \"blue\" }";
    workspace.write(&configuration(more))?;
    let plan = workspace.plan()?;
    let address = "msk_serverless_cluster.this";
    ensure!(actions(&plan, address) == ["update"], "{}", plan["resource_changes"]);
    workspace.apply()?;
    brokers(2)?;
    // Its brokers have changed, and that is no drift.
    workspace.expect_empty_plan()?;
    ensure!(workspace.output("bootstrap")? == bootstrap);

    workspace.succeed(&["state", "rm", "-no-color", address])?;
    workspace.succeed(&["import", "-no-color", "-input=false", address, "elastic"])?;
    workspace.expect_empty_plan()?;

    let iam = format!(
        "{more}\n  client_authentication {{\n    sasl {{\n      iam {{\n        enabled = true\n      }}\n    }}\n  }}"
    );
    workspace.write(&configuration(&iam))?;
    let plan = workspace.plan()?;
    ensure!(
        actions(&plan, address) == ["delete", "create"],
        "{}",
        plan["resource_changes"]
    );
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    let bootstrap = workspace.output("bootstrap_iam")?;
    ensure!(
        bootstrap.as_str().is_some_and(|text| text.ends_with(":9098")),
        "{bootstrap}"
    );
    workspace.succeed(&["state", "rm", "-no-color", address])?;
    workspace.succeed(&["import", "-no-color", "-input=false", address, "elastic"])?;
    workspace.expect_empty_plan()?;

    let wrong = [
        (
            "min_broker_count = 5\n  max_broker_count = 2",
            "leave no number of brokers",
        ),
        (
            "tags = { \"openmsk:min-brokers\" = \"1\" }",
            "have arguments of their own",
        ),
    ];
    for (arguments, says) in wrong {
        workspace.write(&configuration(arguments))?;
        let refused = workspace.fail(&["plan", "-no-color", "-input=false"])?.text();
        ensure!(refused.contains(says), "{says:?} is not in:\n{refused}");
    }
    workspace.write(&configuration(more))?;
    workspace.destroy()?;
    brokers(0)
}
