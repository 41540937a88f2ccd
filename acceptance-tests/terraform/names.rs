//! Names that are taken: never two owners of one thing, and never a thing that nobody owns.

use std::{fs, path::PathBuf};

use acceptance_tests::{cluster::CONFIGURATION, suite::Suite, terraform::Workspace, tools::Tools};
use anyhow::{Result, ensure};
use serde_json::Value;

use crate::bad_input::{expect_error, workspace};

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    let mut add = |name: &str, body: fn(PathBuf) -> Result<()>| {
        suite.test_with(name, "terraform", tools.terraform.clone(), body);
    };
    add("what_a_killed_apply_has_made_is_found_again", unwritten);
    add("the_same_name_twice_in_one_configuration_is_refused", twice);
    add("a_name_another_state_has_is_refused_and_can_be_imported", taken);
}

/// The `arn` of every resource in the state, by address.
fn arns(workspace: &Workspace) -> Result<Vec<(String, String)>> {
    let state: Value = serde_json::from_str(&workspace.succeed(&["show", "-json"])?.stdout)?;
    let resources = state["values"]["root_module"]["resources"].as_array().cloned();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(resources
        .unwrap_or_default()
        .iter()
        .map(|it| (text(&it["address"]), text(&it["values"]["arn"])))
        .collect())
}

/// Every create request was carried out, and Terraform was killed before it wrote a state.
fn unwritten(core: PathBuf) -> Result<()> {
    let workspace = workspace(&core, CONFIGURATION)?;
    workspace.apply()?;
    let made = arns(&workspace)?;
    ensure!(made.len() == 4, "{made:?}");
    fs::remove_file(workspace.path().join("terraform.tfstate"))?;
    workspace.apply()?;
    ensure!(arns(&workspace)? == made, "{:?}, before {made:?}", arns(&workspace)?);
    workspace.expect_empty_plan()?;
    ensure!(
        workspace.runtime.processes("broker").len() == 3,
        "a second cluster runs"
    );

    // A read has seen the state: what it holds is found by nobody else any more.
    workspace.succeed(&["apply", "-refresh-only", "-auto-approve", "-no-color", "-input=false"])?;
    let state = workspace.path().join("terraform.tfstate");
    fs::rename(&state, workspace.path().join("kept"))?;
    let refused = workspace
        .fail(&["apply", "-auto-approve", "-no-color", "-input=false"])?
        .text();
    ensure!(refused.contains("terraform import"), "{refused}");
    fs::rename(workspace.path().join("kept"), &state)?;
    workspace.destroy()?;
    Ok(())
}

fn twice(core: PathBuf) -> Result<()> {
    let second = "\nresource \"msk_configuration\" \"second\" {\n  name = \"clients\"\n  server_properties = \"\"\n}\n\
                  resource \"msk_topic\" \"second\" {\n  cluster_arn = msk_cluster.this.arn\n  name = \"orders\"\n  \
                  partition_count = 1\n  replication_factor = 1\n  depends_on = [msk_topic.orders]\n}\n";
    let workspace = workspace(&core, &format!("{CONFIGURATION}{second}"))?;
    let refused = workspace
        .fail(&["apply", "-auto-approve", "-no-color", "-input=false"])?
        .text();
    ensure!(
        refused.contains("Two msk_configuration resources have the name"),
        "{refused}"
    );
    // Whichever of the two came first: Terraform does not know that the one has to go before the other comes.
    let target = "-target=msk_configuration.second";
    workspace.succeed(&["destroy", target, "-auto-approve", "-no-color", "-input=false"])?;
    workspace.write(CONFIGURATION)?;
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    // Later is no better than at once.
    workspace.write(&format!("{CONFIGURATION}{second}"))?;
    let refused = workspace
        .fail(&["apply", "-auto-approve", "-no-color", "-input=false"])?
        .text();
    for name in ["\"clients\"", "\"orders\""] {
        ensure!(refused.contains(name), "{name} is not in {refused}");
    }
    workspace.write(CONFIGURATION)?;
    workspace.expect_empty_plan()
}

/// Two directories, one runtime.
fn taken(core: PathBuf) -> Result<()> {
    const CONFIGURATION: &str = "terraform {\n  required_providers {\n    msk = { source = \"openmsk/msk\" }\n  }\n}\n\
                                 resource \"msk_configuration\" \"this\" {\n  name = \"shared\"\n  \
                                 server_properties = \"num.partitions=3\"\n}\n";
    let first = workspace(&core, CONFIGURATION)?;
    first.apply()?;
    let mut second = workspace(&core, CONFIGURATION)?;
    second.set("OPENMSK_DATA_DIR", &first.runtime.data_dir().display().to_string());
    expect_error(
        &second,
        "apply",
        &["\"shared\"", "already", "terraform import msk_configuration"],
    )?;
    let arn = arns(&first)?.remove(0).1;
    second.succeed(&["import", "-no-color", "-input=false", "msk_configuration.this", &arn])?;
    second.expect_empty_plan()?;
    // A workspace is another state, even in the same directory.
    first.succeed(&["workspace", "new", "-no-color", "staging"])?;
    expect_error(&first, "apply", &["\"shared\"", "terraform import msk_configuration"])?;
    first.succeed(&["workspace", "select", "-no-color", "default"])?;
    second.succeed(&["state", "rm", "-no-color", "msk_configuration.this"])?;
    first.destroy()?;
    Ok(())
}
