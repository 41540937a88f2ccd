//! A test binary: a list of trials, some of which need tools that this machine may not have.

use std::{
    backtrace::BacktraceStatus,
    env,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Result;
use libtest_mimic::{Arguments, Failed, Trial};

use crate::interrupt;

/// A test that takes as long says so: the whole run has to end in time.
const SLOW: Duration = Duration::from_secs(15);

/// Where it happened, if that was asked for, and then what: the end of a log is what people see first.
fn described(error: &anyhow::Error) -> String {
    let backtrace = error.backtrace();
    match backtrace.status() {
        BacktraceStatus::Captured => format!("{backtrace}\n{error:#}"),
        _ => format!("{error:#}"),
    }
}

/// Collects trials and runs them.
#[derive(Default)]
pub struct Suite {
    trials: Vec<Trial>,
}

impl Suite {
    /// An empty suite.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a test.
    pub fn test(&mut self, name: &str, body: impl FnOnce() -> Result<()> + Send + 'static) -> &mut Self {
        let named = name.to_owned();
        self.trials.push(Trial::test(name, move || {
            let start = Instant::now();
            let result = body();
            if start.elapsed() >= SLOW {
                eprintln!("{named} took {} s", start.elapsed().as_secs());
            }
            result.map_err(|error| Failed::from(described(&error)))
        }));
        self
    }

    /// Adds a test that needs `tool`. Without it the test is ignored, and says so; where tools are required it fails.
    pub fn test_with<T: Send + 'static>(
        &mut self,
        name: &str,
        tool_name: &str,
        tool: Option<T>,
        body: impl FnOnce(T) -> Result<()> + Send + 'static,
    ) -> &mut Self {
        let required = env::var_os("OPENMSK_REQUIRE_TOOLS").is_some();
        let tool_name = tool_name.to_owned();
        match tool {
            Some(tool) => return self.test(name, move || body(tool)),
            None if required => {
                return self.test(name, move || {
                    anyhow::bail!("{tool_name} is missing; run `cargo xtask tools`")
                });
            }
            None => {
                eprintln!("SKIPPED {name}: {tool_name} is missing; `cargo xtask tools` says how to get it");
                self.trials.push(Trial::test(name, || Ok(())).with_ignored_flag(true));
            }
        }
        self
    }

    /// Adds a test that needs something of the operating system which cannot be installed. Without it the test is
    /// ignored, and says why.
    pub fn test_if(
        &mut self,
        name: &str,
        possible: Result<()>,
        body: impl FnOnce() -> Result<()> + Send + 'static,
    ) -> &mut Self {
        match possible {
            Ok(()) => self.test(name, body),
            Err(reason) => {
                eprintln!("SKIPPED {name}: {reason:#}");
                self.trials.push(Trial::test(name, || Ok(())).with_ignored_flag(true));
                self
            }
        }
    }

    /// Runs everything one after the other, then `tear_down`, whatever happened.
    pub fn run(self, tear_down: impl FnOnce()) -> ExitCode {
        let mut arguments = Arguments::from_args();
        // Two cores and shared fixtures: one test at a time unless the caller says otherwise.
        arguments.test_threads = arguments.test_threads.or(Some(1));
        if let Err(error) = interrupt::watch() {
            eprintln!("an interrupted run will leave processes behind: {error:#}");
        }
        let conclusion = libtest_mimic::run(&arguments, self.trials);
        tear_down();
        conclusion.exit_code()
    }
}
