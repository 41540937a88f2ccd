//! The style rules of ENGINEERING.md and the edges of ARCHITECTURE.md as tests.

mod edges;
mod headlines;
mod properties;
mod services;
mod sources;

use std::process::ExitCode;

use acceptance_tests::suite::Suite;

fn main() -> ExitCode {
    let mut suite = Suite::new();
    edges::add(&mut suite);
    headlines::add(&mut suite);
    properties::add(&mut suite);
    services::add(&mut suite);
    sources::add(&mut suite);
    suite.run(|| ())
}
