//! Archives of classes: made once on each host for each Java, in the background, and no reason for anything to fail.

use std::{sync::Arc, time::Duration};

use engine::{BrokerState, ClusterSpec, Engine};
use engine_kafka::KafkaEngine;

use crate::{
    engine_that_archives, has_archive,
    host::{Quirks, SimulatedHosts},
    spec,
};

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(60);
/// Flags of Java of a node, below its directory.
const OPTIONS: &str = "java.options";

struct Stage {
    _folder: tempfile::TempDir,
    fleet: SimulatedHosts,
    engine: Arc<KafkaEngine>,
}

impl Stage {
    /// Three hosts, and an engine that archives at once.
    async fn new(quirks: Quirks) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let fleet = SimulatedHosts::with(3, quirks);
        let engine = engine_that_archives(folder.path(), Arc::new(fleet.clone()), Duration::ZERO).await;
        Self {
            _folder: folder,
            fleet,
            engine,
        }
    }

    async fn ensure(&self, spec: &ClusterSpec) {
        self.engine.ensure(spec).await.unwrap();
        let observed = self.engine.observe(spec.cluster_id).await.unwrap().unwrap();
        let serving = observed.brokers.iter().filter(|it| it.state == BrokerState::Running);
        assert_eq!(serving.count(), spec.broker_count as usize);
    }

    async fn until(&self, what: &str, holds: impl Fn(&SimulatedHosts) -> bool) {
        let waiting = async {
            while !holds(&self.fleet) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(LIMIT, waiting).await;
        let seen = (self.fleet.archives(), self.fleet.files(OPTIONS));
        assert!(waited.is_ok(), "{what}: {seen:?}");
    }

    /// Waits until this many nodes have an archive to start with.
    async fn until_told(&self, nodes: usize) {
        let told = |fleet: &SimulatedHosts| options_with(fleet, "-XX:SharedArchiveFile=") == nodes;
        self.until("nodes are told of their archives", told).await;
    }
}

fn options_with(fleet: &SimulatedHosts, flag: &str) -> usize {
    let options = fleet.files(OPTIONS);
    options.iter().filter(|text| text.contains(flag)).count()
}

#[tokio::test]
async fn archive_is_made_once_on_a_host_and_another_java_has_another_one() {
    if !has_archive() {
        return;
    }
    let stage = Stage::new(Quirks::default()).await;
    let mut first = spec(1, 3);
    stage.ensure(&first).await;
    stage.until_told(3).await;
    assert_eq!(stage.fleet.archives_begun(), 3, "one on each host");
    let second = spec(2, 3);
    stage.ensure(&second).await;
    assert_eq!(
        options_with(&stage.fleet, "-XX:SharedArchiveFile="),
        6,
        "it is there from the start"
    );
    assert_eq!(options_with(&stage.fleet, "-XX:DumpLoadedClassList="), 0);
    stage.fleet.install_java("openjdk version \"21.0.1\" 2023-10-17\n");
    // Nothing else than that has changed, and nothing is restarted for it.
    stage.ensure(&first).await;
    assert_eq!(stage.fleet.archives_begun(), 3);
    let of_the_old_java = stage.fleet.archives();
    assert_eq!(of_the_old_java.len(), 3);
    first.reboots = [(1, 1), (2, 1), (3, 1)].into();
    stage.ensure(&first).await;
    stage
        .until("archives of the new Java instead of those of the old one", |fleet| {
            let archives = fleet.archives();
            archives.len() == 3 && of_the_old_java.iter().all(|path| !archives.contains(path))
        })
        .await;
    assert_eq!(stage.fleet.archives_begun(), 6);
    for spec in [first, second] {
        stage.engine.remove(spec.cluster_id).await.unwrap();
    }
    assert_eq!(stage.fleet.units().await, 0, "nothing is left on any host");
}

#[tokio::test]
async fn java_that_makes_no_archive_runs_clusters_without_and_is_asked_once() {
    if !has_archive() {
        return;
    }
    let stage = Stage::new(Quirks {
        archives_nothing: true,
        ..Quirks::default()
    })
    .await;
    for number in 1..=2 {
        stage.ensure(&spec(number, 3)).await;
        stage
            .until("it was tried on each host", |fleet| fleet.archives_begun() == 3)
            .await;
    }
    assert_eq!(stage.fleet.archives(), Vec::<String>::new());
    assert_eq!(options_with(&stage.fleet, "-XX:SharedArchiveFile="), 0);
}

#[tokio::test]
async fn cluster_that_goes_while_its_classes_are_archived_leaves_nothing() {
    if !has_archive() {
        return;
    }
    let stage = Stage::new(Quirks {
        archives_for_ever: true,
        ..Quirks::default()
    })
    .await;
    let spec = spec(1, 3);
    stage.ensure(&spec).await;
    stage
        .until("it is under way", |fleet| fleet.archives_begun() == 1)
        .await;
    let removal = stage.engine.remove(spec.cluster_id);
    tokio::time::timeout(LIMIT, removal)
        .await
        .expect("it waits for an archive")
        .unwrap();
    assert_eq!(stage.fleet.units().await, 0, "nothing is left on any host");
    assert_eq!(stage.fleet.archives(), Vec::<String>::new());
}
