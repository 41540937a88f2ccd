//! The engine with real Apache Kafka, on three hosts that are all this machine. It needs `java` and, the first time, `mvn`.
#![allow(clippy::unwrap_used, reason = "a test may end with a panic, its stage too")]

mod classes;
mod clients;
mod dedicated;
mod drain;
mod hosts_of_tests;
mod life;
mod mishaps;
mod stage;
mod upgrade;

use std::{
    env,
    panic::{self, AssertUnwindSafe},
    process::{Command, ExitCode},
    sync::Arc,
};

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // A cluster at a time: three machines of Java are enough for one of ours.
    arguments.test_threads = Some(1);
    let usable = has("java") && has("mvn") || env::var_os("OPENMSK_REQUIRE_TOOLS").is_some();
    // `cargo xtask check --full` runs these, too. A host is drained among the tests with terraform as well.
    let has_time = env::var_os("OPENMSK_LONG_TESTS").is_some();
    let daily = [life::trials(), classes::trials(), mishaps::trials(), upgrade::trials()];
    let daily = daily
        .into_iter()
        .flatten()
        .map(|trial| trial.with_ignored_flag(!usable));
    let long = [dedicated::trials(), drain::trials()];
    let long = long
        .into_iter()
        .flatten()
        .map(|trial| trial.with_ignored_flag(!usable || !has_time));
    libtest_mimic::run(&arguments, daily.chain(long).collect()).exit_code()
}

fn has(program: &str) -> bool {
    Command::new(program).arg("-version").output().is_ok()
}

/// A test that is an async function of a stage, which clears its processes away at the end.
fn trial<F: Future<Output = ()> + 'static>(name: &str, test: fn(stage::Stage) -> F) -> Trial {
    Trial::test(name, move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
            let stage = runtime.block_on(stage::Stage::new());
            let (hosts, _folder) = (stage.hosts.clone(), Arc::clone(&stage.folder));
            let outcome = panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(test(stage))));
            if outcome.is_err() {
                runtime.block_on(stage::tell(&hosts));
            }
            runtime.block_on(stage::sweep(&hosts));
            outcome
        }));
        runtime.shutdown_timeout(stage::LIMIT);
        match outcome {
            Ok(Ok(())) => Ok(()),
            Ok(Err(panicked)) | Err(panicked) => panic::resume_unwind(panicked),
        }
    })
}
