//! `moved` blocks: what `hashicorp/aws` and `Mongey/kafka` have in their states becomes ours, without a change to what it stands for.

use std::{fs, os::unix::fs::symlink, path::PathBuf};

use acceptance_tests::{binaries, cluster::CONFIGURATION, suite::Suite, terraform::Workspace, tools::Tools};
use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};

use crate::{bad_input::workspace, lifecycle::actions};

/// Another provider.
struct Other {
    /// Its source.
    source: &'static str,
    /// What its names of types begin with.
    prefix: &'static str,
    /// Types, and how the attributes by which ours are found are called there.
    types: &'static [(&'static str, &'static [(&'static str, &'static str)])],
}

const AWS: Other = Other {
    source: "hashicorp/aws",
    prefix: "aws_msk_",
    types: &[
        ("configuration", &[("arn", "arn")]),
        ("cluster", &[("arn", "arn")]),
        ("topic", &[("cluster_arn", "cluster_arn"), ("name", "name")]),
    ],
};

/// It knows of no clusters.
const MONGEY: Other = Other {
    source: "mongey/kafka",
    prefix: "kafka_",
    types: &[
        ("topic", &[("name", "name")]),
        (
            "acl",
            &[
                ("resource_type", "resource_type"),
                ("resource_name", "resource_name"),
                ("pattern_type", "resource_pattern_type_filter"),
                ("principal", "acl_principal"),
                ("host", "acl_host"),
                ("operation", "acl_operation"),
                ("permission", "acl_permission_type"),
            ],
        ),
        ("quota", &[("kind", "entity_type"), ("user", "entity_name")]),
    ],
};

const ACCESS: &str = r#"
resource "msk_acl" "this" {
  cluster_arn   = msk_cluster.this.arn
  resource_type = "TRANSACTIONAL_ID"
  resource_name = "orders"
  principal     = "User:app"
  operation     = "DESCRIBE"
}

resource "msk_quota" "this" {
  cluster_arn        = msk_cluster.this.arn
  user               = "app"
  producer_byte_rate = 1048576
}
"#;

/// Another cluster, with a topic of the same name.
const SECOND: &str = r#"
resource "msk_cluster" "second" {
  cluster_name           = "second"
  number_of_broker_nodes = 1
}

resource "msk_topic" "second" {
  cluster_arn        = msk_cluster.second.arn
  name               = "orders"
  partition_count    = 1
  replication_factor = 1
}
"#;

/// Adds the test of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    crate::for_each_core(
        suite,
        tools,
        "moved_blocks_take_over_what_the_aws_provider_manages",
        taken_over,
    );
    crate::for_each_core(
        suite,
        tools,
        "moved_blocks_take_over_topics_whose_cluster_nobody_names",
        taken_over_without_cluster,
    );
}

fn taken_over(core: PathBuf) -> Result<()> {
    let workspace = workspace(&core, CONFIGURATION)?;
    workspace.apply()?;
    expect_moved(&workspace, CONFIGURATION, &AWS)?;

    give_to_other(&workspace, &AWS)?;
    let wrong = moved("aws_msk_topic", "msk_topic").replace("moved {", "moved { # of another type")
        + &moved("aws_msk_configuration", "msk_cluster");
    workspace.write(&format!("{CONFIGURATION}\n{wrong}"))?;
    let told = workspace.fail(&["plan", "-no-color", "-input=false"])?.text();
    ensure!(
        told.contains("A aws_msk_configuration cannot become a msk_cluster"),
        "{told}"
    );
    workspace.write(&format!("{CONFIGURATION}\n{}", AWS.blocks()))?;
    workspace.apply()?;
    workspace.destroy()?;
    Ok(())
}

fn taken_over_without_cluster(core: PathBuf) -> Result<()> {
    let configuration = format!("{CONFIGURATION}{ACCESS}");
    let workspace = workspace(&core, &configuration)?;
    workspace.apply()?;
    expect_moved(&workspace, &configuration, &MONGEY)?;

    // Of two topics that have its name nobody knows which it was.
    workspace.write(&format!("{configuration}{SECOND}"))?;
    workspace.apply()?;
    give_to_other(&workspace, &MONGEY)?;
    workspace.write(&format!("{configuration}{SECOND}\n{}", MONGEY.blocks()))?;
    let told = workspace.fail(&["plan", "-no-color", "-input=false"])?.text();
    ensure!(told.contains("Several clusters have topic \"orders\""), "{told}");
    workspace.write(&format!("{configuration}{SECOND}"))?;
    workspace.succeed(&[
        "state",
        "rm",
        "kafka_topic.orders",
        "kafka_acl.this",
        "kafka_quota.this",
    ])?;
    workspace.destroy()?;
    Ok(())
}

