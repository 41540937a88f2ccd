//! A plan says what an apply could not do: names that are taken, versions and numbers that a runtime does not have. It says so of
//! what is there, and of what the same apply will have made of it.

use std::path::PathBuf;

use acceptance_tests::{
    suite::Suite,
    terraform::{REQUIRED_PROVIDERS, Workspace},
    tools::Tools,
};
use anyhow::{Result, ensure};

use crate::bad_input::expect_error;

/// A cluster with a topic, and a configuration.
const THERE: &str = r#"
variable "brokers" {
  type    = number
  default = 1
}

resource "msk_configuration" "there" {
  name              = "there"
  server_properties = "num.partitions = 3"
}

resource "msk_cluster" "there" {
  cluster_name           = "there"
  number_of_broker_nodes = var.brokers
}

resource "msk_topic" "there" {
  cluster_arn        = msk_cluster.there.arn
  name               = "there"
  partition_count    = 1
  replication_factor = 1
}

output "arn" {
  value = msk_cluster.there.arn
}
"#;

/// Adds the test of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    crate::for_each_core(suite, tools, "plans_say_what_an_apply_could_not_do", foreseen);
}

fn foreseen(core: PathBuf) -> Result<()> {
    let mut workspace = Workspace::new(&core)?;
    let configuration = format!("{REQUIRED_PROVIDERS}{THERE}");
    workspace.write(&configuration)?;
    workspace.apply()?;
    let arn = workspace.output("arn")?.as_str().unwrap_or_default().to_owned();

    // What somebody else has made cannot be made again.
    let mut other = Workspace::new(&core)?;
    other.set("OPENMSK_DATA_DIR", &workspace.runtime.data_dir().display().to_string());
    let cluster = |name: &str, rest: &str| {
        format!(
            "resource \"msk_cluster\" \"new\" {{\n  cluster_name           = \"{name}\"\n  number_of_broker_nodes = 1\n{rest}}}\n"
        )
    };
    let topic = |name: &str, replicas: u8| {
        format!(
            "resource \"msk_topic\" \"new\" {{\n  cluster_arn        = \"{arn}\"\n  name               = \"{name}\"\n  partition_count    = 1\n  \
             replication_factor = {replicas}\n}}\n"
        )
    };
    let taken =
        "resource \"msk_configuration\" \"new\" {\n  name              = \"there\"\n  server_properties = \"\"\n}\n";
    for (text, named) in [
        (cluster("there", ""), "cluster \"there\" already exists"),
        (topic("there", 1), "Topic \"there\" already exists"),
        (taken.to_owned(), "configuration \"there\" already exists"),
    ] {
        other.write(&format!("{REQUIRED_PROVIDERS}{text}"))?;
        // A warning: it may be on its way out, and a destroy has to be possible all the same.
        let planned = other.succeed(&["plan", "-no-color", "-input=false"])?.text();
        let flat = planned
            .replace('│', " ")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        let named = flat.to_lowercase().contains(&named.to_lowercase());
        ensure!(flat.contains("The name is taken") && named, "{text}\n{planned}");
    }
    let wrong: [(String, &[&str]); 2] = [
        (
            cluster("new", "  kafka_version = \"9.9.x.kraft\"\n"),
            &["9.9.x.kraft", "4.2.x.kraft"],
        ),
        (topic("new", 3), &["replication factor"]),
    ];
    for (text, parts) in &wrong {
        other.write(&format!("{REQUIRED_PROVIDERS}{text}"))?;
        expect_error(&other, "plan", parts)?;
    }
    other.write(&format!(
        "{REQUIRED_PROVIDERS}{}{}",
        cluster("new", ""),
        topic("new", 1)
    ))?;
    other.plan()?;

    // What is replaced takes the place of what was there.
    let replaced = workspace.succeed(&["plan", "-no-color", "-input=false", "-replace=msk_topic.there"])?;
    ensure!(!replaced.text().contains("The name is taken"), "{}", replaced.text());
    ensure!(
        replaced.stdout.contains("1 to add, 0 to change, 1 to destroy"),
        "{}",
        replaced.text()
    );

    // What the same apply changes counts as it will be.
    let wide = |replicas: u8| topic("wide", replicas).replace(&format!("\"{arn}\""), "msk_cluster.there.arn");
    workspace.set("TF_VAR_brokers", "3");
    workspace.write(&format!("{configuration}{}", wide(5)))?;
    expect_error(
        &workspace,
        "plan",
        &["too few brokers for the topic", "will have 3 brokers"],
    )?;
    workspace.write(&format!("{configuration}{}", wide(3)))?;
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    workspace.destroy()?;
    Ok(())
}
