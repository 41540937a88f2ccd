//! `broker-runtime hosts`: the hosts that have joined, and what becomes of them.

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::{
    api_client::ApiClient,
    context::Context,
    output::{self, Table},
};

/// Where they are.
const PATH: &str = "/openmsk/v1/hosts";

/// What no cluster needs any more on them.
const LEFTOVERS: &str = "/openmsk/v1/host-leftovers";

/// The table, or what is to be done.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Hosts {
    #[command(subcommand)]
    action: Option<Action>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// What can be done with a host.
#[derive(Debug, Subcommand)]
enum Action {
    /// Has a host emptied: what runs on it moves elsewhere, and nothing new comes.
    Drain {
        /// Its name.
        name: String,
    },
    /// Has a host used again that was drained.
    Undrain {
        /// Its name.
        name: String,
    },
    /// Declares that a host does not come back, so that what was on it is made anew elsewhere. It cannot be taken back.
    Dead {
        /// Its name.
        name: String,
    },
    /// Shows what no cluster needs any more on hosts: jars of releases, and archives of their classes.
    Prune {
        /// Delete it.
        #[arg(long)]
        remove: bool,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Forgets a host that nothing is on, or that is dead.
    Remove {
        /// Its name.
        name: String,
    },
}

/// Asks the control plane that runs.
pub(crate) fn run(context: &Context, hosts: &Hosts) -> Result<()> {
    let client = ApiClient::running(&context.data_dir)?;
    let update = |name: &str, state: &str| client.put(&path(name)?, &json!({"state": state}));
    match &hosts.action {
        None => list(&client.get(PATH)?["hosts"], hosts.json),
        Some(Action::Drain { name }) => update(name, "DRAINING")?,
        Some(Action::Undrain { name }) => update(name, "ACTIVE")?,
        Some(Action::Dead { name }) => update(name, "DEAD")?,
        Some(Action::Prune { remove: false, json }) => leftovers(&client.get(LEFTOVERS)?, *json, false),
        Some(Action::Prune { remove: true, json }) => {
            let deleted = client.post(&format!("{LEFTOVERS}/delete"), &json!({}))?;
            leftovers(&deleted, *json, true);
        }
        Some(Action::Remove { name }) => client.delete(&path(name)?)?,
    }
    Ok(())
}

fn path(name: &str) -> Result<String> {
    let is_good = |it: char| it.is_ascii_alphanumeric() || "-._".contains(it);
    if !name.starts_with(|first: char| first.is_ascii_alphanumeric()) || !name.chars().all(is_good) {
        bail!("{name:?} is no name of a host: `broker-runtime hosts` shows them");
    }
    Ok(format!("{PATH}/{name}"))
}

fn list(hosts: &Value, as_json: bool) {
    if as_json {
        output::json(hosts);
        return;
    }
    let hosts = hosts.as_array().map(Vec::as_slice).unwrap_or_default();
    if hosts.is_empty() {
        output::line("no hosts; `broker-runtime token create` lets one join");
        return;
    }
    let mut table = Table::new(&[
        "HOST",
        "ZONE",
        "STATE",
        "ADDRESS",
        "NODES",
        "CORES",
        "MEMORY",
        "DISK FREE",
        "CLOCK",
        "AGENT",
    ]);
    for host in hosts {
        let text = |name: &str| output::text(&host[name]);
        let gib = |name: &str| host[name].as_u64().map_or_else(|| "-".to_owned(), gibibytes);
        table.row([
            text("name"),
            text("zone"),
            text("state"),
            text("address"),
            text("nodeCount"),
            text("cores"),
            gib("memoryBytes"),
            format!("{} of {}", gib("diskFreeBytes"), gib("diskBytes")),
            format!("{:+} ms", host["clockAheadMs"].as_i64().unwrap_or_default()),
            text("agentVersion"),
        ]);
    }
    output::line(&table.to_string());
    for host in hosts.iter().filter(|host| host["stateReason"].is_string()) {
        let (name, reason) = (output::text(&host["name"]), output::text(&host["stateReason"]));
        output::line(&format!("{name}: {reason}"));
    }
}

fn leftovers(answer: &Value, as_json: bool, are_gone: bool) {
    if as_json {
        output::json(answer);
        return;
    }
    let list = |name: &str| answer[name].as_array().cloned().unwrap_or_default();
    let found = list("leftovers");
    if !found.is_empty() {
        let mut table = Table::new(&["HOST", "SIZE", "WHAT", "PATH"]);
        for one in &found {
            let text = |name: &str| output::text(&one[name]);
            let bytes = one["bytes"].as_u64().unwrap_or_default();
            table.row([text("host"), mebibytes(bytes), text("what"), text("path")]);
        }
        output::line(&table.to_string());
    }
    for reason in list("leftOut") {
        output::line(&format!("left out: {}", output::text(&reason)));
    }
    output::line(match (found.is_empty(), are_gone) {
        (true, _) => "there is nothing that no cluster needs",
        (false, true) => "this was deleted",
        (false, false) => "no cluster needs this; `broker-runtime hosts prune --remove` deletes it",
    });
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

fn gibibytes(bytes: u64) -> String {
    const TENTHS: u64 = (1 << 30) / 10;
    let tenths = bytes / TENTHS;
    format!("{}.{} GiB", tenths / 10, tenths % 10)
}
