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
    let mut other = Workspace::new(&core)?;
    other.set("OPENMSK_DATA_DIR", &workspace.runtime.data_dir().display().to_string());
    of_others(&other, &arn)?;

    // What is replaced takes the place of what was there.
    let replaced = workspace.succeed(&["plan", "-no-color", "-input=false", "-replace=msk_topic.there"])?;
    let replaced = replaced.text();
    ensure!(!replaced.contains("The name is taken"), "{replaced}");
    ensure!(replaced.contains("1 to add, 0 to change, 1 to destroy"), "{replaced}");

    // What the same apply changes counts as it will be.
    let wide = |replicas: u8| topic("msk_cluster.there.arn", "wide", replicas);
    workspace.set("TF_VAR_brokers", "3");
    workspace.write(&format!("{configuration}{}", wide(5)))?;
    let said = ["too few brokers for the topic", "will have 3 brokers"];
    expect_error(&workspace, "plan", &said)?;
    workspace.write(&format!("{configuration}{}", wide(3)))?;
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    workspace.destroy()?;
    Ok(())
}

fn cluster(name: &str, rest: &str) -> String {
    let name = format!("cluster_name           = \"{name}\"");
    format!("resource \"msk_cluster\" \"new\" {{\n  {name}\n  number_of_broker_nodes = 1\n{rest}}}\n")
}

/// `arn` is an expression.
fn topic(arn: &str, name: &str, replicas: u8) -> String {
    let of = format!("cluster_arn        = {arn}\n  name               = \"{name}\"");
    let size = format!("partition_count    = 1\n  replication_factor = {replicas}");
    format!("resource \"msk_topic\" \"new\" {{\n  {of}\n  {size}\n}}\n")
}

/// What somebody else has made cannot be made again, and what a runtime does not have cannot be made at all.
fn of_others(other: &Workspace, arn: &str) -> Result<()> {
    let arn = format!("\"{arn}\"");
    let named = "name              = \"there\"\n  server_properties = \"\"";
    let configuration = format!("resource \"msk_configuration\" \"new\" {{\n  {named}\n}}\n");
    for (text, named) in [
        (cluster("there", ""), "cluster \"there\" already exists"),
        (topic(&arn, "there", 1), "topic \"there\" already exists"),
        (configuration, "configuration \"there\" already exists"),
    ] {
        other.write(&format!("{REQUIRED_PROVIDERS}{text}"))?;
        // A warning: it may be on its way out, and a destroy has to be possible all the same.
        let planned = other.succeed(&["plan", "-no-color", "-input=false"])?.text();
        let words = planned.replace('│', " ");
        let flat = words.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        ensure!(
            flat.contains("the name is taken") && flat.contains(named),
            "{text}\n{planned}"
        );
    }
    let version = cluster("new", "  kafka_version = \"9.9.x.kraft\"\n");
    other.write(&format!("{REQUIRED_PROVIDERS}{version}"))?;
    expect_error(other, "plan", &["9.9.x.kraft", "4.2.x.kraft"])?;
    other.write(&format!("{REQUIRED_PROVIDERS}{}", topic(&arn, "new", 3)))?;
    expect_error(other, "plan", &["replication factor"])?;
    let volume = "storage_info {\n      ebs_storage_info {\n        volume_size = 16384\n      }\n    }";
    let large = cluster("new", &format!("  broker_node_group_info {{\n    {volume}\n  }}\n"));
    other.write(&format!("{REQUIRED_PROVIDERS}{large}"))?;
    let told = other.succeed(&["plan", "-no-color", "-input=false"])?.text();
    ensure!(told.contains("The disk may be full before the volumes are"), "{told}");
    let fine = cluster("new", "") + &topic(&arn, "new", 1);
    other.write(&format!("{REQUIRED_PROVIDERS}{fine}"))?;
    other.plan()?;
    Ok(())
}
