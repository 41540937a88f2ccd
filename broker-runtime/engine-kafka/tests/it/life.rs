//! What all engines do.

use libtest_mimic::Trial;

use crate::{stage::Stage, trial};

pub fn trials() -> Vec<Trial> {
    vec![trial("engine_conforms", conforms)]
}

async fn conforms(stage: Stage) {
    let engine = stage.engine().await;
    engine::conformance::life_of_a_cluster(&*engine, &stage.spec(1)).await;
    assert_eq!(stage.units_left(), Vec::<String>::new(), "nothing is left on any host");
}
