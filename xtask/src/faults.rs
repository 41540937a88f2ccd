//! `cargo xtask faults`: a long run of faults against a real cluster, by a seed; or against one of Apache Kafka on several hosts.

use anyhow::Result;
use clap::Args;

use crate::{check, step, tools};

/// How long a run, and which.
#[derive(Args)]
pub struct Options {
    /// How many faults.
    #[arg(long, default_value_t = 1000)]
    faults: u32,
    /// Decides which faults, and when; another one each time where it is not given.
    #[arg(long)]
    seed: Option<u64>,
    /// Several hosts, each in a network of its own, with a cluster of Apache Kafka on them: agents, brokers, controllers, hosts and
    /// a zone die, links are cut. So often, instead of the other faults.
    #[arg(long, value_name = "ROUNDS", num_args = 0..=1, default_missing_value = "3", conflicts_with_all = ["faults", "seed"])]
    hosts: Option<u32>,
}

/// Builds, and runs the test of the acceptance tests with these numbers.
pub fn run(options: &Options) -> Result<()> {
    for line in tools::prepare()?.missing {
        step::say(&format!("  missing: {line}"));
    }
    step::build("build", &check::PACKAGES, &["--bins"])?;
    let mut test = step::program("cargo");
    test.args(["test", "--quiet"])
        .args(check::PACKAGES)
        .args(["--test", "faults", "--"])
        .args(["--exact", "--nocapture"])
        .env("OPENMSK_REQUIRE_TOOLS", "1");
    if let Some(rounds) = options.hosts {
        test.arg("hosts_under_fire_lose_nothing_and_keep_nothing")
            .env("OPENMSK_HOSTS_ROUNDS", rounds.to_string());
        return step::loudly(&mut test);
    }
    test.arg("nemesis_finds_nothing_lost_doubled_or_stuck")
        .env("OPENMSK_FAULTS", options.faults.to_string());
    if let Some(seed) = options.seed {
        test.env("OPENMSK_FAULTS_SEED", seed.to_string());
    }
    step::loudly(&mut test)
}
