//! `cargo xtask`: everything one does with this repository, one subcommand a task. Without one it lists them.

mod bench;
mod bless;
mod check;
mod cores;
mod docs;
mod faults;
mod outsiders;
mod package;
mod quickstart;
mod step;
mod tools;

use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, Parser, Subcommand};

/// The one way in: build, try, test, measure and package OpenMSK.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Option<Task>,
}

#[derive(Subcommand)]
enum Task {
    /// Build, install the provider for this directory, apply the example, write and read records.
    Quickstart(quickstart::Options),
    /// Run every test: format, lints, unit tests, and the acceptance tests with software we did not write.
    Check(check::Options),
    /// Find, install or build the programs the acceptance tests use, into a cache outside the tree.
    Tools,
    /// Rewrite snapshots; review what changed with `git diff`.
    Bless,
    /// Write the documentation pages that are made from the provider's schema.
    Docs,
    /// Measure us and Apache Kafka side by side; prints ratios and a markdown table.
    Bench(bench::Options),
    /// Do harm to a cluster, by a seed, and look that nothing is lost, doubled or stuck.
    Faults(faults::Options),
    /// Make a release: archives as the registries want them, checksums, a bill of materials, what has changed, and a mirror.
    Package(package::Options),
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            step::failed(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<()> {
    match arguments.task {
        None => Ok(Arguments::command().print_help()?),
        Some(Task::Quickstart(options)) => quickstart::run(&options),
        Some(Task::Check(options)) => check::run(&options),
        Some(Task::Tools) => tools::run(),
        Some(Task::Bless) => bless::run(),
        Some(Task::Docs) => docs::run(),
        Some(Task::Bench(options)) => bench::run(&options),
        Some(Task::Faults(options)) => faults::run(&options),
        Some(Task::Package(options)) => package::run(&options),
    }
}
