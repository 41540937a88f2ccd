//! `broker-runtime logs`: log lines of the control plane, or of the brokers of a cluster.

use std::{
    collections::VecDeque,
    fs::File,
    io::{BufRead, BufReader, Seek, SeekFrom},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::{api_client::ApiClient, context::Context, output, status};

/// Pause between two looks at a file that is followed.
const PAUSE: Duration = Duration::from_millis(200);

/// Which lines are shown.
#[derive(Args, Debug)]
pub(crate) struct Logs {
    /// Name of a cluster; the control plane when absent.
    cluster: Option<String>,
    /// Id of a broker; all of them when absent.
    broker: Option<u32>,
    /// How many of the last lines of each file.
    #[arg(long, short = 'n', default_value_t = 100)]
    lines: usize,
    /// Go on as lines are written.
    #[arg(long, short)]
    follow: bool,
}

/// Prints the lines; a file's name stands before them when there are several.
pub(crate) fn run(context: &Context, logs: &Logs) -> Result<()> {
    let files = match &logs.cluster {
        None => vec![("control plane".to_owned(), context.data_dir.serve_log())],
        Some(cluster) => of_brokers(context, cluster, logs.broker)?,
    };
    let named = files.len() > 1;
    let mut open = Vec::new();
    for (name, path) in files {
        let prefix = if named { format!("{name}: ") } else { String::new() };
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if named => {
                output::line(&format!("{prefix}{} cannot be read: {error}", path.display()));
                continue;
            }
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
        };
        for line in last_lines(&mut file, logs.lines)? {
            output::line(&format!("{prefix}{line}"));
        }
        open.push((prefix, path, file));
    }
    if !logs.follow {
        return Ok(());
    }
    loop {
        thread::sleep(PAUSE);
        for (prefix, path, file) in &mut open {
            follow(prefix, path, file)?;
        }
    }
}

fn of_brokers(context: &Context, cluster: &str, broker: Option<u32>) -> Result<Vec<(String, PathBuf)>> {
    let client = ApiClient::running(&context.data_dir)?;
    let clusters = status::clusters(&client)?;
    let found = clusters.iter().find(|found| found["clusterName"] == *cluster);
    let Some(uuid) = found.and_then(|found| status::cluster_uuid(found["clusterArn"].as_str()?)) else {
        let names: Vec<String> = clusters
            .iter()
            .map(|found| output::text(&found["clusterName"]))
            .collect();
        bail!("there is no cluster {cluster:?}; there are {}", names.join(", "));
    };
    let directory = context.data_dir.clusters().join(uuid);
    let ours = status::broker_directories(&directory).into_iter();
    let ours = ours.map(|(id, path)| (id, path.join("broker.log")));
    let mut brokers: Vec<(u32, PathBuf)> = ours.chain(of_apache_kafka(context, uuid)).collect();
    brokers.sort();
    let files: Vec<_> = brokers
        .into_iter()
        .filter(|(id, _)| broker.is_none_or(|wanted| wanted == *id))
        .map(|(id, path)| (format!("broker {id}"), path))
        .collect();
    if files.is_empty() {
        bail!("cluster {cluster:?} has no such broker");
    }
    Ok(files)
}

/// Logs of the nodes of Apache Kafka that a cluster has on this machine.
fn of_apache_kafka(context: &Context, uuid: &str) -> Vec<(u32, PathBuf)> {
    let units = context.data_dir.host().join("units");
    let entries = std::fs::read_dir(units).into_iter().flatten().flatten();
    let prefix = format!("kafka-{uuid}-");
    let nodes = entries.filter_map(|entry| {
        let id = entry.file_name().to_str()?.strip_prefix(&prefix)?.parse().ok()?;
        Some((id, entry.path().join("server.log")))
    });
    nodes.collect()
}

fn last_lines(file: &mut File, count: usize) -> Result<VecDeque<String>> {
    let mut last = VecDeque::new();
    for line in BufReader::new(file).lines() {
        last.push_back(line?);
        if last.len() > count {
            last.pop_front();
        }
    }
    Ok(last)
}

/// Prints what has come since; a file that was set aside is followed by the one that took its place.
fn follow(prefix: &str, path: &Path, file: &mut File) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    for line in BufReader::new(&mut *file).lines() {
        output::line(&format!("{prefix}{}", line?));
    }
    if let (Ok(now), Ok(then)) = (path.metadata(), file.metadata())
        && (now.ino() != then.ino() || now.len() < file.stream_position()?)
    {
        *file = File::open(path)?;
        file.seek(SeekFrom::Start(0))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_are_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        std::fs::write(&path, "one\ntwo\nthree\n").unwrap();
        let mut file = File::open(&path).unwrap();
        assert_eq!(last_lines(&mut file, 2).unwrap(), ["two", "three"]);
        assert!(
            last_lines(&mut file, 2).unwrap().is_empty(),
            "the rest is what comes later"
        );
    }
}
