//! A cluster gets a newer version while clients write, and the control plane is killed in between.

use std::{sync::Arc, time::Duration};

use engine::{Engine, NewTopic, Step};
use libtest_mimic::Trial;

use crate::{
    clients::{self, Writer},
    stage::Stage,
    trial,
};

pub fn trials() -> Vec<Trial> {
    vec![trial("version_is_changed_under_load_and_finalised", upgraded)]
}

async fn upgraded(stage: Stage) {
    let engine = stage.engine().await;
    let mut spec = stage.spec(3);
    spec.listeners.plaintext = true;
    let opened = ("allow.everyone.if.no.acl.found".to_owned(), "true".to_owned());
    spec.server_properties.extend([opened]);
    engine.ensure(&spec).await.unwrap();
    let topic = NewTopic {
        name: "orders".to_owned(),
        partition_count: 3,
        replication_factor: 3,
        configs: [("min.insync.replicas".to_owned(), "2".to_owned())].into(),
    };
    engine.topics().create_topic(stage.cluster_id, &topic).await.unwrap();
    let observed = engine.observe(stage.cluster_id).await.unwrap().unwrap();
    assert_eq!(clients::level(&stage, &observed, "metadata.version"), "4.1-IV1");
    let mut written = Writer::begin(&stage, &observed, "orders", "before").end();

    let during = Writer::begin(&stage, &observed, "orders", "during");
    let old = spec.clone();
    spec.kafka_version = "4.2.x.kraft".to_owned();
    let upgrading = tokio::spawn({
        let (engine, spec) = (Arc::clone(&engine), spec.clone());
        async move { engine.ensure(&spec).await }
    });
    // The first node is done, the second is being restarted: whoever does it is gone.
    loop {
        let progress = engine.progress(stage.cluster_id);
        if progress.is_some_and(|progress| progress.step == Step::RestartBrokers && progress.done == 1) {
            break;
        }
        assert!(!upgrading.is_finished(), "it ends later");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    upgrading.abort();
    assert!(upgrading.await.unwrap_err().is_cancelled());
    drop(engine);

    let engine = stage.engine().await;
    assert_eq!(
        clients::level(&stage, &observed, "metadata.version"),
        "4.1-IV1",
        "not before all have the version"
    );
    engine.ensure(&spec).await.unwrap();
    written.extend(during.end());
    let observed = engine.observe(stage.cluster_id).await.unwrap().unwrap();
    assert_eq!(clients::level(&stage, &observed, "metadata.version"), "4.2-IV1");
    assert_eq!(clients::level(&stage, &observed, "share.version"), "1");
    written.extend(Writer::begin(&stage, &observed, "orders", "after").end());
    clients::expect_all(&stage, &observed, "orders", &written);

    // There is no way back.
    for refused in [engine.validate(&old), engine.ensure(&old).await] {
        let refused = refused.unwrap_err().to_string();
        assert!(
            refused.contains("cannot go back from Apache Kafka 4.2.0 to 4.1.1"),
            "{refused}"
        );
    }
    engine.remove(stage.cluster_id).await.unwrap();
    assert_eq!(stage.units_left(), Vec::<String>::new());
}
