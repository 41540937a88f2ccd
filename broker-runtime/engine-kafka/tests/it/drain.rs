//! A host is drained: what it has moves to another one while clients write.

use std::{sync::Arc, time::Duration};

use engine::{ClusterSpec, Engine, NewTopic};
use engine_kafka::KafkaEngine;
use hosts::{Host, HostState, UnitPhase};
use libtest_mimic::Trial;

use crate::{
    clients::{self, Writer},
    hosts_of_tests::Seen,
    stage::{Hosts, Stage},
    trial,
};

/// The host that is drained.
const DRAINED: usize = 1;

pub fn trials() -> Vec<Trial> {
    vec![trial("drained_host_is_emptied_and_nothing_is_lost", drained)]
}

async fn drained(stage: Stage) {
    let engine = stage.engine().await;
    let spec = cluster_with_topics(&stage, &engine).await;
    let before = engine.observe(stage.cluster_id).await.unwrap().unwrap();
    let mut alone = Writer::begin(&stage, &before, "alone", "before").end();
    let mut orders = Writer::begin(&stage, &before, "orders", "before").end();
    let idle = engine.relocate(&spec).await.unwrap();
    assert!(!idle, "everything is where it should be");
    drop(engine);

    // Nowhere to go: nothing is touched, and the reason is said.
    let engine = stage.engine_with(draining(&stage.hosts.0[..3])).await;
    let refused = engine.relocate(&spec).await.unwrap_err().to_string();
    assert!(refused.contains("zone \"b\" has no host that takes"), "{refused}");
    let untouched = engine.observe(stage.cluster_id).await.unwrap().unwrap();
    assert_eq!(untouched.brokers[1].pid, before.brokers[1].pid);
    drop(engine);

    // With another host in the zone the broker, which is a controller too, moves. One who is gone while it stops leaves it there.
    let during = Writer::begin(&stage, &before, "orders", "during");
    let drained = stage.hosts.0[DRAINED].facts().host_id;
    let hosts = draining(&stage.hosts.0);
    let engine = stage.engine_with(hosts.clone()).await;
    cut_off(engine, &spec, async |_| stops(&stage).await).await;
    let engine = stage.engine_with(hosts.clone()).await;
    engine.ensure(&spec).await.unwrap();
    assert_eq!(engine.placed().unwrap()[&drained], 1);
    assert!(!stops(&stage).await, "it serves where it was");
    // One who is gone once its place is written down leaves the rest to the next.
    let is_placed = async |engine: &KafkaEngine| !engine.placed().unwrap().contains_key(&drained);
    cut_off(engine, &spec, is_placed).await;
    let engine = stage.engine_with(hosts).await;
    assert!(engine.relocate(&spec).await.unwrap(), "it is not settled");
    assert!(!engine.relocate(&spec).await.unwrap(), "it is empty");
    orders.extend(during.end());

    let after = engine.observe(stage.cluster_id).await.unwrap().unwrap();
    let host = stage.hosts.0[3].facts().address.to_string();
    assert_eq!((&after.brokers[1].host, after.brokers[1].zone.as_str()), (&host, "b"));
    let left = stage.hosts.0[DRAINED].units().await.unwrap();
    assert!(left.is_empty(), "nothing is left there: {left:?}");
    expect_in_sync(&stage, &engine).await;
    alone.extend(Writer::begin(&stage, &after, "alone", "after").end());
    clients::expect_all(&stage, &after, "orders", &orders);
    clients::expect_all(&stage, &after, "alone", &alone);
    engine.remove(stage.cluster_id).await.unwrap();
    assert_eq!(stage.units_left(), Vec::<String>::new());
}

/// Three brokers, a topic that all of them have and one whose partitions have one replica each.
async fn cluster_with_topics(stage: &Stage, engine: &KafkaEngine) -> ClusterSpec {
    let mut spec = stage.spec(3);
    spec.listeners.plaintext = true;
    let opened = ("allow.everyone.if.no.acl.found".to_owned(), "true".to_owned());
    spec.server_properties.extend([opened]);
    engine.ensure(&spec).await.unwrap();
    for (name, replication_factor) in [("orders", 3), ("alone", 1)] {
        let topic = NewTopic {
            name: name.to_owned(),
            partition_count: 3,
            replication_factor,
            configs: std::collections::BTreeMap::new(),
        };
        engine.topics().create_topic(stage.cluster_id, &topic).await.unwrap();
    }
    spec
}

/// Hosts, one of which is to be emptied.
fn draining(hosts: &[Arc<dyn Host>]) -> Hosts {
    let hosts = hosts.iter().enumerate().map(|(index, host)| {
        let state = (index == DRAINED).then_some(HostState::Draining);
        Arc::new(Seen::new(Arc::clone(host), state)) as Arc<dyn Host>
    });
    Hosts(hosts.collect())
}

async fn expect_in_sync(stage: &Stage, engine: &KafkaEngine) {
    for name in ["orders", "alone"] {
        let topic = engine.topics().describe_topic(stage.cluster_id, name).await.unwrap();
        for partition in topic.partitions {
            assert_eq!(partition.isr.len(), partition.replicas.len(), "{name}: {partition:?}");
        }
    }
}

/// Begins to move a node, and is gone at this moment.
async fn cut_off(engine: Arc<KafkaEngine>, spec: &ClusterSpec, is_now: impl AsyncFn(&KafkaEngine) -> bool) {
    let relocating = tokio::spawn({
        let (engine, spec) = (Arc::clone(&engine), spec.clone());
        async move { engine.relocate(&spec).await }
    });
    while !is_now(&engine).await {
        assert!(!relocating.is_finished(), "it ends later");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    relocating.abort();
    assert!(relocating.await.unwrap_err().is_cancelled());
}

/// Whether what runs on the drained host is being stopped, or has been.
async fn stops(stage: &Stage) -> bool {
    let units = stage.hosts.0[DRAINED].units().await.unwrap();
    units
        .iter()
        .any(|status| matches!(status.phase, UnitPhase::Stopping | UnitPhase::Stopped))
}
