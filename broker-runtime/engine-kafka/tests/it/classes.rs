//! Classes are archived once a cluster is established, and the next node on that host has them from the archive: the system says that
//! its Java has mapped the file.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use engine::{Engine, Exporters};
use libtest_mimic::Trial;
use uuid::Uuid;

use crate::{stage::Stage, trial};

pub fn trials() -> Vec<Trial> {
    vec![trial("nodes_have_their_classes_from_an_archive", archived)]
}

/// How long an archive may take on a machine that is busy.
const LIMIT: Duration = Duration::from_secs(180);
const LOOK_AGAIN: Duration = Duration::from_millis(200);

async fn archived(stage: Stage) {
    let engine = stage.engine_that_archives(Duration::ZERO).await;
    let mut first = stage.spec(1);
    // The agent of the page of metrics is loaded before any class of Kafka.
    first.exporters = Exporters { jmx: true, node: false };
    engine.ensure(&first).await.unwrap();
    assert_eq!(
        mapped(&stage).await,
        Vec::<String>::new(),
        "nothing has been archived yet"
    );
    let archive = wait_for_archive(&stage).await;
    let bytes = fs::metadata(&archive).unwrap().len();
    assert!(bytes > 20 << 20, "{bytes} bytes are not the classes of Kafka");
    engine.remove(first.cluster_id).await.unwrap();
    assert_eq!(stage.units_left(), Vec::<String>::new(), "nothing of it is in a unit");

    let mut second = first.clone();
    second.cluster_id = Uuid::new_v4();
    engine.ensure(&second).await.unwrap();
    assert_eq!(mapped(&stage).await, [archive.display().to_string()]);
    engine.remove(second.cluster_id).await.unwrap();
    assert_eq!(stage.units_left(), Vec::<String>::new(), "nothing is left on any host");
}

/// The archive, once it is in its place and the node is told of it.
async fn wait_for_archive(stage: &Stage) -> PathBuf {
    let begun = Instant::now();
    loop {
        let found = stage.archives();
        assert!(found.len() <= 1, "{found:?}");
        if let Some(archive) = found.into_iter().next() {
            eprintln!("archived after {:.1} s", begun.elapsed().as_secs_f64());
            return archive;
        }
        assert!(begun.elapsed() < LIMIT, "there is no archive after {LIMIT:?}");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Archives that processes of nodes have mapped.
async fn mapped(stage: &Stage) -> Vec<String> {
    let mut paths = Vec::new();
    for host in &stage.hosts.0 {
        for pid in host.units().await.unwrap().iter().filter_map(|status| status.pid) {
            let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
            let files = maps.lines().filter_map(|line| line.split_whitespace().nth(5));
            paths.extend(
                files
                    .filter(|path| path.contains("/bundles/") && path.ends_with(".jsa"))
                    .map(str::to_owned),
            );
        }
    }
    paths.sort();
    paths.dedup();
    paths
}
