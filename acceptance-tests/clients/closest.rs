//! Consumers that read from the replica in their zone (KIP-392).

use std::path::Path;

use acceptance_tests::{
    cluster::{CONFIGURATION, Cluster},
    java,
    suite::Suite,
    tools::Tools,
};
use anyhow::Result;

use crate::programs::succeed;

/// Adds the test of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    let all = tools
        .terraform
        .clone()
        .zip(tools.java.clone().zip(tools.kafka_jars.clone()));
    suite.test_with(
        "java_reads_from_the_replica_in_its_zone",
        "terraform, a JDK and Kafka's jars",
        all,
        |(core, (java, jars))| read(&core, &java, &jars),
    );
}

fn read(core: &Path, java: &Path, jars: &Path) -> Result<()> {
    // Followers that are not told wait long for news, so that it shows.
    let selecting = "replica.selector.class = org.apache.kafka.common.replica.RackAwareReplicaSelector\n    \
                     replica.fetch.wait.max.ms = 5000\n    \
                     auto.create.topics.enable = false";
    let cluster = Cluster::start_as(
        core,
        &CONFIGURATION.replace("auto.create.topics.enable = false", selecting),
    )?;
    let mut command = java::program(java, jars, java::source("Closest.java"));
    succeed(command.arg(cluster.java_properties("SCRAM-SHA-512")?))
}
