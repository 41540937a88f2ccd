//! The page of metrics of a broker: Prometheus' JMX exporter in its Java, as on MSK. Without rules it gives Kafka's beans the names that
//! the pages of the embedded engine have, too.

use std::net::SocketAddr;

use hosts::{HostFacts, UnitFile, UnitName};

use crate::{bundle::Bundle, placement::Node, ports};

/// Its version: the one that MSK's names are known from.
pub(crate) const VERSION: &str = "0.20.0";
/// Its configuration, below the directory of a node.
const RULES: &str = "exporter.yaml";
/// What begins the argument that has Java load it.
const ARGUMENT: &str = "-javaagent:";

/// Its jar, one of those of a release.
pub(crate) fn jar() -> String {
    format!("jmx_prometheus_javaagent-{VERSION}.jar")
}

/// Where the page of a broker is; controllers with a process of their own have none.
pub(crate) fn address(node: &Node) -> Option<SocketAddr> {
    node.is_broker.then(|| ports::jmx_exporter(node))
}

/// The file that it reads: no rules, so everything there is.
pub(crate) fn rules() -> UnitFile {
    UnitFile {
        path: RULES.to_owned(),
        content: b"{}\n".to_vec(),
        is_secret: false,
    }
}

/// The argument of Java.
pub(crate) fn argument(facts: &HostFacts, unit: &UnitName, bundle: &Bundle, address: SocketAddr) -> String {
    let jar = facts.bundle_directory(&bundle.digest).join(jar());
    let rules = facts.unit_directory(unit).join(RULES);
    format!("{ARGUMENT}{}={address}:{}", jar.display(), rules.display())
}

/// Whether a process was started with it.
pub(crate) fn is_in(arguments: &[String]) -> bool {
    arguments.iter().any(|argument| argument.starts_with(ARGUMENT))
}
