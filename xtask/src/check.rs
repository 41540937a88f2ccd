//! `cargo xtask check`: every test, and a last line that counts them.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;

use crate::{step, tools};

/// What to leave out, or to add.
#[derive(Args)]
pub struct Options {
    /// Only format, lints and the tests that need none of the programs of others.
    #[arg(long)]
    quick: bool,
    /// Also what takes too long for every day: more clusters of Apache Kafka, kills at every step, and lints of the benchmarks.
    #[arg(long, conflicts_with = "quick")]
    full: bool,
}

/// What a test run came to.
#[derive(Default)]
struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
    /// What the tests that failed said, each with a line of its name.
    failures: Vec<String>,
    in_failure: bool,
    /// Nothing failed, neither a test nor what runs them.
    all_passed: bool,
}

impl Counts {
    fn none() -> Self {
        Self {
            all_passed: true,
            ..Self::default()
        }
    }

    /// Takes a line of what a test binary prints.
    fn read(&mut self, line: &str) {
        if let Some(summary) = line.strip_prefix("test result: ") {
            self.passed += number(summary, " passed");
            self.failed += number(summary, " failed");
            self.skipped += number(summary, " ignored");
        }
        if line.starts_with("---- ") {
            self.failures.push(String::new());
            self.in_failure = true;
        } else if line == "failures:" || line.starts_with("test result: ") {
            self.in_failure = false;
        }
        if let Some(failure) = self.failures.last_mut().filter(|_| self.in_failure) {
            failure.push_str(line);
            failure.push('\n');
        }
    }

    /// Takes in what another run came to.
    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.failures.extend(other.failures);
        self.all_passed &= other.all_passed;
    }

    /// Says again what failed, so that nobody has to look for it among the tests that passed.
    fn repeat_failures(&self) {
        for failure in &self.failures {
            let lines: Vec<&str> = failure.trim_end().lines().collect();
            let omitted = lines.len().saturating_sub(2 * SHOWN_LINES);
            step::say("");
            for (number, line) in lines.iter().enumerate() {
                if omitted > 0 && number == SHOWN_LINES {
                    step::say(&format!("… {omitted} lines stand above …"));
                }
                if number < SHOWN_LINES || number >= SHOWN_LINES + omitted {
                    step::say(line);
                }
            }
        }
    }
}

/// Lines of a failure that are said again, from its beginning and from its end.
const SHOWN_LINES: usize = 25;

/// Everything that is tested, and what is built for it. The benchmarks build librdkafka from its sources: that is for `cargo xtask bench`, and for `--full`.
/// All commands name the same packages, and so build them with the same features, which is once.
pub const PACKAGES: [&str; 3] = ["--workspace", "--exclude", "benchmarks"];
/// Tests that need no programs of others.
const UNIT: [&[&str]; 2] = [&["--lib", "--bins"], &["--exclude", "acceptance-tests", "--test", "*"]];
/// The binaries of acceptance tests, those of a line one after the other. They wait more than they compute, so the lines go side by side.
const ACCEPTANCE: [&[&str]; 2] = [
    &["--test", "tidy", "--test", "clients", "--test", "faults"],
    &["--test", "aws-sdk", "--test", "terraform"],
];

/// Runs every check; the last line says how many tests there were.
pub fn run(options: &Options) -> Result<()> {
    step::step("format", || {
        step::quietly(step::program("cargo").args(["fmt", "--all", "--check"])).map(drop)
    })?;
    // The programs of others take as long to download and to build as all of ours: both go side by side.
    let (mut counts, missing) = thread::scope(|scope| -> Result<_> {
        let tools = (!options.quick).then(|| scope.spawn(tools::prepare));
        let counts = lint_and_build(options).and_then(|()| unit_tests(options));
        let tools = tools.map(|it| it.join().map_err(|_| anyhow!("the preparation of tools panicked")));
        let missing = tools.transpose()?.transpose()?.map(|it| it.missing);
        Ok((counts?, missing.unwrap_or_default()))
    })?;
    for line in missing {
        step::say(&format!("  SKIPPED where it is needed: {line}"));
    }
    if !options.quick {
        counts.add(run_tests(ACCEPTANCE.map(|which| tests(options, which)))?);
    }
    counts.repeat_failures();
    step::say(&format!(
        "\n{} passed, {} failed, {} skipped",
        counts.passed, counts.failed, counts.skipped
    ));
    if !counts.all_passed {
        bail!("there are failed tests");
    }
    Ok(())
}

