//! What a person reads.

use std::io::Write;

/// Writes a line to standard output; a reader that is gone is nobody's problem.
pub(crate) fn line(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{text}");
    let _ = stdout.flush();
}
