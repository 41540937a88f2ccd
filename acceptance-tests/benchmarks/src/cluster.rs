//! What can be done to a running cluster of either side.

use acceptance_tests::apache_kafka::{self, ApacheKafka};
use anyhow::Result;

use crate::{openmsk::OpenMsk, topics::Watch};

/// A running cluster whose brokers have the ids 1, 2, 3 and so on.
pub trait Cluster {
    /// `host:port,…` of the plaintext listeners that it began with.
    fn bootstrap(&self) -> &str;

    /// Sends SIGKILL to a broker.
    fn kill(&mut self, broker: u8) -> Result<()>;

    /// Starts a killed broker again, where nobody else does.
    fn start_again(&mut self, broker: u8) -> Result<()>;

    /// Adds a broker, the one after `brokers`, and waits until Metadata shows it.
    fn add(&mut self, brokers: u8) -> Result<()>;
}

impl Cluster for ApacheKafka {
    fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    fn kill(&mut self, broker: u8) -> Result<()> {
        Self::kill(self, broker)
    }

    fn start_again(&mut self, broker: u8) -> Result<()> {
        Self::start_again(self, broker)
    }

    fn add(&mut self, brokers: u8) -> Result<()> {
        self.add_broker()?;
        Watch::new(&self.bootstrap)?.wait_for_brokers(brokers + 1, apache_kafka::START)
    }
}

impl Cluster for OpenMsk {
    fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    fn kill(&mut self, broker: u8) -> Result<()> {
        self.kill_broker(broker)
    }

    /// The control plane does it.
    fn start_again(&mut self, _: u8) -> Result<()> {
        Ok(())
    }

    fn add(&mut self, brokers: u8) -> Result<()> {
        self.set_broker_count(brokers + 1)?;
        Watch::new(&self.bootstrap)?.wait_for_brokers(brokers + 1, apache_kafka::START)
    }
}
