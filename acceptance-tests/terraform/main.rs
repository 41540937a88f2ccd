//! Real Terraform and OpenTofu against the real provider and runtime: what a person does, and what goes wrong.

mod acls;
mod actions;
mod apache_kafka;
mod associations;
mod bad_input;
mod conformance;
mod connectivity;
mod contacts;
mod documents;
mod drift;
mod encryption;
mod environment;
mod ephemeral;
mod failing_calls;
mod failing_proxy;
mod files_over_https;
mod foresight;
mod installation;
mod interruption;
mod lifecycle;
mod many_reads;
mod modules;
mod monitoring;
mod moved;
mod names;
mod pasted;
mod plugin_testing;
mod policies;
mod protection;
mod query;
mod quotas;
mod replication;
mod restarts;
mod scale;
mod secrets;
mod serverless;
mod shared_runtime;
mod taken_over;
mod values;

use std::{path::PathBuf, process::ExitCode};

use acceptance_tests::{suite::Suite, tools::Tools};

/// Adds a test for each core that is here: its name ends with the core's.
fn for_each_core(suite: &mut Suite, tools: &Tools, name: &str, body: fn(PathBuf) -> anyhow::Result<()>) {
    suite.test_with(&format!("{name}_terraform"), "terraform", tools.terraform.clone(), body);
    suite.test_with(&format!("{name}_tofu"), "tofu", tools.tofu.clone(), body);
}

fn main() -> ExitCode {
    let tools = Tools::load();
    let mut suite = Suite::new();
    lifecycle::add(&mut suite, &tools);
    apache_kafka::add(&mut suite, &tools);
    taken_over::add(&mut suite, &tools);
    drift::add(&mut suite, &tools);
    protection::add(&mut suite, &tools);
    restarts::add(&mut suite, &tools);
    scale::add(&mut suite, &tools);
    replication::add(&mut suite, &tools);
    installation::add(&mut suite, &tools);
    interruption::add(&mut suite, &tools);
    conformance::add(&mut suite);
    contacts::add(&mut suite, &tools);
    failing_calls::add(&mut suite);
    many_reads::add(&mut suite, &tools);
    foresight::add(&mut suite, &tools);
    names::add(&mut suite, &tools);
    bad_input::add(&mut suite, &tools);
    pasted::add(&mut suite, &tools);
    plugin_testing::add(&mut suite, &tools);
    policies::add(&mut suite, &tools);
    connectivity::add(&mut suite, &tools);
    acls::add(&mut suite, &tools);
    quotas::add(&mut suite, &tools);
    query::add(&mut suite, &tools);
    actions::add(&mut suite, &tools);
    moved::add(&mut suite, &tools);
    associations::add(&mut suite, &tools);
    modules::add(&mut suite, &tools);
    monitoring::add(&mut suite, &tools);
    encryption::add(&mut suite, &tools);
    documents::add(&mut suite, &tools);
    environment::add(&mut suite, &tools);
    ephemeral::add(&mut suite, &tools);
    secrets::add(&mut suite, &tools);
    serverless::add(&mut suite, &tools);
    shared_runtime::add(&mut suite, &tools);
    values::add(&mut suite, &tools);
    suite.run(|| ())
}
