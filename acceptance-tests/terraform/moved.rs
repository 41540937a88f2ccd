//! `moved` blocks: what `hashicorp/aws` has in its state becomes ours, without a change to what it stands for.

use std::{fs, os::unix::fs::symlink, path::PathBuf};

use acceptance_tests::{binaries, cluster::CONFIGURATION, suite::Suite, terraform::Workspace, tools::Tools};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::{bad_input::workspace, lifecycle::actions};

/// The address that the other provider has in a state.
const OTHER: &str = "registry.terraform.io/hashicorp/aws";

/// Types, and what of their attributes ours are found by.
const MOVED: [(&str, &[&str]); 3] = [
    ("configuration", &["arn"]),
    ("cluster", &["arn"]),
    ("topic", &["cluster_arn", "name"]),
];

/// Adds the test of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    crate::for_each_core(
        suite,
        tools,
        "moved_blocks_take_over_what_the_aws_provider_manages",
        taken_over,
    );
}

fn taken_over(core: PathBuf) -> Result<()> {
    let workspace = workspace(&core, CONFIGURATION)?;
    workspace.apply()?;
    give_to_other(&workspace)?;
    let blocks: String = MOVED
        .iter()
        .map(|(kind, _)| moved(&format!("aws_msk_{kind}"), &format!("msk_{kind}")))
        .collect();
    workspace.write(&format!("{CONFIGURATION}\n{blocks}"))?;
    let plan = workspace.plan()?;
    for (kind, _) in MOVED {
        let address = format!("msk_{kind}.this").replace("topic.this", "topic.orders");
        let planned = actions(&plan, &address);
        ensure!(planned == ["no-op"], "{address}: {planned:?}");
        ensure!(
            plan.to_string().contains(&format!("aws_{address}")),
            "{address} is not moved"
        );
    }
    workspace.apply()?;
    workspace.write(CONFIGURATION)?;
    workspace.expect_empty_plan()?;

    give_to_other(&workspace)?;
    let wrong = moved("aws_msk_topic", "msk_topic").replace("moved {", "moved { # of another type")
        + &moved("aws_msk_configuration", "msk_cluster");
    workspace.write(&format!("{CONFIGURATION}\n{wrong}"))?;
    let told = workspace.fail(&["plan", "-no-color", "-input=false"])?.text();
    ensure!(
        told.contains("A aws_msk_configuration cannot become a msk_cluster"),
        "{told}"
    );
    let right: String = MOVED
        .iter()
        .map(|(kind, _)| moved(&format!("aws_msk_{kind}"), &format!("msk_{kind}")))
        .collect();
    workspace.write(&format!("{CONFIGURATION}\n{right}"))?;
    workspace.apply()?;
    workspace.destroy()?;
    Ok(())
}

fn moved(from: &str, to: &str) -> String {
    let name = if to == "msk_topic" { "orders" } else { "this" };
    format!("moved {{\n  from = {from}.{name}\n  to   = {to}.{name}\n}}\n")
}

/// Makes the state as if the other provider had made the resources, and a provider of its name that cores can start.
fn give_to_other(workspace: &Workspace) -> Result<()> {
    let mut state: Value = serde_json::from_str(&workspace.succeed(&["state", "pull"])?.stdout)?;
    state["serial"] = json!(state["serial"].as_i64().context("serial")? + 1);
    for resource in state["resources"].as_array_mut().context("resources")? {
        let kind = resource["type"].as_str().unwrap_or_default().to_owned();
        for instance in resource["instances"].as_array_mut().into_iter().flatten() {
            if let Some(instance) = instance.as_object_mut() {
                instance.remove("dependencies");
            }
        }
        let Some((kind, kept)) = MOVED.iter().find(|(moved, _)| kind == format!("msk_{moved}")) else {
            continue;
        };
        resource["type"] = json!(format!("aws_msk_{kind}"));
        resource["provider"] = json!(format!("provider[\"{OTHER}\"]"));
        for instance in resource["instances"].as_array_mut().context("instances")? {
            let attributes = instance["attributes"].as_object_mut().context("attributes")?;
            attributes.retain(|name, _| kept.contains(&name.as_str()));
            instance["private"] = Value::Null;
        }
    }
    let file = workspace.path().join("given.tfstate");
    fs::write(&file, state.to_string())?;
    let folder = workspace.path().join("other");
    if fs::create_dir_all(&folder).is_ok() && !folder.join("terraform-provider-aws").exists() {
        symlink(
            binaries::path("terraform-provider-msk")?,
            folder.join("terraform-provider-aws"),
        )?;
        let cli = fs::read_to_string(workspace.path().join("cli.tfrc"))?;
        let other = format!("dev_overrides {{\n    \"hashicorp/aws\" = \"{}\"\n", folder.display());
        workspace.set_cli_configuration(&cli.replace("dev_overrides {\n", &other))?;
    }
    workspace.succeed(&["state", "push", "given.tfstate"])?;
    Ok(())
}
