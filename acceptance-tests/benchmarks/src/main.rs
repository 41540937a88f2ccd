//! `cargo xtask bench`: the same load, from the same client (librdkafka), on us and on real Apache Kafka, one after the
//! other in one run. Prints a markdown table with ratios: machines are noisy, so only ratios of one run mean anything. The
//! provider is measured in the same way, beside what is built into OpenTofu and beside providers in Go.

mod api;
mod cases;
mod cluster;
mod core_run;
mod failover;
mod first_record;
mod latency;
mod load;
mod machine;
mod moto;
mod moving;
mod openmsk;
mod paced;
mod partitions;
mod peer;
mod process;
mod provider;
mod report;
mod startup;
mod throughput;
mod tls;
mod topics;

use std::process::ExitCode;

use acceptance_tests::interrupt;
use anyhow::Result;
use clap::Parser;

use crate::report::Report;

/// Measures us and Apache Kafka side by side.
///
/// Examples: `benchmarks rf1 rf3 --rounds 5`, `benchmarks steady --rounds 1`. What the cases are, and which goals they have, is in
/// docs/internals/benchmarks.md.
#[derive(Parser)]
struct Arguments {
    /// Cases to run; all when none is named.
    cases: Vec<String>,
    /// Rounds of a case; every round starts both sides anew. Failover, moving and partitions have half as many.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Megabytes (10^6 bytes) of records that a round of rf1 writes; cases with more replicas write less, moving twice as much.
    #[arg(long, default_value_t = 1000)]
    megabytes: u64,
    /// List the cases.
    #[arg(long)]
    list: bool,
}

/// How large the throughput cases are.
#[derive(Clone, Copy)]
struct Scale {
    rounds: usize,
    records: u64,
}

impl Scale {
    /// Rounds of a case of which each takes a minute or more.
    fn few_rounds(self) -> usize {
        self.rounds.div_ceil(2)
    }
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::say(&format!("error: {error:?}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let all = cases::all();
    if arguments.list {
        for case in &all {
            report::say(&format!("{:<12} {}", case.name, case.title));
        }
        return Ok(());
    }
    let unknown = arguments
        .cases
        .iter()
        .find(|name| all.iter().all(|case| case.name != **name));
    if let Some(name) = unknown {
        anyhow::bail!("there is no case {name:?}; --list shows them");
    }
    interrupt::watch()?;
    let scale = Scale {
        rounds: arguments.rounds,
        records: arguments.megabytes * 1_000_000 / load::RECORD_BYTES,
    };
    let mut report = Report::default();
    for case in all
        .iter()
        .filter(|case| arguments.cases.is_empty() || arguments.cases.contains(&case.name.to_owned()))
    {
        report::say(&format!("… {}", case.title));
        if let Err(error) = (case.run)(scale, &mut report) {
            report.failed(case.title, &error);
        }
    }
    report.print();
    Ok(())
}
