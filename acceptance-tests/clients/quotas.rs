//! Client quotas: Apache Kafka's Java client is slowed down to them.

use acceptance_tests::{java, suite::Suite, tools::Tools};

use crate::{Shared, programs::succeed};

/// Adds the test of this file.
pub fn add(suite: &mut Suite, tools: &Tools, shared: &Shared) {
    let (all, of_all) = (tools.clone(), shared.clone());
    suite.test_with(
        "java_is_slowed_down_to_its_quotas_and_told_so",
        "a JDK and Kafka's jars",
        tools.java.clone().zip(tools.kafka_jars.clone()),
        move |(java, jars)| {
            let cluster = of_all.cluster(&all)?;
            let mut command = java::program(&java, &jars, java::source("Quotas.java"));
            succeed(command.arg(cluster.java_properties("SCRAM-SHA-512")?))
        },
    );
}
