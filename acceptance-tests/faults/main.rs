//! Faults are normal input: kill, pause and garbage, with a producer at work and a checker of its history.

mod brokers;
mod consumer_groups;
mod control_plane;
mod hostile;
mod hosts;
mod links;
mod nemesis;
mod overload;
mod rerun;
mod test_runs;
mod transactions;
mod wall_clock;

use std::process::ExitCode;

use acceptance_tests::{suite::Suite, tools::Tools};

fn main() -> ExitCode {
    let tools = Tools::load();
    let mut suite = Suite::new();
    brokers::add(&mut suite, &tools);
    control_plane::add(&mut suite, &tools);
    hostile::add(&mut suite, &tools);
    hosts::add(&mut suite, &tools);
    nemesis::add(&mut suite, &tools);
    overload::add(&mut suite, &tools);
    test_runs::add(&mut suite, &tools);
    transactions::add(&mut suite, &tools);
    consumer_groups::add(&mut suite, &tools);
    suite.run(|| ())
}
