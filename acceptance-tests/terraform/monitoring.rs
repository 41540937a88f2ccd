//! Exporters and delivery of logs: switched on and off in place, as `aws_msk_cluster` has them, and found when somebody else has
//! switched them.

use std::path::PathBuf;

use acceptance_tests::{outside, suite::Suite, terraform::Workspace, tools::Tools};
use anyhow::{Result, ensure};

use crate::{for_each_core, lifecycle::actions};

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    for_each_core(suite, tools, "monitoring_that_makes_no_sense_is_told", told);
    for (name, core) in [("terraform", &tools.terraform), ("tofu", &tools.tofu)] {
        let both = core.clone().zip(tools.python.clone());
        let title = format!("monitoring_changes_in_place_{name}");
        suite.test_with(&title, &format!("{name} and boto3"), both, |(core, python)| {
            changes(core, python)
        });
    }
}

/// The blocks as the documentation of `aws_msk_cluster` has them.
const MONITORING: &str = r#"
  open_monitoring {
    prometheus {
      jmx_exporter {
        enabled_in_broker = true
      }
      node_exporter {
        enabled_in_broker = false
      }
    }
  }
"#;

fn logging(s3: &str) -> String {
    format!(
        "  logging_info {{\n    broker_logs {{\n      cloudwatch_logs {{\n        enabled   = true\n        log_group = \"g\"\n      \
         }}\n      s3 {{\n{s3}      }}\n    }}\n  }}\n"
    )
}

fn configuration(blocks: &str) -> String {
    format!(
        "terraform {{\n  required_providers {{\n    msk = {{ source = \"openmsk/msk\" }}\n  }}\n}}\n\
         resource \"msk_cluster\" \"this\" {{\n  cluster_name = \"watched\"\n  number_of_broker_nodes = 2\n{blocks}}}\n\
         data \"msk_broker_nodes\" \"this\" {{\n  cluster_arn = msk_cluster.this.arn\n}}\n\
         output \"host\" {{\n  value = data.msk_broker_nodes.this.node_info_list[1].endpoints[0]\n}}\n"
    )
}

fn told(core: PathBuf) -> Result<()> {
    let workspace = Workspace::new(&core)?;
    for (s3, said) in [
        ("        enabled = true\n", "Logs have no bucket to go to"),
        (
            "        enabled = true\n        bucket = \"My_Logs\"\n",
            "is not a name of a bucket",
        ),
        (
            "        enabled = true\n        bucket = \"logs\"\n        prefix = \"../up\"\n",
            "cannot be used",
        ),
    ] {
        workspace.write(&configuration(&logging(s3)))?;
        let refused = workspace.fail(&["plan", "-no-color", "-input=false"])?.text();
        let words: Vec<&str> = refused.split_whitespace().collect();
        ensure!(words.join(" ").contains(said), "{refused}");
    }
    workspace.write(&configuration(&logging("        enabled = false\n")))?;
    let warned = workspace.succeed(&["plan", "-no-color", "-input=false"])?.text();
    ensure!(warned.contains("These destinations of logs have no effect"), "{warned}");
    Ok(())
}

fn changes(core: PathBuf, python: PathBuf) -> Result<()> {
    let workspace = Workspace::new(&core)?;
    let address = "msk_cluster.this";
    let in_place = |blocks: &str| {
        workspace.write(&configuration(blocks))?;
        let plan = workspace.plan()?;
        ensure!(actions(&plan, address) == ["update"], "{}", plan["resource_changes"]);
        workspace.apply()?;
        workspace.expect_empty_plan()
    };
    let is_open = |port: u16| {
        let host = workspace.output("host")?;
        let host = host.as_str().unwrap_or_default().to_owned();
        Ok::<_, anyhow::Error>(std::net::TcpStream::connect((host.as_str(), port)).is_ok())
    };
    workspace.write(&configuration(MONITORING))?;
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    ensure!(is_open(11_001)? && !is_open(11_002)?);

    let bucket = "        enabled = true\n        bucket = \"logs\"\n        prefix = \"team/a\"\n";
    in_place(&format!("{MONITORING}{}", logging(bucket)))?;
    let folder = workspace.runtime.data_dir().join("buckets/logs/team/a/AWSLogs");
    ensure!(folder.is_dir(), "{} is not there", folder.display());

    // Somebody else switches both off.
    outside::run(&python, &workspace.runtime, &["stop_monitoring", "watched"])?;
    ensure!(!is_open(11_001)?);
    let plan = workspace.plan()?;
    ensure!(actions(&plan, address) == ["update"], "{}", plan["resource_changes"]);
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    ensure!(is_open(11_001)?);

    // Without the blocks it is as it was before.
    in_place("")?;
    ensure!(!is_open(11_001)?);
    Ok(())
}
