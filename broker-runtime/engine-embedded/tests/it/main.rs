//! The engine with real processes. The test binary is also the program of the brokers: started as `it broker --config F` it
//! plays a broker that registers and beats, and keeps no records.
#![allow(clippy::unwrap_used, reason = "a test may end with a panic, its stage too")]

mod lifecycle;
mod mishaps;
mod scripted_broker;
mod stage;
mod topics;

use std::{
    env,
    panic::{self, AssertUnwindSafe},
    process::ExitCode,
};

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().collect();
    if let [_, command, flag, config, ..] = &arguments[..]
        && (command.as_str(), flag.as_str()) == ("broker", "--config")
    {
        return scripted_broker::run(config.as_ref());
    }
    let trials = [lifecycle::trials(), mishaps::trials(), topics::trials()].concat_trials();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

trait ConcatTrials {
    fn concat_trials(self) -> Vec<Trial>;
}

impl<const N: usize> ConcatTrials for [Vec<Trial>; N] {
    fn concat_trials(self) -> Vec<Trial> {
        self.into_iter().flatten().collect()
    }
}

/// A test that is an async function. Its processes are killed once nobody is left who would start them again.
fn trial<F: Future<Output = ()> + 'static>(name: &str, test: fn() -> F) -> Trial {
    Trial::test(name, move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(test())));
        runtime.shutdown_timeout(stage::LIMIT);
        stage::sweep();
        outcome.or_else(|panicked| panic::resume_unwind(panicked))
    })
}
