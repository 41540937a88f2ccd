//! The other side: Apache Kafka, once it serves.

use std::time::Duration;

use acceptance_tests::{
    apache_kafka::{self, ApacheKafka},
    wait,
};
use anyhow::Result;
use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer},
};

/// Apache Kafka, once Metadata shows all of its brokers.
pub fn apache_kafka(brokers: u8) -> Result<ApacheKafka> {
    let kafka = ApacheKafka::start(brokers, &[], &[])?;
    wait_for_brokers(&kafka, brokers)?;
    Ok(kafka)
}

/// Waits until Metadata shows all brokers.
pub fn wait_for_brokers(kafka: &ApacheKafka, brokers: u8) -> Result<()> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &kafka.bootstrap)
        .create()?;
    wait::until("Apache Kafka to be ready", apache_kafka::START, || {
        let metadata = consumer.fetch_metadata(None, Duration::from_secs(1)).ok()?;
        (metadata.brokers().len() >= usize::from(brokers)).then_some(())
    })
}
