//! A panic is shown to the person: Terraform makes a crash report of what begins with `panic: ` on standard error.

use std::{backtrace::Backtrace, io::Write, panic};

/// Installs the hook. The panic itself is caught by the call it happened in.
pub(crate) fn install() {
    panic::set_hook(Box::new(|info| {
        let backtrace = Backtrace::force_capture();
        // Nothing can be done when standard error is closed.
        let _ = writeln!(std::io::stderr().lock(), "panic: {info}\n\n{backtrace}");
    }));
}
