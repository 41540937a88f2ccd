//! How a node is run: the flags of Java, and its log.

use std::time::Duration;

use engine::EngineError;
use hosts::{Host, HostFacts, UnitCommand, UnitFile, UnitName, UnitProcess};

use crate::{bundle::Bundle, classes, errors::host_error, jmx_exporter, placement::Node};

/// Name of the program that runs Java, as hosts look it up.
pub(crate) const JAVA: &str = "java";
/// Oldest Java that Kafka's brokers run on.
pub const JAVA_MIN: u32 = 17;
/// How long `java -version` may take.
const VERSION_LIMIT: Duration = Duration::from_secs(20);
/// How much more often than by default something runs before it is compiled. Most of what runs while a broker starts runs no more
/// afterwards, and compiling it takes a quarter of all the work of a start; what has to be fast is compiled all the same, seconds later.
const COMPILE_LATER: u32 = 5;
/// Configuration of a node, below its directory.
pub(crate) const PROPERTIES: &str = "server.properties";
/// Its log.
pub(crate) const LOG: &str = "server.log";
/// Configuration of logging.
const LOGGING: &str = "log4j2.properties";
/// A log longer than this is set aside at the next start.
const LOG_BYTES_MAX: u64 = 64 << 20;
/// Handing over leaderships and flushing takes its time.
const STOP_GRACE: Duration = Duration::from_secs(60);
/// What follows in the name of a unit that has the page of metrics of the machine.
const NODE_EXPORTER: &str = ".node-exporter";
/// Files and connections of a broker.
const OPEN_FILES_MAX: u64 = 100_000;

/// Kafka's own pattern, to standard output, which the host keeps.
const LOGGING_TEXT: &str = "status = warn\n\
    appender.out.type = Console\n\
    appender.out.name = OUT\n\
    appender.out.layout.type = PatternLayout\n\
    appender.out.layout.pattern = [%d] %p %m (%c)%n\n\
    rootLogger.level = info\n\
    rootLogger.appenderRef.out.ref = OUT\n";

/// The file that says how a node logs.
pub(crate) fn logging_file() -> UnitFile {
    UnitFile {
        path: LOGGING.to_owned(),
        content: LOGGING_TEXT.as_bytes().to_vec(),
        is_secret: false,
    }
}

/// Unit of a node.
pub(crate) fn unit(cluster_id: uuid::Uuid, id: i32) -> UnitName {
    UnitName::new(format!("kafka-{cluster_id}-{id}")).expect("letters, digits and hyphens")
}

/// Unit of the page of metrics of the machine, beside that of a node.
pub(crate) fn node_exporter_unit(cluster_id: uuid::Uuid, id: i32) -> UnitName {
    let node = unit(cluster_id, id);
    UnitName::new(format!("{node}{NODE_EXPORTER}")).expect("letters, digits, hyphens and a dot")
}

/// Cluster and node of a unit, be it the node's own or that of the page beside it; `None` for units of others.
pub(crate) fn parse_unit(unit: &UnitName) -> Option<(uuid::Uuid, i32)> {
    let rest = unit.as_str().strip_prefix("kafka-")?;
    let rest = rest.strip_suffix(NODE_EXPORTER).unwrap_or(rest);
    let cluster_id = uuid::Uuid::try_parse(rest.get(..36)?).ok()?;
    Some((cluster_id, rest.get(36..)?.strip_prefix('-')?.parse().ok()?))
}

/// What a specification says of processes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// Processors that a node may use.
    pub(crate) vcpus: Option<u32>,
    /// Brokers have pages of metrics.
    pub(crate) has_exporter: bool,
}

