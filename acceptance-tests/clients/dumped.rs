//! What Apache Kafka's own tool makes of the log files of our brokers.

use std::{
    fs,
    path::{Path, PathBuf},
};

use acceptance_tests::{cluster::Cluster, java, program};
use anyhow::Result;

/// What `kafka-dump-log` prints of the log files in folders whose path contains `folder`.
pub fn dump_logs((java, jars): (&Path, &Path), cluster: &Cluster, decoder: &str, folder: &str) -> Result<String> {
    let clusters = cluster.workspace.runtime.data_dir().join("clusters");
    let mut found = Vec::new();
    find(&clusters, folder, &mut found)?;
    let files: Vec<String> = found.iter().map(|file| file.display().to_string()).collect();
    let mut command = java::program(java, jars, "org.apache.kafka.tools.DumpLogSegments");
    command.args([decoder, "--files", &files.join(",")]);
    Ok(program::succeed(&mut command, program::LIMIT)?.stdout)
}

/// Adds the log files that are not empty.
fn find(root: &Path, folder: &str, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(root)? {
        let path = entry?.path();
        let text = path.to_string_lossy().into_owned();
        if path.is_dir() {
            find(&path, folder, found)?;
        } else if text.contains(folder) && text.ends_with(".log") && path.metadata().is_ok_and(|it| it.len() > 0) {
            found.push(path);
        }
    }
    Ok(())
}