/// Everything of ours that comes before the first test.
fn lint_and_build(options: &Options) -> Result<()> {
    step::step("lints", || {
        let mut command = step::program("cargo");
        // With the benchmarks, where it may take longer.
        let packages = if options.full { &PACKAGES[..1] } else { &PACKAGES[..] };
        command.args(["clippy", "--quiet", "--all-targets"]).args(packages);
        step::quietly(command.args(["--", "--deny", "warnings"])).map(drop)
    })?;
    licences()?;
    step::step("build", || {
        step::quietly(
            step::program("cargo")
                .args(["build", "--quiet", "--bins"])
                .args(PACKAGES),
        )
    })?;
    step::step("build of tests", || {
        step::quietly(tests(options, &[]).args(["--quiet", "--no-run"])).map(drop)
    })
}

fn unit_tests(options: &Options) -> Result<Counts> {
    let mut counts = Counts::none();
    for which in UNIT {
        counts.add(run_tests([tests(options, which)])?);
    }
    Ok(counts)
}

/// Some of the tests, as the options want them.
fn tests(options: &Options, which: &[&str]) -> Command {
    let mut command = step::program("cargo");
    command.args(["test", "--no-fail-fast"]).args(PACKAGES).args(which);
    if options.quick {
        command.args(["--exclude", "acceptance-tests"]);
    }
    if options.full {
        command.envs([("OPENMSK_LONG_TESTS", "1"), ("OPENMSK_KILL_STRIDE", "1")]);
    }
    command
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

/// Runs test commands side by side, shows what they print and adds up their summaries.
fn run_tests<const N: usize>(commands: [Command; N]) -> Result<Counts> {
    thread::scope(|scope| {
        let running = commands.map(|command| scope.spawn(|| count(command)));
        let mut all = Counts::none();
        for one in running {
            all.add(one.join().map_err(|_| anyhow!("the reader of a test run panicked"))??);
        }
        Ok(all)
    })
}

fn count(mut command: Command) -> Result<Counts> {
    let mut counts = Counts::default();
    let mut child = command.stdout(Stdio::piped()).spawn().context("cannot start cargo")?;
    let output = child.stdout.take().context("output of cargo")?;
    for line in BufReader::new(output).lines() {
        let line = line?;
        step::say(&line);
        counts.read(&line);
    }
    counts.all_passed = child.wait()?.success();
    Ok(counts)
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
    use super::{ACCEPTANCE, Counts, number};

    #[test]
    fn no_acceptance_test_is_left_out() {
        let manifest = include_str!("../../acceptance-tests/Cargo.toml");
        let tests = manifest.split("[[test]]").skip(1);
        let names: Vec<_> = tests.map(|test| test.split('"').nth(1).unwrap_or_default()).collect();
        assert!(names.contains(&"terraform"), "{names:?}");
        for name in names {
            assert!(ACCEPTANCE.iter().any(|line| line.contains(&name)), "{name}");
        }
    }

    #[test]
    fn what_failed_is_kept_under_its_name() {
        let mut counts = Counts::default();
        for line in [
            "test one ... FAILED",
            "",
            "failures:",
            "",
            "---- one stdout ----",
            "it is not so",
            "---- two ----",
            "waited in vain",
            "",
            "failures:",
            "    one",
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s",
            "a line of the next binary",
        ] {
            counts.read(line);
        }
        let failures: Vec<&str> = counts.failures.iter().map(|it| it.trim_end()).collect();
        assert_eq!(
            failures,
            ["---- one stdout ----\nit is not so", "---- two ----\nwaited in vain"]
        );
        assert_eq!((counts.passed, counts.failed), (1, 2));
    }

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