/// The process of a node.
pub(crate) fn process(facts: &HostFacts, unit: &UnitName, bundle: &Bundle, node: &Node, asked: &Asked) -> UnitProcess {
    let directory = facts.unit_directory(unit);
    let mut arguments = vec![
        format!("-Xms{}m", node.heap_mib.min(256)),
        format!("-Xmx{}m", node.heap_mib),
    ];
    // As Kafka's own start script has them.
    arguments.extend(
        [
            "-server",
            "-XX:+UseG1GC",
            "-XX:MaxGCPauseMillis=20",
            "-XX:InitiatingHeapOccupancyPercent=35",
            "-XX:+ExplicitGCInvokesConcurrent",
            "-XX:+ExitOnOutOfMemoryError",
            "-Djava.awt.headless=true",
        ]
        .map(str::to_owned),
    );
    arguments.push(format!("-XX:CompileThresholdScaling={COMPILE_LATER}"));
    arguments.push(classes::argument(&directory));
    arguments.extend(asked.vcpus.map(|vcpus| format!("-XX:ActiveProcessorCount={vcpus}")));
    let page = jmx_exporter::address(node).filter(|_| asked.has_exporter);
    arguments.extend(page.map(|address| jmx_exporter::argument(facts, unit, bundle, address)));
    arguments.extend([
        format!("-Dlog4j2.configurationFile={}", directory.join(LOGGING).display()),
        format!("-Dopenmsk.token={}", UnitProcess::TOKEN),
        "-cp".to_owned(),
        class_path(facts, bundle),
        "kafka.Kafka".to_owned(),
        directory.join(PROPERTIES).display().to_string(),
    ]);
    UnitProcess {
        command: UnitCommand {
            program: JAVA.to_owned(),
            arguments,
            environment: Vec::new(),
        },
        log_path: LOG.to_owned(),
        log_bytes_max: LOG_BYTES_MAX,
        stop_grace: STOP_GRACE,
        open_files_max: Some(OPEN_FILES_MAX),
    }
}

/// All jars of a release. An archive of classes is good for this text only.
pub(crate) fn class_path(facts: &HostFacts, bundle: &Bundle) -> String {
    let jars = facts.bundle_directory(&bundle.digest).join("*");
    jars.display().to_string()
}

/// The Java of a host.
#[derive(Clone, Debug)]
pub(crate) struct JavaVersion {
    /// All that it says of itself, its build included.
    pub(crate) said: String,
}

/// Refuses a host without a Java that runs Kafka.
pub(crate) async fn check_java(host: &dyn Host, unit: &UnitName) -> Result<JavaVersion, EngineError> {
    let command = UnitCommand {
        program: JAVA.to_owned(),
        arguments: vec!["-version".to_owned()],
        environment: Vec::new(),
    };
    let name = host.facts().name;
    let wrong = |problem: String| EngineError::Environment {
        problem,
        remedy: format!("install Java {JAVA_MIN} or newer on host {name}, so that its agent finds it"),
    };
    let finished = host
        .run(unit, &command, VERSION_LIMIT)
        .await
        .map_err(|error| match error {
            hosts::HostError::Environment { problem, .. } => wrong(format!("on host {name}: {problem}")),
            other => host_error(other),
        })?;
    let said = format!("{}{}", finished.stderr, finished.stdout);
    match java_version(&said) {
        Some(version) if version >= JAVA_MIN => Ok(JavaVersion { said }),
        Some(version) => Err(wrong(format!(
            "Apache Kafka does not run on host {name}: its Java is {version}"
        ))),
        None => Err(wrong(format!(
            "host {name} has no Java: {}",
            said.lines().next().unwrap_or("it says nothing")
        ))),
    }
}

/// The feature number in what `java -version` says.
pub fn java_version(said: &str) -> Option<u32> {
    let quoted = said.split_once("version \"")?.1;
    let mut numbers = quoted.split(|character: char| !character.is_ascii_digit());
    match numbers.next()?.parse().ok()? {
        // Until 8 they began with 1.
        1 => numbers.next()?.parse().ok(),
        number => Some(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_java_are_read() {
        assert_eq!(java_version("openjdk version \"17.0.15\" 2025-04-15\n"), Some(17));
        assert_eq!(java_version("java version \"1.8.0_392\"\n"), Some(8));
        assert_eq!(java_version("openjdk version \"21\" 2023-09-19\n"), Some(21));
        assert_eq!(java_version("java: not found"), None);
    }

    #[test]
    fn units_are_named_and_found_again() {
        let cluster_id = uuid::Uuid::from_u128(9);
        assert_eq!(parse_unit(&unit(cluster_id, 10_001)), Some((cluster_id, 10_001)));
        let page = node_exporter_unit(cluster_id, 7);
        assert_eq!(parse_unit(&page), Some((cluster_id, 7)));
        assert_ne!(page, unit(cluster_id, 7));
        assert_eq!(parse_unit(&UnitName::new("kafka-other-1").unwrap()), None);
    }
}
