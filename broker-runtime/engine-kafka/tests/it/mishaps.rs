//! What goes wrong, and what is said then.

use engine::Engine;
use libtest_mimic::Trial;

use crate::{
    stage::{Hosts, Stage},
    trial,
};

pub fn trials() -> Vec<Trial> {
    vec![trial("zone_without_a_host_is_refused_before_anything_is_made", no_host)]
}

async fn no_host(stage: Stage) {
    let engine = stage.engine_with(Hosts(stage.hosts.0[..2].to_vec())).await;
    let refused = engine.validate(&stage.spec(3)).unwrap_err().to_string();
    assert!(refused.contains("zone \"c\" has no host"), "{refused}");
    let refused = engine.ensure(&stage.spec(3)).await.unwrap_err().to_string();
    assert!(refused.contains("there are some in a, b"), "{refused}");
    assert_eq!(stage.units_left(), Vec::<String>::new());
    assert_eq!(engine.list().await.unwrap(), Vec::<uuid::Uuid>::new());
}
