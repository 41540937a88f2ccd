//! Topics and users, through the controller.

use engine::{Engine, NewTopic, TopicError, TopicUpdate};
use libtest_mimic::Trial;

use crate::{
    stage::{Stage, properties},
    trial,
};

pub fn trials() -> Vec<Trial> {
    vec![
        trial("topic_is_created_changed_and_deleted", topic),
        trial("topics_of_no_cluster_cannot_be_reached", no_cluster),
    ]
}

async fn topic() {
    let stage = Stage::new();
    let engine = stage.engine().await;
    engine.ensure(&stage.spec(3)).await.unwrap();
    let (id, topics) = (stage.cluster_id, engine.topics());
    let new = NewTopic {
        name: "orders".to_owned(),
        partition_count: 3,
        replication_factor: 2,
        configs: properties(&[("retention.ms", "1000")]),
    };
    let created = topics.create_topic(id, &new).await.unwrap();
    assert_eq!(
        (created.summary.partition_count, created.summary.replication_factor),
        (3, 2)
    );
    assert!(
        created
            .partitions
            .iter()
            .all(|partition| partition.leader == partition.replicas.first().copied())
    );
    assert!(matches!(
        topics.create_topic(id, &new).await.unwrap_err(),
        TopicError::TopicExists(_)
    ));

    topics
        .update_topic(id, "orders", &TopicUpdate::PartitionCount(5))
        .await
        .unwrap();
    topics
        .update_topic(id, "orders", &TopicUpdate::PartitionCount(5))
        .await
        .unwrap();
    let fewer = topics
        .update_topic(id, "orders", &TopicUpdate::PartitionCount(2))
        .await
        .unwrap_err();
    assert!(matches!(fewer, TopicError::InvalidRequest(_)), "{fewer}");
    let configs = properties(&[("cleanup.policy", "delete")]);
    topics
        .update_topic(id, "orders", &TopicUpdate::Configs(configs.clone()))
        .await
        .unwrap();
    let described = topics.describe_topic(id, "orders").await.unwrap();
    assert_eq!((described.partitions.len(), described.configs), (5, configs));
    let wrong = TopicUpdate::Configs(properties(&[("retention.ms", "soon")]));
    let wrong = topics.update_topic(id, "orders", &wrong).await.unwrap_err();
    assert!(matches!(wrong, TopicError::InvalidRequest(_)), "{wrong}");

    topics.delete_topic(id, "orders").await.unwrap();
    assert!(topics.list_topics(id).await.unwrap().is_empty());
    for error in [
        topics.describe_topic(id, "orders").await.unwrap_err(),
        topics.delete_topic(id, "orders").await.unwrap_err(),
        topics
            .update_topic(id, "orders", &TopicUpdate::PartitionCount(9))
            .await
            .unwrap_err(),
    ] {
        assert!(matches!(error, TopicError::UnknownTopic(_)), "{error}");
    }
}

async fn no_cluster() {
    let stage = Stage::new();
    let engine = stage.engine().await;
    let error = engine.topics().list_topics(stage.cluster_id).await.unwrap_err();
    assert!(matches!(error, TopicError::ClusterConnectivity(_)), "{error}");
}
