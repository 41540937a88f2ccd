//! What clusters have left on machines, and none needs any more.

use std::path::PathBuf;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// What no cluster needs.
    pub found: Vec<Leftover>,
    /// Why some machines, or parts of them, were left out, in sentences.
    pub left_out: Vec<String>,
}

/// Something that no cluster needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// Name of the host that has it; `None` for the machine of the control plane itself.
    pub host: Option<String>,
    /// What it is, for people.
    pub what: String,
    /// Where it is, on that machine.
    pub path: PathBuf,
    /// What it takes up.
    pub bytes: u64,
}