/// What is in the state of another provider moves without a change.
fn expect_moved(workspace: &Workspace, configuration: &str, other: &Other) -> Result<()> {
    give_to_other(workspace, other)?;
    workspace.write(&format!("{configuration}\n{}", other.blocks()))?;
    let plan = workspace.plan()?;
    for (kind, _) in other.types {
        let address = format!("msk_{kind}.{}", name_of(kind));
        let planned = actions(&plan, &address);
        ensure!(planned == ["no-op"], "{address}: {planned:?}");
        let before = format!("{}{kind}.{}", other.prefix, name_of(kind));
        ensure!(plan.to_string().contains(&before), "{address} is not moved");
    }
    workspace.apply()?;
    workspace.write(configuration)?;
    workspace.expect_empty_plan()
}

impl Other {
    /// A `moved` block for each type.
    fn blocks(&self) -> String {
        let types = self.types.iter();
        types
            .map(|(kind, _)| moved(&format!("{}{kind}", self.prefix), &format!("msk_{kind}")))
            .collect()
    }

    /// The attributes of one of theirs that stands for one of ours.
    fn attributes(&self, kind: &str, ours: &Map<String, Value>) -> Option<Map<String, Value>> {
        let (_, names) = self.types.iter().find(|(known, _)| *known == kind)?;
        let theirs = names.iter().map(|(our_name, their_name)| {
            let value = match *our_name {
                "kind" => json!("user"),
                name => ours.get(name).cloned().unwrap_or_default(),
            };
            // Mongey's words are of another case.
            let value = match value.as_str() {
                Some("TRANSACTIONAL_ID") => json!("TransactionalID"),
                Some("LITERAL") => json!("Literal"),
                Some("DESCRIBE") => json!("Describe"),
                Some("ALLOW") => json!("Allow"),
                _ => value,
            };
            ((*their_name).to_owned(), value)
        });
        Some(theirs.collect())
    }
}

fn name_of(kind: &str) -> &'static str {
    if kind.ends_with("topic") { "orders" } else { "this" }
}

fn moved(from: &str, to: &str) -> String {
    let name = name_of(to);
    format!("moved {{\n  from = {from}.{name}\n  to   = {to}.{name}\n}}\n")
}

/// Makes the state as if the other provider had made the resources, and a provider of its name that cores can start.
fn give_to_other(workspace: &Workspace, other: &Other) -> Result<()> {
    let mut state: Value = serde_json::from_str(&workspace.succeed(&["state", "pull"])?.stdout)?;
    state["serial"] = json!(state["serial"].as_i64().context("serial")? + 1);
    for resource in state["resources"].as_array_mut().context("resources")? {
        let (kind, name) = (resource["type"].clone(), resource["name"].clone());
        let kind = kind.as_str().unwrap_or_default().trim_start_matches("msk_").to_owned();
        let is_other = other.types.iter().any(|(moved, _)| *moved == kind) && name == json!(name_of(&kind));
        if is_other {
            resource["type"] = json!(format!("{}{kind}", other.prefix));
            resource["provider"] = json!(format!("provider[\"registry.terraform.io/{}\"]", other.source));
        }
        for instance in resource["instances"].as_array_mut().into_iter().flatten() {
            let instance = instance.as_object_mut().context("instance")?;
            instance.remove("dependencies");
            if is_other {
                let ours = instance["attributes"].as_object().context("attributes")?;
                let theirs = other.attributes(&kind, ours).context("a type that moves")?;
                instance.insert("attributes".to_owned(), Value::Object(theirs));
                instance.insert("private".to_owned(), Value::Null);
            }
        }
    }
    let file = workspace.path().join("given.tfstate");
    fs::write(&file, state.to_string())?;
    let folder = workspace.path().join("other");
    let name = other.source.rsplit('/').next().context("name")?;
    let binary = folder.join(format!("terraform-provider-{name}"));
    if fs::create_dir_all(&folder).is_ok() && !binary.exists() {
        symlink(binaries::path("terraform-provider-msk")?, binary)?;
        let cli = fs::read_to_string(workspace.path().join("cli.tfrc"))?;
        let overridden = format!(
            "dev_overrides {{\n    \"{}\" = \"{}\"\n",
            other.source,
            folder.display()
        );
        workspace.set_cli_configuration(&cli.replace("dev_overrides {\n", &overridden))?;
    }
    workspace.succeed(&["state", "push", "given.tfstate"])?;
    Ok(())
}
