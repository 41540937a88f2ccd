//! Kafka clients that we did not write against a cluster that `terraform apply` made: librdkafka, Apache Kafka's Java
//! client, console tools, Streams and Connect, franz-go, sarama, kafka-python, aiokafka, KafkaJS and kcat, over SASL_SSL with SCRAM
//! and with access keys, and with certificates.

mod access_keys;
mod acls;
mod answers;
mod certificates;
mod closest;
mod console_tools;
mod consumer_groups;
mod dumped;
mod everyday;
mod kcat;
mod metrics;
mod processors;
mod programs;
mod quotas;
mod rotation;
mod sessions;
mod taken_over;
mod transactions;

use std::{
    process::ExitCode,
    sync::{Arc, Mutex},
};

use acceptance_tests::{cluster::Cluster, suite::Suite, tools::Tools};
use anyhow::{Context, Result};

/// The cluster of this binary, made by the first test that asks for it.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Option<Arc<Cluster>>>>);

impl Shared {
    fn cluster(&self, tools: &Tools) -> Result<Arc<Cluster>> {
        let mut slot = self
            .0
            .lock()
            .map_err(|_| anyhow::anyhow!("an earlier test broke the fixture"))?;
        if slot.is_none() {
            let terraform = tools
                .terraform
                .as_ref()
                .or(tools.tofu.as_ref())
                .context("terraform or tofu")?;
            *slot = Some(Arc::new(Cluster::start(terraform)?));
        }
        slot.clone().context("the cluster of this binary")
    }

    fn tear_down(&self) {
        if let Ok(mut slot) = self.0.lock() {
            slot.take();
        }
    }
}

fn main() -> ExitCode {
    let tools = Tools::load();
    let shared = Shared::default();
    let mut suite = Suite::new();
    programs::add(&mut suite, &tools, &shared);
    transactions::add(&mut suite, &tools, &shared);
    consumer_groups::add(&mut suite, &tools, &shared);
    everyday::add(&mut suite, &tools, &shared);
    kcat::add(&mut suite, &tools, &shared);
    processors::add(&mut suite, &tools, &shared);
    quotas::add(&mut suite, &tools, &shared);
    closest::add(&mut suite, &tools);
    answers::add(&mut suite, &tools);
    access_keys::add(&mut suite, &tools, &shared);
    certificates::add(&mut suite, &tools);
    rotation::add(&mut suite, &tools, &shared);
    console_tools::add(&mut suite, &tools, &shared);
    metrics::add(&mut suite, &tools);
    acls::add(&mut suite, &tools);
    sessions::add(&mut suite, &tools);
    taken_over::add(&mut suite, &tools);
    suite.run(|| shared.tear_down())
}
