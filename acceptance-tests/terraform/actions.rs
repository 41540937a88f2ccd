//! Actions: what is done once, because somebody asks or because a resource has changed.

use std::{collections::BTreeSet, fs, path::PathBuf};

use acceptance_tests::{cluster::CONFIGURATION, suite::Suite, terraform::Workspace, tools::Tools};
use anyhow::{Context, Result, ensure};

use crate::bad_input::workspace;

/// An action of each type; the restart happens by itself after a topic was made.
const ACTIONS: &str = r#"
action "msk_reboot_broker" "second" {
  config {
    cluster_arn = msk_cluster.this.arn
    broker_ids  = [2]
  }
}

action "msk_reboot_broker" "no_such" {
  config {
    cluster_arn = msk_cluster.this.arn
    broker_ids  = [9]
  }
}

action "msk_rebalance" "all" {
  config {
    cluster_arn = msk_cluster.this.arn
    timeout     = "1m"
  }
}

action "msk_elect_leaders" "all" {
  config {
    cluster_arn = msk_cluster.this.arn
  }
}

action "msk_rotate_certificates" "all" {
  config {
    cluster_arn = msk_cluster.this.arn
  }
}

resource "msk_topic" "triggers" {
  cluster_arn        = msk_cluster.this.arn
  name               = "triggers"
  partition_count    = 6
  replication_factor = 3
  lifecycle {
    action_trigger {
      events  = [after_create]
      actions = [action.msk_reboot_broker.second]
    }
  }
}
"#;

/// Adds the test of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    suite.test_with(
        "actions_do_once_what_they_say",
        "the newest terraform",
        tools.newest_terraform.clone(),
        done_once,
    );
}

fn done_once(core: PathBuf) -> Result<()> {
    let workspace = workspace(&core, CONFIGURATION)?;
    workspace.apply()?;
    let before = second_broker(&workspace)?;
    workspace.write(&format!("{CONFIGURATION}{ACTIONS}"))?;
    let applied = workspace.apply()?.text();
    for said in [
        "Broker 2 is restarted (1 of 1)",
        "Broker 2 is back and in sync",
        "Actions: 1 invoked",
    ] {
        ensure!(applied.contains(said), "{said:?} is not in:\n{applied}");
    }
    let after = second_broker(&workspace)?;
    ensure!(before != after, "the broker is still process {before}");
    workspace.expect_empty_plan()?;

    // Its leaders went away with the restart. Perhaps they are back by themselves already, so only who asks again is certain.
    invoke(&workspace, "msk_elect_leaders.all")?;
    let elected = invoke(&workspace, "msk_elect_leaders.all")?;
    ensure!(
        elected.contains("Partitions with another leader now: 0.") && elected.contains("not in sync: 0."),
        "{elected}"
    );
    let balanced = invoke(&workspace, "msk_rebalance.all")?;
    ensure!(balanced.contains("Brokers have equal shares."), "{balanced}");
    let certificates = certificates(&workspace)?;
    let rotated = invoke(&workspace, "msk_rotate_certificates.all")?;
    for said in [
        "Brokers are given new certificates.",
        "Every broker shows its new certificate.",
    ] {
        ensure!(rotated.contains(said), "{said:?} is not in:\n{rotated}");
    }
    let others = self::certificates(&workspace)?;
    ensure!(
        others.len() == 3 && others.is_disjoint(&certificates),
        "{certificates:?} {others:?}"
    );
    ensure!(second_broker(&workspace)? == after, "nothing else was restarted");
    workspace.expect_empty_plan()?;

    let apply = ["apply", "-auto-approve", "-no-color", "-input=false"];
    let wrong = workspace.fail(&[&apply[..], &["-invoke=action.msk_reboot_broker.no_such"]].concat())?;
    let wrong = wrong.text();
    ensure!(
        wrong.contains("Cannot restart brokers") || wrong.contains("cannot restart brokers"),
        "{wrong}"
    );
    workspace.write(&format!("{CONFIGURATION}{ACTIONS}").replace("\"1m\"", "\"soon\""))?;
    let wrong = workspace.fail(&["plan", "-no-color", "-input=false"])?.text();
    ensure!(wrong.contains("is not a duration"), "{wrong}");
    workspace.write(CONFIGURATION)?;
    workspace.apply()?;
    workspace.destroy()?;
    Ok(())
}

fn invoke(workspace: &Workspace, action: &str) -> Result<String> {
    let invoke = format!("-invoke=action.{action}");
    let finished = workspace.succeed(&["apply", "-auto-approve", "-no-color", "-input=false", &invoke])?;
    Ok(finished.text())
}

/// What the brokers have to show.
fn certificates(workspace: &Workspace) -> Result<BTreeSet<String>> {
    let clusters = fs::read_dir(workspace.runtime.data_dir().join("clusters"))?;
    let cluster = clusters.flatten().next().context("a cluster")?.path();
    let read = |broker: u32| fs::read_to_string(cluster.join(format!("broker-{broker}/broker.identity.pem")));
    (1..=3).map(|broker| Ok(read(broker)?)).collect()
}

/// Process id of broker 2.
fn second_broker(workspace: &Workspace) -> Result<i32> {
    let brokers = workspace.runtime.processes("broker");
    let second = brokers
        .iter()
        .find(|process| process.arguments.iter().any(|argument| argument.contains("broker-2")));
    Ok(second.with_context(|| format!("broker 2 in {brokers:?}"))?.pid)
}
