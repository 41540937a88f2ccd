//! A refresh of many resources is a handful of requests, however many there are.

use std::path::PathBuf;

use acceptance_tests::{
    suite::Suite,
    terraform::{REQUIRED_PROVIDERS, Workspace},
    tools::Tools,
};
use anyhow::{Result, ensure};

use crate::failing_proxy::FailingProxy;

/// 300 resources of three types.
const MANY: &str = r#"
resource "msk_cluster" "this" {
  cluster_name           = "many"
  number_of_broker_nodes = 1
}

resource "msk_topic" "all" {
  count              = 150
  cluster_arn        = msk_cluster.this.arn
  name               = "topic-${count.index}"
  partition_count    = 1
  replication_factor = 1
}

resource "msk_acl" "all" {
  count         = 100
  cluster_arn   = msk_cluster.this.arn
  resource_type = "TOPIC"
  resource_name = "topic-${count.index}"
  principal     = "User:app"
  operation     = "READ"
}

resource "msk_quota" "all" {
  count              = 50
  cluster_arn        = msk_cluster.this.arn
  user               = "user-${count.index}"
  producer_byte_rate = 1000 + count.index
}
"#;

/// What a plan of all that may ask: to connect, the cluster with its addresses, a few topics one by one, and the rest at once.
const REQUESTS_MAX: usize = 30;

/// Adds the test of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    crate::for_each_core(
        suite,
        tools,
        "many_resources_are_read_with_a_handful_of_requests",
        a_handful,
    );
}

fn a_handful(core: PathBuf) -> Result<()> {
    let workspace = Workspace::new(&core)?;
    workspace.runtime.start()?;
    let proxy = FailingProxy::start(&workspace.runtime.endpoint()?)?;
    let (access_key, secret_key) = workspace.runtime.key()?;
    let provider = format!(
        "provider \"msk\" {{\n  endpoint   = \"{}\"\n  access_key = \"{access_key}\"\n  secret_key = \"{secret_key}\"\n}}\n",
        proxy.endpoint
    );
    let configuration = format!("{REQUIRED_PROVIDERS}{provider}{MANY}");
    workspace.write(&configuration)?;
    workspace.apply()?;
    // The first refresh also gives up the tokens of what was made. It writes no state, so the next one finds them there again.
    workspace.expect_empty_plan()?;
    let before = proxy.calls();
    workspace.expect_empty_plan()?;
    let asked = proxy.calls() - before;
    ensure!(asked <= REQUESTS_MAX, "{asked} requests for a plan of 301 resources");
    // What is missing and what differs is found all the same.
    let changed = configuration.replace("count              = 150", "count              = 149");
    workspace.write(&changed.replace("1000 + count.index", "2000 + count.index"))?;
    let applied = workspace.apply()?.text();
    ensure!(applied.contains("0 added, 50 changed, 1 destroyed"), "{applied}");
    workspace.expect_empty_plan()?;
    workspace.destroy()?;
    Ok(())
}
