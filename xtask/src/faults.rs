//! `cargo xtask faults`: a long run of faults against a real cluster, by a seed.

use anyhow::Result;
use clap::Args;

use crate::{step, tools};

/// How long a run, and which.
#[derive(Args)]
pub struct Options {
    /// How many faults.
    #[arg(long, default_value_t = 1000)]
    faults: u32,
    /// Decides which faults, and when; another one each time where it is not given.
    #[arg(long)]
    seed: Option<u64>,
}

/// Builds, and runs the test of the acceptance tests with these numbers.
pub fn run(options: &Options) -> Result<()> {
    for line in tools::prepare()?.missing {
        step::say(&format!("  missing: {line}"));
    }
    step::build("build", &[])?;
    let mut test = step::program("cargo");
    test.args(["test", "--quiet", "-p", "acceptance-tests", "--test", "faults", "--"])
        .args(["--exact", "nemesis_finds_nothing_lost_doubled_or_stuck", "--nocapture"])
        .env("OPENMSK_REQUIRE_TOOLS", "1")
        .env("OPENMSK_FAULTS", options.faults.to_string());
    if let Some(seed) = options.seed {
        test.env("OPENMSK_FAULTS_SEED", seed.to_string());
    }
    step::loudly(&mut test)
}
