//! Test binary `tidy`.

use std::process::ExitCode;

use acceptance_tests::suite::Suite;

fn main() -> ExitCode {
    Suite::new().run(|| ())
}
