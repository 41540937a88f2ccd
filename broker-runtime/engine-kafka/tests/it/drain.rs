//! A host is drained: what it has moves to another one while clients write.

use std::sync::Arc;

use engine::{Engine, NewTopic};
use hosts::{Host, HostState};
use libtest_mimic::Trial;

use crate::{
    clients::{self, Writer},
    hosts_of_tests::Seen,
    stage::{Hosts, Stage},
    trial,
};

pub fn trials() -> Vec<Trial> {
    vec![trial("drained_host_is_emptied_and_nothing_is_lost", drained)]
}

async fn drained(stage: Stage) {
    let engine = stage.engine().await;
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
    let before = engine.observe(stage.cluster_id).await.unwrap().unwrap();
    let mut alone = Writer::begin(&stage, &before, "alone", "before").end();
    let mut orders = Writer::begin(&stage, &before, "orders", "before").end();
    assert!(
        !engine.relocate(&spec).await.unwrap(),
        "everything is where it should be"
    );
    drop(engine);

    // Nowhere to go: nothing is touched, and the reason is said.
    let drained = stage.hosts.0[1].facts().host_id;
    let drain = |hosts: &[Arc<dyn Host>]| {
        let hosts = hosts.iter().map(|host| {
            let state = (host.facts().host_id == drained).then_some(HostState::Draining);
            Arc::new(Seen::new(Arc::clone(host), state)) as Arc<dyn Host>
        });
        Hosts(hosts.collect())
    };
    let engine = stage.engine_with(drain(&stage.hosts.0[..3])).await;
    let refused = engine.relocate(&spec).await.unwrap_err().to_string();
    assert!(
        refused.contains("zone \"b\" has no host that takes brokers"),
        "{refused}"
    );
    let untouched = engine.observe(stage.cluster_id).await.unwrap().unwrap();
    assert_eq!(untouched.brokers[1].pid, before.brokers[1].pid);
    drop(engine);

    // With another host in the zone the broker, which is a controller too, moves.
    let engine = stage.engine_with(drain(&stage.hosts.0)).await;
    let during = Writer::begin(&stage, &before, "orders", "during");
    assert_eq!(engine.placed().unwrap()[&drained], 1);
    assert!(engine.relocate(&spec).await.unwrap());
    assert!(!engine.relocate(&spec).await.unwrap(), "it is empty");
    orders.extend(during.end());
    assert!(!engine.placed().unwrap().contains_key(&drained));
    assert_eq!(
        stage.hosts.0[1].units().await.unwrap().len(),
        0,
        "nothing is left there"
    );
    let after = engine.observe(stage.cluster_id).await.unwrap().unwrap();
    assert_eq!(after.brokers[1].host, stage.hosts.0[3].facts().address.to_string());
    assert_eq!(after.brokers[1].zone, "b");
    for name in ["orders", "alone"] {
        let topic = engine.topics().describe_topic(stage.cluster_id, name).await.unwrap();
        for partition in topic.partitions {
            assert_eq!(partition.isr.len(), partition.replicas.len(), "{name}: {partition:?}");
        }
    }
    alone.extend(Writer::begin(&stage, &after, "alone", "after").end());
    clients::expect_all(&stage, &after, "orders", &orders);
    clients::expect_all(&stage, &after, "alone", &alone);
    engine.remove(stage.cluster_id).await.unwrap();
    assert_eq!(stage.units_left(), Vec::<String>::new());
}
