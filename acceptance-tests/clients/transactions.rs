//! Transactions: of Apache Kafka's Java client, which gets a new epoch with every one, and of librdkafka, which does not; and
//! what Kafka's own tool makes of the files they leave.

use std::{path::Path, process::Command};

use acceptance_tests::{
    cluster::{Cluster, PASSWORD, USER},
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

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools, shared: &Shared) {
    let (all, of_all) = (tools.clone(), shared.clone());
    suite.test_with(
        "librdkafka_copies_records_exactly_once",
        "librdkafka",
        tools.python.clone(),
        move |python| {
            let cluster = of_all.cluster(&all)?;
            let mut command = Command::new(python);
            command.arg(file("librdkafka_transactions.py")).arg(&cluster.bootstrap);
            command
                .arg(&cluster.authority)
                .arg(USER)
                .env("KAFKA_PASSWORD", PASSWORD);
            succeed(&mut command)
        },
    );
    let (all, of_all) = (tools.clone(), shared.clone());
    suite.test_with(
        "java_commits_aborts_fences_and_describes_transactions",
        "a JDK and Kafka's jars",
        tools.java.clone().zip(tools.kafka_jars.clone()),
        move |(java, jars)| {
            let cluster = of_all.cluster(&all)?;
            let mut command = java::program(&java, &jars, java::source("Transactions.java"));
            succeed(command.arg(cluster.java_properties("SCRAM-SHA-512")?))?;
            files_are_kafkas(&java, &jars, &cluster)
        },
    );
}

/// Kafka's dump tool reads the coordinator's records, and the markers.
fn files_are_kafkas(java: &Path, jars: &Path, cluster: &Cluster) -> Result<()> {
    let dump = |decoder: &str, folder: &str| dump_logs((java, jars), cluster, decoder, folder);
    let dumped = dump("--transaction-log-decoder", "__transaction_state-")?;
    ensure!(
        dumped.contains("\"transactionStatus\":4"),
        "no committed transaction: {dumped}"
    );
    let dumped = dump("--print-data-log", "/transactions-")?;
    ensure!(dumped.contains("endTxnMarker: COMMIT"), "{dumped}");
    ensure!(dumped.contains("endTxnMarker: ABORT"), "{dumped}");
    Ok(())
}
