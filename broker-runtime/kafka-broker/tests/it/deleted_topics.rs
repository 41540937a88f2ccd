//! What becomes of the files of a deleted topic.

use std::{fs, time::Duration};

use kafka_metadata::rpc::{ControllerRequest, ControllerResponse};

use crate::support::cluster::{TestCluster, eventually, values};

/// Directories of topic `t`.
fn directories(cluster: &TestCluster) -> Vec<String> {
    let entries = fs::read_dir(cluster.log_dir(1)).unwrap().map(Result::unwrap);
    let names = entries.map(|entry| entry.file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("t-0")).collect()
}

async fn delete(cluster: &TestCluster) {
    let request = ControllerRequest::DeleteTopics {
        topics: vec!["t".to_owned()],
    };
    let deleted = cluster.controller.ask(request).unwrap();
    assert!(matches!(deleted, ControllerResponse::Results(results) if results.iter().all(Result::is_ok)));
    eventually(|| async { (!directories(cluster).contains(&"t-0".to_owned())).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_a_deleted_topic_stay_for_a_while() {
    let mut cluster = TestCluster::start(1, &[]).await;
    cluster.create_topic("t", 1, 1, &[]).await;
    cluster.produce("t", 0, &values(0..3)).await;
    delete(&cluster).await;
    let left = directories(&cluster);
    assert!(left.len() == 1 && left[0].ends_with("-delete"), "{left:?}");
    cluster.create_topic("t", 1, 1, &[]).await;
    cluster.produce("t", 0, &values(3..5)).await;
    assert_eq!(cluster.consume("t", 0).await, values(3..5));
    cluster.kill_broker(1);
    cluster.start_broker(1);
    assert_eq!(cluster.consume("t", 0).await, values(3..5));
    assert_eq!(directories(&cluster), ["t-0"], "a start does not wait");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_a_deleted_topic_go_when_their_time_has_come() {
    let cluster = TestCluster::start(1, &[("log.segment.delete.delay.ms", "300")]).await;
    cluster.create_topic("t", 1, 1, &[]).await;
    cluster.produce("t", 0, &values(0..3)).await;
    delete(&cluster).await;
    let gone = || async { directories(&cluster).is_empty().then_some(()) };
    tokio::time::timeout(Duration::from_secs(10), eventually(gone))
        .await
        .unwrap();
}
