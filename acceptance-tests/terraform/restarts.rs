//! A plan says whether brokers are restarted, and then they are, or not.

use std::{collections::BTreeSet, path::PathBuf};

use acceptance_tests::{suite::Suite, terraform::Workspace, tools::Tools};
use anyhow::{Result, ensure};

use crate::bad_input::workspace;

/// The cluster; each change is of one line.
const CLUSTER: &str = r#"
terraform {
  required_providers {
    msk = { source = "openmsk/msk" }
  }
}

resource "msk_configuration" "this" {
  name              = "restarts"
  server_properties = <<-EOT
    min.insync.replicas = 1
    num.partitions = 3
  EOT
}

resource "msk_cluster" "this" {
  cluster_name           = "restarts"
  number_of_broker_nodes = 3
  kafka_version          = "4.1.x.kraft"
  enhanced_monitoring    = "DEFAULT"
  tags                   = { team = "one" }
  configuration_info {
    arn      = msk_configuration.this.arn
    revision = msk_configuration.this.latest_revision
  }
  open_monitoring {
    prometheus {
      jmx_exporter {
        enabled_in_broker = false
      }
    }
  }
  client_authentication {
    unauthenticated = true
  }
}
"#;

/// What is changed, one after the other, and what the warning names; `None` where nothing is restarted.
const CHANGES: [(&str, &str, Option<&str>); 7] = [
    ("\"one\"", "\"two\"", None),
    ("min.insync.replicas = 1", "min.insync.replicas = 2", None),
    ("\"DEFAULT\"", "\"PER_BROKER\"", None),
    ("num.partitions = 3", "num.partitions = 4", Some("num.partitions")),
    (
        "enabled_in_broker = false",
        "enabled_in_broker = true",
        Some("open_monitoring"),
    ),
    (
        "unauthenticated = true",
        "sasl {\n      scram = true\n    }",
        Some("client_authentication"),
    ),
    ("4.1.x.kraft", "4.2.x.kraft", Some("kafka_version")),
];

/// Adds the test of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    crate::for_each_core(suite, tools, "plans_say_what_restarts_brokers", said_and_done);
}

fn said_and_done(core: PathBuf) -> Result<()> {
    let mut text = CLUSTER.to_owned();
    let workspace = workspace(&core, &text)?;
    workspace.apply()?;
    for (has, wants, named) in CHANGES {
        ensure!(text.contains(has), "{has}");
        text = text.replace(has, wants);
        workspace.write(&text)?;
        let planned = workspace.succeed(&["plan", "-no-color", "-input=false"])?.text();
        let flat = planned
            .replace('│', " ")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        let warned = flat.contains("restart their brokers") || flat.contains("brokers of the cluster are restarted");
        ensure!(warned == named.is_some(), "{wants}: warned is {warned}\n{planned}");
        if let Some(named) = named {
            ensure!(flat.contains(named), "{named} is not in:\n{planned}");
        }
        let before = brokers(&workspace);
        workspace.apply()?;
        let stayed = brokers(&workspace).intersection(&before).count();
        let expected = if named.is_some() { 0 } else { before.len() };
        ensure!(
            stayed == expected,
            "{wants}: {stayed} of {} brokers were not restarted",
            before.len()
        );
        workspace.expect_empty_plan()?;
    }
    workspace.destroy()?;
    Ok(())
}

/// Process ids of the brokers.
fn brokers(workspace: &Workspace) -> BTreeSet<i32> {
    workspace.runtime.processes("broker").iter().map(|it| it.pid).collect()
}
