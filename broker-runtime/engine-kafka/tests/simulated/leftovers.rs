//! Jars that no node needs are found on hosts, and are deleted only when somebody says so.

use std::sync::Arc;

use engine::{Engine, Leftovers};
use hosts::BundleDigest;

use crate::{engine, has_archive, host::SimulatedHosts, spec};

/// Hosts on which something was found.
fn hosts(leftovers: &Leftovers) -> Vec<&str> {
    let mut hosts: Vec<&str> = leftovers.found.iter().filter_map(|it| it.host.as_deref()).collect();
    hosts.sort_unstable();
    hosts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jars_go_once_no_node_names_them_and_somebody_says_so() {
    if !has_archive() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let fleet = SimulatedHosts::new(3);
    let engine = engine(folder.path(), Arc::new(fleet.clone())).await;
    let spec = spec(1, 3);
    engine.ensure(&spec).await.unwrap();
    assert_eq!(engine.leftovers(true).await.unwrap(), Leftovers::default());

    let stray = BundleDigest::new("a".repeat(64)).unwrap();
    fleet.put_stray_bundle("host-0000", &stray);
    for _ in 0..2 {
        let found = engine.leftovers(false).await.unwrap();
        assert_eq!(hosts(&found), ["host-0000"], "looking deletes nothing");
        assert!(found.found[0].what.contains("another build"), "{found:?}");
    }

    // Of a cluster that is being changed is not known what it needs.
    let mut restarted = spec.clone();
    restarted.reboots = [(1, 1), (3, 1)].into();
    let changing = tokio::spawn({
        let engine = Arc::clone(&engine);
        async move { engine.ensure(&restarted).await }
    });
    let found = loop {
        let found = engine.leftovers(false).await.unwrap();
        if !found.left_out.is_empty() {
            break found;
        }
        assert!(!changing.is_finished(), "the change was over before anybody looked");
    };
    assert_eq!(hosts(&found), Vec::<&str>::new());
    assert!(
        found.left_out[0].contains("\"cluster-1\", which is being changed"),
        "{found:?}"
    );
    changing.await.unwrap().unwrap();

    assert_eq!(hosts(&engine.leftovers(true).await.unwrap()), ["host-0000"]);
    assert_eq!(fleet.bundles_of("host-0000").len(), 1, "its node needs this one");
    engine.remove(spec.cluster_id).await.unwrap();
    fleet.lose("host-0001");
    let found = engine.leftovers(true).await.unwrap();
    assert_eq!(hosts(&found), ["host-0000", "host-0002"], "a dead host is not asked");
    assert!(found.found[0].what.starts_with("jars of Apache Kafka 4."), "{found:?}");
    assert_eq!(fleet.bundles_of("host-0000").len(), 0);
    assert_eq!(engine.leftovers(true).await.unwrap(), Leftovers::default());
}
