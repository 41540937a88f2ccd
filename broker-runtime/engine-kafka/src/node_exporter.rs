//! The page of metrics of the machine that a broker is on. A broker of Apache Kafka is Java and cannot serve it, so a process of its own
//! does: the host's own program, in a unit beside the broker's. It comes and goes without the broker.

use std::{net::SocketAddr, time::Duration};

use hosts::{HostFacts, UnitCommand, UnitName, UnitProcess};

use crate::{placement::Node, ports};

/// What the host's program is told to do.
const SUBCOMMAND: &str = "node-exporter";
/// Its log, below the directory of its unit.
const LOG: &str = "node-exporter.log";
/// A log longer than this is set aside at the next start; the process does the same while it runs.
const LOG_BYTES_MAX: u64 = 8 << 20;
/// It keeps nothing.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// Where the page is; controllers with a process of their own have none.
pub(crate) fn address(node: &Node) -> Option<SocketAddr> {
    node.is_broker.then(|| ports::node_exporter(node))
}

/// The process that serves the page there, in this unit.
pub(crate) fn process(facts: &HostFacts, unit: &UnitName, address: SocketAddr) -> UnitProcess {
    // Also for people: among all processes of a host it says whose it is.
    let log = facts.unit_directory(unit).join(LOG);
    UnitProcess {
        command: UnitCommand {
            program: UnitCommand::OWN_PROGRAM.to_owned(),
            arguments: vec![
                SUBCOMMAND.to_owned(),
                "--listen".to_owned(),
                address.to_string(),
                "--log-file".to_owned(),
                log.display().to_string(),
            ],
            environment: Vec::new(),
        },
        log_path: LOG.to_owned(),
        log_bytes_max: LOG_BYTES_MAX,
        stop_grace: STOP_GRACE,
        open_files_max: None,
    }
}
