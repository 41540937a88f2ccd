//! The example of the README from nothing to nothing, updates in place, and import.

use std::{fs, path::PathBuf};

use acceptance_tests::{
    binaries,
    cluster::{CONFIGURATION, Cluster, PASSWORD},
    processes::listening,
    suite::Suite,
    terraform::Workspace,
    tools::Tools,
};
use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    crate::for_each_core(
        suite,
        tools,
        "quickstart_applies_plans_empty_and_destroys_without_a_trace",
        quickstart,
    );
    crate::for_each_core(
        suite,
        tools,
        "configuration_change_reaches_the_cluster_in_the_same_apply",
        change,
    );
    crate::for_each_core(suite, tools, "hardware_and_version_are_changed_in_place", in_place);
    suite.test_with(
        "everything_can_be_imported",
        "terraform",
        tools.terraform.clone(),
        import,
    );
}

/// A cluster whose version, declared hardware and monitoring change.
const IN_PLACE: &str = r#"
terraform {
  required_providers {
    msk = { source = "openmsk/msk" }
  }
}

resource "msk_cluster" "this" {
  cluster_name           = "in-place"
  number_of_broker_nodes = 1
  kafka_version          = "4.0.x.kraft"
  enhanced_monitoring    = "DEFAULT"
  broker_node_group_info {
    instance_type = "kafka.m5.large"
    storage_info {
      ebs_storage_info {
        volume_size = 100
      }
    }
  }
}
"#;

fn in_place(core: PathBuf) -> Result<()> {
    let workspace = Workspace::new(&core)?;
    workspace.write(IN_PLACE)?;
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    let changed = IN_PLACE
        .replace("4.0.x.kraft", "4.2.x.kraft")
        .replace("m5.large", "m7g.xlarge")
        .replace("= 100", "= 200")
        .replace("\"DEFAULT\"", "\"PER_BROKER\"");
    workspace.write(&changed)?;
    let applied = workspace.apply()?;
    ensure!(
        applied.stdout.contains("0 added, 1 changed, 0 destroyed"),
        "{}",
        applied.text()
    );
    workspace.expect_empty_plan()?;
    for (from, to, problem) in [
        ("4.2.x.kraft", "4.1.x.kraft", "The version of Kafka cannot be lowered"),
        ("= 200", "= 150", "Volumes never shrink"),
        ("kafka.m7g.xlarge", "m7", "is no type of brokers; use kafka.t3.small"),
    ] {
        workspace.write(&changed.replace(from, to))?;
        let refused = workspace.fail(&["plan", "-no-color", "-input=false"])?;
        ensure!(refused.text().contains(problem), "{}", refused.text());
    }
    workspace.write(&changed)?;
    workspace.destroy().map(drop)
}

fn quickstart(core: PathBuf) -> Result<()> {
    let mut workspace = Workspace::new(&core)?;
    workspace.set("TF_VAR_password", PASSWORD);
    let example = binaries::repository().join("examples/quickstart/main.tf");
    workspace.write(&fs::read_to_string(example)?)?;
    let applied = workspace.apply()?;
    ensure!(applied.stdout.contains("Apply complete!"), "{}", applied.text());
    workspace.expect_empty_plan()?;
    let runtime = &workspace.runtime;
    ensure!(runtime.processes("broker").len() == 3, "{:?}", runtime.processes(""));
    let status = runtime.command(&["status"])?;
    ensure!(
        status.code == Some(0) && status.stdout.contains("ACTIVE"),
        "{}",
        status.text()
    );

    // Others on this machine have clusters, too.
    let status: Value = serde_json::from_str(&runtime.command(&["status", "--json"])?.stdout)?;
    let brokers = status["clusters"][0]["brokers"].as_array().context("brokers")?;
    let hosts: Vec<String> = brokers
        .iter()
        .filter_map(|it| Some(format!("{}:", it["host"].as_str()?)))
        .collect();
    let open = || -> Vec<String> {
        let all = listening().into_iter();
        all.filter(|address| hosts.iter().any(|host| address.starts_with(host)))
            .collect()
    };
    ensure!(
        open().len() >= 2 * hosts.len() && hosts.len() == 3,
        "{hosts:?} listen on {:?}",
        open()
    );

    workspace.destroy()?;
    ensure!(
        runtime.processes("broker").is_empty(),
        "brokers are left: {:?}",
        runtime.processes("broker")
    );
    ensure!(open().is_empty(), "ports are left: {:?}", open());
    let clusters = runtime.data_dir().join("clusters");
    let files: Vec<_> = fs::read_dir(&clusters)?.collect();
    ensure!(files.is_empty(), "files are left in {}: {files:?}", clusters.display());
    Ok(())
}

