//! `terraform query`: what exists is found, of every resource type, and taken over with the configuration that it writes.

use std::{fs, path::PathBuf};

use acceptance_tests::{
    cluster::CONFIGURATION,
    suite::Suite,
    terraform::{REQUIRED_PROVIDERS, Workspace},
    tools::Tools,
};
use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::bad_input::workspace;

/// Beside the fixture: one of each of the other types.
const MORE: &str = r#"
resource "msk_acl" "read" {
  cluster_arn   = msk_cluster.this.arn
  resource_type = "TOPIC"
  resource_name = "or|ders"
  principal     = "User:app"
  operation     = "READ"
}

resource "msk_quota" "all" {
  cluster_arn        = msk_cluster.this.arn
  user               = "<default>"
  producer_byte_rate = 1000000
}

resource "msk_cluster_policy" "this" {
  cluster_arn = msk_cluster.this.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::111122223333:root" }
      Action    = ["kafka:DescribeCluster"]
      Resource  = msk_cluster.this.arn
    }]
  })
}
"#;

/// Types that are listed without an argument.
const EVERYWHERE: [&str; 3] = ["msk_cluster", "msk_serverless_cluster", "msk_configuration"];
/// Types that are listed by their cluster, and can be taken over as they are.
const IN_CLUSTER: [&str; 4] = ["msk_topic", "msk_acl", "msk_quota", "msk_cluster_policy"];
/// Types that are listed by their cluster, and need a password, or manage the same users.
const USERS: [&str; 3] = [
    "msk_scram_secret",
    "msk_single_scram_secret_association",
    "msk_scram_secret_association",
];

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    let newest = tools.newest_terraform.clone();
    suite.test_with(
        "query_finds_what_exists_and_writes_its_configuration",
        "the newest terraform",
        newest,
        found_and_taken_over,
    );
}

fn found_and_taken_over(core: PathBuf) -> Result<()> {
    let workspace = workspace(&core, &format!("{CONFIGURATION}{MORE}"))?;
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    let arn = workspace.output("cluster_arn")?.as_str().context("arn")?.to_owned();
    let listed = query(&workspace, "users", &lists(&USERS, Some(&arn)))?;
    ensure!(
        listed.contains("username=app") && listed.contains("AmazonMSK_clients_app"),
        "{listed}"
    );
    let elsewhere = arn.replace("cluster/clients", "cluster/nowhere");
    let told = fails(&workspace, "nowhere", &lists(&IN_CLUSTER[..1], Some(&elsewhere)))?;
    ensure!(told.contains("nowhere"), "{told}");
    let told = fails(&workspace, "wrong", &lists(&IN_CLUSTER[..1], Some("orders")))?;
    ensure!(told.contains("is not the ARN of a cluster"), "{told}");

    // All of it becomes another configuration's, without a change.
    let all = lists(&EVERYWHERE, None) + &lists(&IN_CLUSTER, Some(&arn));
    write(&workspace, "taken", &all)?;
    workspace.succeed(&[
        "-chdir=taken",
        "query",
        "-no-color",
        "-generate-config-out=generated.tf",
    ])?;
    let file = "taken.plan";
    workspace.succeed(&[
        "-chdir=taken",
        "plan",
        "-no-color",
        "-input=false",
        &format!("-out={file}"),
    ])?;
    let plan: Value = serde_json::from_str(&workspace.succeed(&["-chdir=taken", "show", "-json", file])?.stdout)?;
    let changes = plan["resource_changes"].as_array().context("changes")?;
    let mut types: Vec<&str> = changes.iter().filter_map(|change| change["type"].as_str()).collect();
    types.sort_unstable();
    ensure!(
        types
            == [
                "msk_acl",
                "msk_cluster",
                "msk_cluster_policy",
                "msk_configuration",
                "msk_quota",
                "msk_topic"
            ],
        "{types:?}"
    );
    for change in changes {
        let (address, change) = (&change["address"], &change["change"]);
        ensure!(change["actions"] == serde_json::json!(["no-op"]), "{address}: {change}");
        ensure!(change["importing"]["identity"].is_object(), "{address}: {change}");
    }
    workspace.succeed(&["-chdir=taken", "apply", "-no-color", "-input=false", file])?;
    let again = [
        "-chdir=taken",
        "plan",
        "-no-color",
        "-input=false",
        "-detailed-exitcode",
    ];
    workspace.succeed(&again)?;
    let state = fs::read_to_string(workspace.path().join("taken/terraform.tfstate"))?;
    ensure!(state.contains("\"identity\""), "identities are kept");
    workspace.destroy()?;
    Ok(())
}

/// A `list` block for each of the types.
fn lists(types: &[&str], cluster_arn: Option<&str>) -> String {
    let config = cluster_arn.map_or_else(String::new, |arn| {
        format!("  config {{\n    cluster_arn = \"{arn}\"\n  }}\n")
    });
    types
        .iter()
        .map(|of| format!("list \"{of}\" \"all\" {{\n  provider = msk\n{config}}}\n"))
        .collect()
}

/// Makes a folder with these lists in the folder of the configuration.
fn write(workspace: &Workspace, folder: &str, lists: &str) -> Result<()> {
    let path = workspace.path().join(folder);
    fs::create_dir(&path)?;
    fs::write(path.join("main.tf"), REQUIRED_PROVIDERS)?;
    Ok(fs::write(path.join("all.tfquery.hcl"), lists)?)
}

fn query(workspace: &Workspace, folder: &str, lists: &str) -> Result<String> {
    write(workspace, folder, lists)?;
    let finished = workspace.succeed(&[&format!("-chdir={folder}"), "query", "-no-color"])?;
    Ok(finished.stdout)
}

fn fails(workspace: &Workspace, folder: &str, lists: &str) -> Result<String> {
    write(workspace, folder, lists)?;
    let finished = workspace.fail(&[&format!("-chdir={folder}"), "query", "-no-color"])?;
    Ok(finished.text())
}
