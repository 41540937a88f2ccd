//! Jars from Maven Central, with Maven's own client: its mirrors, proxies and caches are the user's.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use cluster_files::durable_file::{self, Readers};
use engine::EngineError;
use tokio::process::Command;

use crate::{blocking::blocking, jmx_exporter, releases::Release};

/// A log4j binding, which Kafka's own poms leave out.
const LOG4J: &str = "2.25.4";
/// What copies the jars of a project.
const PLUGIN: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";
/// How long all of it may take.
const LIMIT: Duration = Duration::from_secs(600);

/// Copies the jars of a release into a folder.
pub(super) async fn copy(
    maven: &Path,
    environment: &[(OsString, OsString)],
    release: Release,
    folder: &Path,
) -> Result<(), EngineError> {
    let project: PathBuf = folder.join("pom.xml");
    let (path, text) = (project.clone(), pom(release.number));
    blocking(move || durable_file::replace(&path, text.as_bytes(), Readers::User)).await?;
    tracing::info!(release = release.number, "fetching Apache Kafka with mvn");
    let mut command = Command::new(maven);
    command
        .args(["--quiet", "--batch-mode", "--file"])
        .arg(&project)
        .args([PLUGIN, "-DincludeScope=runtime"])
        .arg(format!("-DoutputDirectory={}", folder.display()))
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = match tokio::time::timeout(LIMIT, command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(no_maven(maven, &error, release)),
        Err(_) => {
            return Err(EngineError::Timeout {
                what: format!("fetching Apache Kafka {} with mvn", release.number),
                waited_ms: u64::try_from(LIMIT.as_millis()).unwrap_or(u64::MAX),
                last_state: "mvn still runs".to_owned(),
            });
        }
    };
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let first = said
        .lines()
        .find(|line| line.contains("ERROR"))
        .unwrap_or("it says nothing");
    Err(EngineError::Environment {
        problem: format!("mvn does not fetch Apache Kafka {}: {first}", release.number),
        remedy: offline(release),
    })
}

fn no_maven(maven: &Path, error: &io::Error, release: Release) -> EngineError {
    EngineError::Environment {
        problem: format!("{} cannot be run to fetch Apache Kafka: {error}", maven.display()),
        remedy: format!("install Apache Maven, or {}", offline(release)),
    }
}

fn offline(release: Release) -> String {
    format!(
        "put the archive {} in place (see `broker-runtime kafka-bundle`)",
        release.archive_name()
    )
}

fn pom(number: &str) -> String {
    let dependency = |group: &str, artifact: &str, version: &str, rest: &str| {
        format!(
            "<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>{rest}</dependency>"
        )
    };
    // Whatever it needs is in it.
    let alone = "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>";
    let no_kafka =
        "<exclusions><exclusion><groupId>org.apache.kafka</groupId><artifactId>*</artifactId></exclusion></exclusions>";
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\
         <groupId>openmsk</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>\
         <dependencies>{}{}{}{}</dependencies></project>\n",
        dependency("org.apache.kafka", "kafka_2.13", number, ""),
        dependency("org.apache.kafka", "kafka-tools", number, no_kafka),
        dependency("org.apache.logging.log4j", "log4j-slf4j-impl", LOG4J, ""),
        dependency(
            "io.prometheus.jmx",
            "jmx_prometheus_javaagent",
            jmx_exporter::VERSION,
            alone
        ),
    )
}
