//! The other side: Apache Kafka, once it serves.

use acceptance_tests::apache_kafka::{self, ApacheKafka};
use anyhow::Result;

use crate::topics::Watch;

/// Apache Kafka, once Metadata shows all of its brokers.
pub fn apache_kafka(brokers: u8) -> Result<ApacheKafka> {
    let kafka = ApacheKafka::start(brokers, &[], &[])?;
    wait_for_brokers(&kafka, brokers)?;
    Ok(kafka)
}

/// Waits until Metadata shows all brokers.
pub fn wait_for_brokers(kafka: &ApacheKafka, brokers: u8) -> Result<()> {
    Watch::new(&kafka.bootstrap)?.wait_for_brokers(brokers, apache_kafka::START)
}
