//! The network of the hosts: a network namespace for each machine, all at one bridge, and its failures.
//!
//! The test works in the namespace of the control plane; clients have one of their own. A link between two machines is cut by
//! a neighbour entry at both ends that nobody answers to: packets go out and get lost, as with a cable that is pulled further on.

use std::{process::Command, time::Duration};

use acceptance_tests::program;
use anyhow::{Context, Result};

use crate::rerun;

/// Machines that hosts may be.
pub const HOSTS_MAX: u32 = 6;
/// Namespace of the control plane, and of the test.
pub const CONTROL_PLANE: &str = "omsk-cp";
/// Namespace of the clients.
pub const CLIENTS: &str = "omsk-clients";
/// How long a program that changes the network may take.
const LIMIT: Duration = Duration::from_secs(20);
/// A neighbour that is nowhere.
const NOWHERE: &str = "02:00:00:00:00:ff";

/// What makes the network, in a shell.
const PREPARATION: &str = r#"set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/netns
ip link set lo up
ip link add omsk-bridge type bridge
ip link set omsk-bridge up
machine() {
    ip netns add "$1"
    ip link add "omsk-v$2" type veth peer name eth0 netns "$1"
    ip link set "omsk-v$2" master omsk-bridge up
    ip -n "$1" addr add "10.78.0.$2/24" dev eth0
    ip -n "$1" link set lo up
    ip -n "$1" link set eth0 up
}
machine omsk-cp 1
machine omsk-clients 2
for number in $(seq 1 "$HOSTS"); do machine "omsk-h$number" "$((number + 10))"; done
"#;

/// Address of the control plane.
pub fn control_plane_address() -> String {
    "10.78.0.1".to_owned()
}

/// Address of a host.
pub fn host_address(number: u32) -> String {
    format!("10.78.0.{}", number + 10)
}

/// Namespace of a host.
pub fn host_namespace(number: u32) -> String {
    format!("omsk-h{number}")
}

/// A shell in namespaces of its own: network, mounts and processes, all of which end with it.
fn shell(script: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["-rnmpf", "--kill-child", "--mount-proc", "sh", "-c", script]);
    command.env("HOSTS", HOSTS_MAX.to_string());
    command
}

/// Whether this kernel lets us have such a network.
pub fn possible() -> Result<()> {
    let mut command = shell(&format!(
        "{PREPARATION}nsenter --net=/run/netns/{CONTROL_PLANE} ip -br addr"
    ));
    program::succeed(&mut command, LIMIT)
        .map(drop)
        .context("no network namespaces with bridges for this user")
}

/// Runs a test of this program once more, in the network, on the machine of the control plane.
pub fn run_inside(name: &str, variable: &str, limit: Duration) -> Result<()> {
    // The shell stays: it is the parent of processes whose own has died, and has to take note of their end.
    let script = format!(
        "{PREPARATION}set +e\nnsenter --net=/run/netns/{CONTROL_PLANE} \"$TEST\" --exact {name} --nocapture\nexit $?"
    );
    rerun::run(shell(&script), variable, limit)
}

/// The same command, in another namespace. Its process is the command's.
pub fn inside(namespace: &str, command: &Command) -> Command {
    let mut entered = Command::new("nsenter");
    entered
        .arg(format!("--net=/run/netns/{namespace}"))
        .arg("--")
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => entered.env(name, value),
            None => entered.env_remove(name),
        };
    }
    if let Some(directory) = command.get_current_dir() {
        entered.current_dir(directory);
    }
    entered
}

fn ip(arguments: &str) -> Result<()> {
    let mut command = Command::new("ip");
    program::succeed(command.args(arguments.split(' ')), LIMIT).map(drop)
}

/// Pulls the plug of a machine, or puts it in again.
pub fn plug(namespace: &str, is_in: bool) -> Result<()> {
    ip(&format!(
        "-n {namespace} link set eth0 {}",
        if is_in { "up" } else { "down" }
    ))
}

/// Limits what a machine sends, or lets it send again.
pub fn slow(namespace: &str, is_slow: bool) -> Result<()> {
    let mut command = Command::new("tc");
    let (action, rest) = match is_slow {
        true => ("add", " tbf rate 2mbit burst 16kbit latency 400ms"),
        false => ("del", ""),
    };
    let arguments = format!("-n {namespace} qdisc {action} dev eth0 root{rest}");
    program::succeed(command.args(arguments.split(' ')), LIMIT).map(drop)
}

/// A machine as far as links go: its namespace and its address.
pub type End = (String, String);

/// A link that is cut until this is dropped.
pub struct Cut {
    ends: [End; 2],
}

impl Cut {
    /// Cuts the link between two machines.
    pub fn between(one: End, other: End) -> Result<Self> {
        let cut = Self { ends: [one, other] };
        for ((namespace, _), (_, address)) in cut.directions() {
            ip(&format!(
                "-n {namespace} neigh replace {address} lladdr {NOWHERE} dev eth0 nud permanent"
            ))?;
        }
        Ok(cut)
    }

    fn directions(&self) -> [(&End, &End); 2] {
        let [one, other] = &self.ends;
        [(one, other), (other, one)]
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        for ((namespace, _), (_, address)) in self.directions() {
            // The entry goes, and the neighbour is asked for again.
            if let Err(error) = ip(&format!("-n {namespace} neigh del {address} dev eth0")) {
                eprintln!("a link stays cut: {error:#}");
            }
        }
    }
}
