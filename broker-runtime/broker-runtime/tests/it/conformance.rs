//! The embedded engine does what all engines do.

use std::sync::Arc;

use clock::SystemClock;

use crate::real_brokers::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn engine_conforms() {
    let mut stage = Stage::new(1);
    stage.spec.zones = ["a", "b", "c"].map(str::to_owned).to_vec();
    stage.spec.scram_users = engine::conformance::users();
    stage
        .spec
        .server_properties
        .insert("min.insync.replicas".to_owned(), "1".to_owned());
    let engine = stage.engine_with(Arc::new(SystemClock)).await;
    engine::conformance::life_of_a_cluster(&*engine, &stage.spec).await;
    engine.close().await;
}
