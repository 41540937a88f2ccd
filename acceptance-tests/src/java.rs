//! Short-lived programs of Java: Apache Kafka's tools, and ours with its clients.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{binaries, folder, program};

/// For a machine that soon ends: little memory, compiled at once rather than well. What it says of itself does not go where the program
/// prints.
const FLAGS: [&str; 5] = [
    "-Xmx256m",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-Xlog:disable",
    "-Xlog:all=warning:stderr",
];

/// Classes of the clients as they are in memory, beside the jars: a program starts in half the time. One that another Java has written
/// is passed over.
const ARCHIVE: &str = "clients.jsa";

/// A client that finds nobody has loaded what clients load.
const NOBODY: &str = "default.api.timeout.ms=1500\nrequest.timeout.ms=1000\nsecurity.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\n\
    sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username=\"a\" password=\"b\";\n";

/// A class, or a source file, with the jars of this folder.
pub fn program(java: &Path, jars: &Path, main: impl AsRef<OsStr>) -> Command {
    with_class_path(java, jars, jars.join("*"), main)
}

/// The same with a class path that begins with the jars of the folder.
pub fn with_class_path(java: &Path, jars: &Path, path: impl AsRef<OsStr>, main: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(java);
    command.args(FLAGS);
    let archive = jars.join(ARCHIVE);
    if archive.exists() {
        command.arg(format!("-XX:SharedArchiveFile={}", archive.display()));
    }
    command.arg("-cp").arg(path).arg(main);
    command
}

/// A source file of ours.
pub fn source(name: &str) -> PathBuf {
    binaries::repository().join("acceptance-tests/programs/java").join(name)
}

/// Writes the archive, unless it is there.
pub fn archive_classes(java: &Path, jars: &Path) -> Result<()> {
    let archive = jars.join(ARCHIVE);
    if archive.exists() {
        return Ok(());
    }
    let temporary = folder::fresh("openmsk-classes-")?;
    let properties = temporary.path().join("client.properties");
    fs::write(&properties, NOBODY)?;
    // Its name is its own until it is whole.
    let written = jars.join(format!("{ARCHIVE}.{}", std::process::id()));
    let mut command = Command::new(java);
    command
        .args(FLAGS)
        .arg(format!("-XX:ArchiveClassesAtExit={}", written.display()))
        .arg("-cp")
        .arg(jars.join("*"))
        .args(["org.apache.kafka.tools.TopicCommand", "--list"])
        .args(["--bootstrap-server", "127.0.0.1:1", "--command-config"])
        .arg(properties);
    let finished = program::run(&mut command, program::LIMIT)?;
    fs::rename(&written, &archive).with_context(|| format!("no archive of classes: {}", finished.text()))
}
