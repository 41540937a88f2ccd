//! Groups of the consumer protocol (KIP-848): of Apache Kafka's Java client and of librdkafka, in calm, and what Kafka's own
//! tool makes of the records they leave.

use std::process::Command;

use acceptance_tests::{
    cluster::{PASSWORD, USER},
    java,
    suite::Suite,
    tools::Tools,
};
use anyhow::{Result, ensure};

use crate::{
    Shared,
    dumped::dump_logs,
    programs::{file, succeed},
};

/// Records of librdkafka's members, and the seconds in which they are written.
const WORK: [&str; 2] = ["1000", "5"];

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools, shared: &Shared) {
    let (all, of_all) = (tools.clone(), shared.clone());
    suite.test_with(
        "librdkafka_members_of_the_consumer_protocol_read_every_record_once",
        "librdkafka",
        tools.python.clone(),
        move |python| {
            let cluster = of_all.cluster(&all)?;
            let mut command = Command::new(python);
            command
                .arg(file("librdkafka_consumer_groups.py"))
                .arg(&cluster.bootstrap)
                .arg(&cluster.authority);
            command.arg(USER).args(WORK).arg("calm").env("KAFKA_PASSWORD", PASSWORD);
            succeed(&mut command)
        },
    );
    let (all, of_all) = (tools.clone(), shared.clone());
    suite.test_with(
        "java_members_of_the_consumer_protocol_come_go_and_come_back",
        "a JDK and Kafka's jars",
        tools.java.clone().zip(tools.kafka_jars.clone()),
        move |(java, jars)| {
            let cluster = of_all.cluster(&all)?;
            let mut command = java::program(&java, &jars, java::source("ConsumerGroups.java"));
            succeed(command.arg(cluster.java_properties("SCRAM-SHA-512")?))?;
            let dumped = dump_logs((&java, &jars), &cluster, "--offsets-decoder", "__consumer_offsets-")?;
            expect_kinds(&dumped)
        },
    );
}

/// All kinds of records are there, and readable.
fn expect_kinds(dumped: &str) -> Result<()> {
    // Their keys' versions are Kafka's numbers of the kinds.
    for kind in [3, 5, 6, 7, 8, 16] {
        ensure!(
            dumped.contains(&format!(r#"key: {{"type":"{kind}""#)),
            "no record of kind {kind}: {dumped}"
        );
    }
    ensure!(
        !dumped.contains("Could not decode") && !dumped.contains("unknown"),
        "{dumped}"
    );
    Ok(())
}
