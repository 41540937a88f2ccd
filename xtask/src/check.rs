//! `cargo xtask check`: every test, and a last line that counts them.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::{step, tools};

/// What to leave out, or to add.
#[derive(Args)]
pub struct Options {
    /// Only format, lints and the tests that need none of the programs of others.
    #[arg(long)]
    quick: bool,
    /// Also what takes too long for every day: more clusters of Apache Kafka, and kills at every step.
    #[arg(long, conflicts_with = "quick")]
    full: bool,
}

/// Counts of a test run.
#[derive(Default)]
struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
}

/// Runs every check; the first line says what is missing, the last one how many tests there were.
pub fn run(options: &Options) -> Result<()> {
    step::step("format", || {
        step::quietly(step::program("cargo").args(["fmt", "--all", "--check"])).map(drop)
    })?;
    if !options.quick {
        for line in tools::prepare()?.missing {
            step::say(&format!("  SKIPPED where it is needed: {line}"));
        }
    }
    step::step("lints", || {
        let mut command = step::program("cargo");
        command.args([
            "clippy",
            "--quiet",
            "--workspace",
            "--all-targets",
            "--",
            "--deny",
            "warnings",
        ]);
        step::quietly(&mut command).map(drop)
    })?;
    licences()?;
    step::step("build", || {
        step::quietly(step::program("cargo").args([
            "build",
            "--quiet",
            "--workspace",
            "--exclude",
            "benchmarks",
            "--bins",
        ]))
    })?;
    let mut counts = Counts::default();
    let mut unit = step::program("cargo");
    // The benchmarks build librdkafka from its sources: that is for `cargo xtask bench` only.
    unit.args(["test", "--workspace", "--exclude", "benchmarks", "--no-fail-fast"]);
    if options.quick {
        unit.args(["--exclude", "acceptance-tests"]);
    }
    if options.full {
        unit.envs([("OPENMSK_LONG_TESTS", "1"), ("OPENMSK_KILL_STRIDE", "1")]);
    }
    let passed = count(&mut unit, &mut counts)?;
    step::say(&format!(
        "\n{} passed, {} failed, {} skipped",
        counts.passed, counts.failed, counts.skipped
    ));
    if !passed {
        bail!("there are failed tests");
    }
    Ok(())
}

/// `cargo deny`, where it is installed.
fn licences() -> Result<()> {
    if step::find("cargo-deny").is_none() {
        step::say("  SKIPPED licences and duplicates: `cargo install --locked cargo-deny` provides the check");
        return Ok(());
    }
    step::step("licences and duplicates", || {
        let mut command = step::program("cargo");
        step::quietly(command.args(["deny", "--log-level", "error", "check", "bans", "licenses", "sources"])).map(drop)
    })
}

/// Runs a test command, shows what it prints and adds up its summaries. Answers whether it succeeded.
fn count(command: &mut Command, counts: &mut Counts) -> Result<bool> {
    let mut child = command.stdout(Stdio::piped()).spawn().context("cannot start cargo")?;
    let output = child.stdout.take().context("output of cargo")?;
    for line in BufReader::new(output).lines() {
        let line = line?;
        step::say(&line);
        if let Some(summary) = line.strip_prefix("test result: ") {
            counts.passed += number(summary, " passed");
            counts.failed += number(summary, " failed");
            counts.skipped += number(summary, " ignored");
        }
    }
    Ok(child.wait()?.success())
}

/// The number in front of `word` in a summary such as `ok. 3 passed; 0 failed; 1 ignored`.
fn number(summary: &str, word: &str) -> u64 {
    summary
        .split_once(word)
        .and_then(|(before, _)| before.rsplit(' ').next())
        .and_then(|digits| digits.parse().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn counts_are_read_from_a_summary() {
        let summary = "FAILED. 12 passed; 3 failed; 4 ignored; 0 measured; 0 filtered out; finished in 0.10s";
        assert_eq!(
            (
                number(summary, " passed"),
                number(summary, " failed"),
                number(summary, " ignored")
            ),
            (12, 3, 4)
        );
    }
}
