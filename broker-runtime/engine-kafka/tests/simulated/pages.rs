//! Pages of metrics of machines: one beside each broker, which come and go without it and are where it is.

use std::{collections::BTreeMap, fs, sync::Arc};

use engine::{BrokerState, ClusterSpec, Engine};
use engine_kafka::KafkaEngine;
use hosts::UnitName;

use crate::{engine, has_archive, host::SimulatedHosts, spec};

struct Stage {
    folder: tempfile::TempDir,
    fleet: SimulatedHosts,
    engine: Arc<KafkaEngine>,
}

impl Stage {
    /// `None` where there is no archive of Apache Kafka.
    async fn new(hosts: usize) -> Option<Self> {
        if !has_archive() {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let fleet = SimulatedHosts::new(hosts);
        let engine = engine(folder.path(), Arc::new(fleet.clone())).await;
        Some(Self { folder, fleet, engine })
    }

    /// The control plane ends, and the next one begins.
    async fn next_engine(&mut self) {
        self.engine = engine(self.folder.path(), Arc::new(self.fleet.clone())).await;
    }

    async fn ensure(&self, spec: &ClusterSpec) {
        self.engine.ensure(spec).await.unwrap();
        let observed = self.engine.observe(spec.cluster_id).await.unwrap().unwrap();
        let serving = observed.brokers.iter().filter(|it| it.state == BrokerState::Running);
        assert_eq!(serving.count(), spec.broker_count as usize);
    }

    /// Hosts and ports of all pages.
    fn pages(&self) -> Vec<(String, u16)> {
        let pages = self.fleet.pages().into_iter();
        pages.map(|(host, address)| (host, address.port())).collect()
    }

    fn starts(&self) -> BTreeMap<UnitName, usize> {
        self.fleet.starts()
    }
}

/// Hosts by number, and ports.
fn at(pages: &[(u32, u16)]) -> Vec<(String, u16)> {
    let named = pages.iter().map(|(host, port)| (format!("host-{host:04}"), *port));
    named.collect()
}

#[tokio::test]
async fn pages_come_and_go_in_place_and_brokers_go_on() {
    let Some(mut stage) = Stage::new(3).await else { return };
    let (mut first, mut second) = (spec(1, 3), spec(2, 3));
    stage.ensure(&first).await;
    second.exporters.node = true;
    stage.ensure(&second).await;
    let of_second = at(&[(0, 11_012), (1, 11_012), (2, 11_012)]);
    assert_eq!(stage.pages(), of_second, "as the other ports of a second row");
    let before = stage.starts();
    assert_eq!(before.len(), 6);
    first.exporters.node = true;
    stage.ensure(&first).await;
    stage.ensure(&first).await;
    let [a, b, c] = [0, 1, 2].map(|host| [(host, 11_002), (host, 11_012)]);
    assert_eq!(stage.pages(), at(&[a, b, c].concat()));
    stage.next_engine().await;
    first.exporters.node = false;
    stage.ensure(&first).await;
    assert_eq!(stage.pages(), of_second);
    assert_eq!(stage.starts(), before, "no broker was restarted for it");
    assert_eq!(stage.fleet.units().await, 9);
    for spec in [first, second] {
        stage.engine.remove(spec.cluster_id).await.unwrap();
    }
    assert_eq!(stage.fleet.units().await, 0, "nothing is left on any host");
}

#[tokio::test]
async fn broker_that_leaves_takes_its_page_with_it() {
    let Some(stage) = Stage::new(3).await else { return };
    let mut spec = spec(1, 6);
    spec.exporters.node = true;
    stage.ensure(&spec).await;
    assert_eq!(stage.pages().len(), 6);
    let before = stage.starts();
    spec.broker_count = 4;
    stage.ensure(&spec).await;
    assert_eq!(stage.pages(), at(&[(0, 11_002), (0, 11_012), (1, 11_002), (2, 11_002)]));
    assert_eq!(stage.fleet.units().await, 8);
    // Controllers that are brokers no more have no page either.
    spec.broker_count = 2;
    stage.ensure(&spec).await;
    assert_eq!(stage.pages(), at(&[(0, 11_002), (1, 11_002)]));
    assert_eq!(stage.fleet.units().await, 5, "three nodes, two of them brokers");
    let now = stage.starts();
    for (unit, started) in now.iter().take(2) {
        assert_eq!(started, &before[unit], "{unit} goes on");
    }
    stage.engine.remove(spec.cluster_id).await.unwrap();
    assert_eq!(stage.fleet.units().await, 0, "nothing is left on any host");
}

#[tokio::test]
async fn port_that_is_taken_is_told_before_any_page_is_started() {
    let Some(stage) = Stage::new(3).await else { return };
    let mut spec = spec(1, 3);
    stage.ensure(&spec).await;
    let before = stage.starts();
    stage.fleet.take_ports("host-0002", true);
    spec.exporters.node = true;
    let refused = stage.engine.ensure(&spec).await.unwrap_err().to_string();
    for word in [
        ":11002 on host host-0002",
        "broker 3 of cluster \"cluster-1\"",
        "page of metrics",
        "end it, then try again",
    ] {
        assert!(refused.contains(word), "{word:?} is not in {refused:?}");
    }
    assert_eq!(stage.pages(), at(&[]));
    stage.fleet.take_ports("host-0002", false);
    stage.ensure(&spec).await;
    assert_eq!(stage.pages(), at(&[(0, 11_002), (1, 11_002), (2, 11_002)]));
    // Its own process is nothing that is in the way.
    stage.fleet.take_ports("host-0002", true);
    stage.ensure(&spec).await;
    assert_eq!(stage.starts(), before);
}

/// Three brokers that are controllers, and three on hosts of their own that are not.
async fn six_brokers() -> Option<(Stage, ClusterSpec)> {
    let stage = Stage::new(6).await?;
    let mut spec = spec(1, 3);
    spec.exporters.node = true;
    stage.ensure(&spec).await;
    spec.broker_count = 6;
    stage.ensure(&spec).await;
    let all: Vec<_> = (0..6).map(|host| (host, 11_002)).collect();
    assert_eq!(stage.pages(), at(&all));
    Some((stage, spec))
}

/// Where the pages are once the broker of the fourth host is on the first one.
const MOVED: [(u32, u16); 6] = [
    (0, 11_002),
    (0, 11_012),
    (1, 11_002),
    (2, 11_002),
    (4, 11_002),
    (5, 11_002),
];

#[tokio::test]
async fn page_is_where_its_broker_comes_when_a_host_dies() {
    let Some((stage, spec)) = six_brokers().await else {
        return;
    };
    stage.fleet.lose("host-0003");
    stage.ensure(&spec).await;
    assert_eq!(stage.pages(), at(&MOVED));
    assert_eq!(stage.fleet.units_of("host-0003"), 2, "nobody can remove what is there");
    stage.fleet.find_again("host-0003");
    stage.ensure(&spec).await;
    assert_eq!(stage.fleet.units_of("host-0003"), 0);
    assert_eq!(stage.pages(), at(&MOVED));
    stage.engine.remove(spec.cluster_id).await.unwrap();
    assert_eq!(stage.fleet.units().await, 0, "nothing is left on any host");
}

#[tokio::test]
async fn page_leaves_a_host_that_is_drained_with_its_broker() {
    let Some((stage, spec)) = six_brokers().await else {
        return;
    };
    stage.fleet.drain("host-0003");
    assert!(stage.engine.relocate(&spec).await.unwrap());
    assert_eq!(stage.pages(), at(&MOVED));
    assert_eq!(stage.fleet.units_of("host-0003"), 0);
    assert!(!stage.engine.relocate(&spec).await.unwrap(), "nothing is left to do");
}

#[tokio::test]
async fn page_that_nobody_has_written_down_is_found_and_goes() {
    let Some(mut stage) = Stage::new(3).await else { return };
    let mut spec = spec(1, 3);
    spec.exporters.node = true;
    stage.ensure(&spec).await;
    fs::remove_dir_all(stage.folder.path().join("clusters")).unwrap();
    stage.next_engine().await;
    assert_eq!(stage.engine.list().await.unwrap(), [spec.cluster_id]);
    stage.engine.remove(spec.cluster_id).await.unwrap();
    assert_eq!(stage.fleet.units().await, 0, "nothing is left on any host");
}