fn change(core: PathBuf) -> Result<()> {
    let cluster = Cluster::start(&core)?;
    let workspace = &cluster.workspace;
    workspace.write(&CONFIGURATION.replace("num.partitions = 3", "num.partitions = 5"))?;
    let plan = workspace.plan()?;
    let actions = |address: &str| actions(&plan, address);
    ensure!(actions("msk_configuration.this") == ["update"], "{plan}");
    ensure!(actions("msk_cluster.this") == ["update"], "{plan}");
    ensure!(actions("msk_topic.orders") == ["no-op"], "{plan}");
    workspace.apply()?;
    workspace.expect_empty_plan()?;

    let grown = CONFIGURATION
        .replace("num.partitions = 3", "num.partitions = 5")
        .replace(
            "partition_count    = 3",
            "partition_count    = 6\n  configs            = { \"retention.ms\" = \"3600000\" }",
        );
    workspace.write(&grown)?;
    workspace.apply()?;
    workspace.expect_empty_plan()
}

/// What a plan does with a resource.
pub fn actions(plan: &Value, address: &str) -> Vec<String> {
    let changes = plan["resource_changes"].as_array().cloned().unwrap_or_default();
    let change = changes.iter().find(|it| it["address"] == address);
    let actions = change
        .and_then(|it| it["change"]["actions"].as_array().cloned())
        .unwrap_or_default();
    actions.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect()
}

fn import(core: PathBuf) -> Result<()> {
    let cluster = Cluster::start(&core)?;
    let workspace = &cluster.workspace;
    let state: Value = serde_json::from_str(&workspace.succeed(&["show", "-json"])?.stdout)?;
    let resources = state["values"]["root_module"]["resources"]
        .as_array()
        .context("resources")?
        .clone();
    let attribute = |address: &str, name: &str| -> Result<String> {
        let resource = resources
            .iter()
            .find(|it| it["address"] == address)
            .context(address.to_owned())?;
        Ok(resource["values"][name]
            .as_str()
            .with_context(|| format!("{address}.{name}"))?
            .to_owned())
    };
    let cluster_arn = attribute("msk_cluster.this", "arn")?;
    let imports = [
        ("msk_configuration.this", attribute("msk_configuration.this", "arn")?),
        ("msk_cluster.this", cluster_arn.clone()),
        ("msk_scram_secret.app", format!("{cluster_arn}|app")),
        ("msk_topic.orders", format!("{cluster_arn}|orders")),
    ];
    for (address, id) in imports {
        workspace.succeed(&["state", "rm", address])?;
        workspace.succeed(&["import", "-no-color", "-input=false", address, &id])?;
    }
    let plan = workspace.plan()?;
    for address in ["msk_configuration.this", "msk_cluster.this", "msk_topic.orders"] {
        ensure!(
            actions(&plan, address) == ["no-op"],
            "{address}: {}",
            plan["resource_changes"]
        );
    }
    // The version of a write-only password is the configuration's own: after an import it is written once.
    let secret = actions(&plan, "msk_scram_secret.app");
    ensure!(secret == ["no-op"] || secret == ["update"], "{secret:?}");
    workspace.apply()?;
    workspace.expect_empty_plan()
}
