//! Clients from elsewhere, and rebalancing: switched on and off in place, found when somebody else has switched them.

use std::path::PathBuf;

use acceptance_tests::{outside, suite::Suite, terraform::Workspace, tools::Tools};
use anyhow::{Result, ensure};

use crate::lifecycle::actions;

/// What stands for an address that other machines reach.
const PUBLIC_ADDRESS: &str = "127.0.0.78";

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    for (name, core) in [("terraform", &tools.terraform), ("tofu", &tools.tofu)] {
        let both = core.clone().zip(tools.python.clone());
        let title = format!("connectivity_and_rebalancing_change_in_place_{name}");
        suite.test_with(&title, &format!("{name} and boto3"), both, |(core, python)| {
            changes(core, python)
        });
    }
}

fn configuration(blocks: &str) -> String {
    format!(
        "terraform {{\n  required_providers {{\n    msk = {{ source = \"openmsk/msk\" }}\n  }}\n}}\n\
         resource \"msk_cluster\" \"this\" {{\n  cluster_name = \"reach\"\n  number_of_broker_nodes = 2\n  {blocks}\n}}\n\
         output \"public\" {{\n  value = msk_cluster.this.bootstrap_brokers_public_sasl_scram\n}}\n\
         output \"ipv6\" {{\n  value = msk_cluster.this.bootstrap_brokers_sasl_scram_ipv6\n}}\n"
    )
}

fn changes(core: PathBuf, python: PathBuf) -> Result<()> {
    let scram = "client_authentication {\n    sasl {\n      scram = true\n    }\n  }\n";
    let reach = "broker_node_group_info {\n    instance_type = \"kafka.m7g.large\"\n    connectivity_info {\n      network_type = \
                 \"DUAL\"\n      public_access {\n        type = \"SERVICE_PROVIDED_EIPS\"\n      }\n    }\n  }\n  rebalancing \
                 {\n    status = \"ACTIVE\"\n  }\n";
    let workspace = Workspace::new(&core)?;
    workspace.runtime.start_with(&["--public-address", PUBLIC_ADDRESS])?;
    let address = "msk_cluster.this";
    let text = |name: &str| Ok::<_, anyhow::Error>(workspace.output(name)?.as_str().unwrap_or_default().to_owned());

    workspace.write(&configuration(reach))?;
    let refused = workspace.fail(&["plan", "-no-color", "-input=false"])?.text();
    ensure!(refused.contains("Everybody could come in"), "{refused}");

    workspace.write(&configuration(scram))?;
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    ensure!(text("public")?.is_empty() && text("ipv6")?.is_empty());

    workspace.write(&configuration(&format!("{scram}  {reach}")))?;
    let plan = workspace.plan()?;
    ensure!(actions(&plan, address) == ["update"], "{}", plan["resource_changes"]);
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    let (public, ipv6) = (text("public")?, text("ipv6")?);
    ensure!(
        public.split(',').all(|broker| broker.starts_with(PUBLIC_ADDRESS)),
        "{public}"
    );
    ensure!(ipv6.split(',').all(|broker| broker.starts_with("[::1]:")), "{ipv6}");

    // Somebody else pauses it.
    outside::run(&python, &workspace.runtime, &["pause_rebalancing", "reach"])?;
    let plan = workspace.plan()?;
    ensure!(actions(&plan, address) == ["update"], "{}", plan["resource_changes"]);
    workspace.apply()?;
    workspace.expect_empty_plan()?;

    // Without the blocks it is as it was before, and whoever may come in is changed in the same apply.
    workspace.write(&configuration(""))?;
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    ensure!(text("public")?.is_empty() && text("ipv6")?.is_empty());
    Ok(())
}
