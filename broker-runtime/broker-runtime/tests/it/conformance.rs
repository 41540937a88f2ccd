//! The embedded engine does what all engines do.

use std::sync::Arc;

use clock::SystemClock;
use engine::{ScramCredential, ScramMechanism, ScramUser, Secret};

use crate::real_brokers::Stage;

fn user(name: &str) -> ScramUser {
    let credential = |mechanism, bytes| ScramCredential {
        mechanism,
        salt: b"salt of a user".to_vec(),
        iterations: 4096,
        salted_password: Secret::new(vec![7; bytes]),
    };
    ScramUser {
        name: name.to_owned(),
        credentials: vec![
            credential(ScramMechanism::Sha256, 32),
            credential(ScramMechanism::Sha512, 64),
        ],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn engine_conforms() {
    let mut stage = Stage::new(1);
    stage.spec.zones = ["a", "b", "c"].map(str::to_owned).to_vec();
    stage.spec.scram_users = vec![user("app"), user("other")];
    stage
        .spec
        .server_properties
        .insert("min.insync.replicas".to_owned(), "1".to_owned());
    let engine = stage.engine_with(Arc::new(SystemClock)).await;
    engine::conformance::life_of_a_cluster(&*engine, &stage.spec).await;
    engine.close().await;
}
