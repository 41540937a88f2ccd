//! Short sessions: Apache Kafka's Java client authenticates again and again, and notices nothing else (KIP-368).

use acceptance_tests::{
    cluster::{CONFIGURATION, Cluster},
    java,
    suite::Suite,
    tools::Tools,
};

use crate::programs::succeed;

/// Adds the test of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    let core = tools.terraform.clone().or_else(|| tools.tofu.clone());
    suite.test_with(
        "java_renews_its_sessions_and_no_request_fails",
        "terraform, a JDK and Kafka's jars",
        core.zip(tools.java.clone()).zip(tools.kafka_jars.clone()),
        |((core, java), jars)| {
            let property = "num.partitions = 3\n    connections.max.reauth.ms = 2000";
            let cluster = Cluster::start_as(&core, &CONFIGURATION.replace("num.partitions = 3", property))?;
            let mut command = java::program(&java, &jars, java::source("Sessions.java"));
            succeed(
                command
                    .arg(cluster.java_properties("SCRAM-SHA-512")?)
                    .args(["orders", "3"]),
            )
        },
    );
}
