//! Clusters on more than three hosts: their controllers have processes of their own.

use std::time::Instant;

use engine::Engine;
use libtest_mimic::Trial;

use crate::{stage::Stage, trial};

pub fn trials() -> Vec<Trial> {
    vec![trial("controllers_of_four_hosts_have_processes_of_their_own", apart)]
}

async fn apart(stage: Stage) {
    let engine = stage.engine_with(stage.hosts.clone()).await;
    let mut spec = stage.spec(4);
    spec.zones = ["a", "b", "c", "b"].map(str::to_owned).to_vec();
    let begun = Instant::now();
    engine.ensure(&spec).await.unwrap();
    eprintln!("four brokers and three controllers serve after {:.1?}", begun.elapsed());
    let observed = engine.observe(stage.cluster_id).await.unwrap().unwrap();
    assert_eq!((observed.brokers.len(), observed.controllers.len()), (4, 3));
    let mut hosts: Vec<&str> = observed.brokers.iter().map(|broker| broker.host.as_str()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    assert_eq!(hosts.len(), 4, "each broker has a host of its own");
    let units: usize = stage.units_left().len();
    assert_eq!(units, 7, "controllers are in no broker's process");

    // They take up certificates and configurations as brokers do.
    spec.certificate_rotations = 1;
    spec.server_properties
        .insert("num.partitions".to_owned(), "2".to_owned());
    let begun = Instant::now();
    engine.ensure(&spec).await.unwrap();
    eprintln!("all of them were restarted, one by one, after {:.1?}", begun.elapsed());
    assert_eq!(engine.renew_certificates(stage.cluster_id).await.unwrap(), 0);
    drop(engine);

    let engine = stage.engine_with(stage.hosts.clone()).await;
    engine.ensure(&spec).await.unwrap();
    engine.remove(stage.cluster_id).await.unwrap();
    assert_eq!(stage.units_left(), Vec::<String>::new());
}
