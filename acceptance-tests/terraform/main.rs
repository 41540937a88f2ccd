//! Test binary `terraform`.

use std::process::ExitCode;

use acceptance_tests::suite::Suite;

fn main() -> ExitCode {
    Suite::new().run(|| ())
}
