//! Clients of Kafka that come by other ways than those of most: sarama, KafkaJS, Debian's kcat, and the jars of Kafka Streams and
//! Kafka Connect.

use std::{
    fs,
    path::{Path, PathBuf},
};

use acceptance_tests::tools::Tools;
use anyhow::{Context, Result};

use crate::{
    step,
    tools::{KAFKA, dependency, go_program, installed, jars},
};

/// Gets them; `keep` takes down what is missing.
pub fn prepare(cache: &Path, tools: &mut Tools, keep: &mut impl FnMut(&str, Result<PathBuf>) -> Option<PathBuf>) {
    tools.sarama = keep(
        "sarama",
        step::step("sarama test client", || go_program(cache, "sarama", &["build"])),
    );
    tools.node = keep("node", installed("node", "install Node.js 18 or newer"));
    tools.kafkajs = keep("KafkaJS", step::step("KafkaJS from npm", || kafkajs(cache)));
    tools.kcat = keep("kcat", step::step("kcat of Debian", kcat));
    tools.kafka_streams_jars = keep(
        "Kafka Streams and Kafka Connect",
        step::step("Kafka Streams and Kafka Connect from Maven Central", || {
            kafka_streams(cache)
        }),
    );
}

/// A folder that Node looks for modules in.
fn kafkajs(cache: &Path) -> Result<PathBuf> {
    let project = step::repository().join("acceptance-tests/programs/kafkajs");
    let folder = cache.join("kafkajs");
    let modules = folder.join("node_modules");
    // The lock file goes last into the copy: where it is the same, everything has been installed.
    let (wanted, stamp) = (
        fs::read(project.join("package-lock.json"))?,
        folder.join("installed.json"),
    );
    if modules.is_dir() && fs::read(&stamp).is_ok_and(|have| have == wanted) {
        return Ok(modules);
    }
    let npm = installed("npm", "install npm, which comes with Node.js")?;
    fs::create_dir_all(&folder)?;
    for name in ["package.json", "package-lock.json"] {
        fs::copy(project.join(name), folder.join(name))?;
    }
    let mut command = step::program(npm);
    command
        .current_dir(&folder)
        .args(["ci", "--silent", "--no-audit", "--no-fund"]);
    step::quietly(&mut command)?;
    fs::write(stamp, wanted)?;
    Ok(modules)
}

/// The one that is installed; Debian's package where this user may install it.
fn kcat() -> Result<PathBuf> {
    let advice = "install Debian's package kcat";
    if let Some(path) = step::find("kcat") {
        return Ok(path);
    }
    let apt = installed("apt-get", advice)?;
    let run = |arguments: &[&str]| {
        let mut command = step::program(&apt);
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        step::quietly(&mut command).map(drop).context(advice)
    };
    let install = ["install", "--yes", "--quiet", "--no-install-recommends", "kcat"];
    // A machine that is new may not know yet which packages there are.
    run(&install).or_else(|_| run(&["update", "--quiet"]).and_then(|()| run(&install)))?;
    installed("kcat", advice)
}

fn kafka_streams(cache: &Path) -> Result<PathBuf> {
    let artifacts = ["kafka-streams", "connect-runtime", "connect-file"];
    let dependencies = artifacts.map(|artifact| dependency("org.apache.kafka", artifact, KAFKA, ""));
    jars(cache, "kafka-streams", &dependencies.concat())
}
