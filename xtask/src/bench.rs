//! `cargo xtask bench`: builds with optimisation and hands over to the benchmark program.

use anyhow::Result;
use clap::Args;

use crate::{step, tools};

/// Arguments of the benchmark program.
#[derive(Args)]
pub struct Options {
    /// Handed to the benchmark program; `cargo xtask bench -- --list` shows the cases.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Measures and prints.
pub fn run(options: &Options) -> Result<()> {
    for line in tools::prepare()?.missing {
        step::say(&format!("  missing: {line}"));
    }
    if let Err(error) = step::step("providers in Go to compare with", tools::peer_providers) {
        step::say(&format!("  missing: providers in Go: {error:#}"));
    }
    step::build(
        "build with optimisation",
        &step::PROGRAMS,
        &["--release", "-p", "benchmarks"],
    )?;
    step::loudly(step::program(step::target().join("release/benchmarks")).args(&options.arguments))
}
