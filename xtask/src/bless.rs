//! `cargo xtask bless`: runs the tests that compare with snapshots and takes what they see as the new truth.

use anyhow::Result;

use crate::step;

/// Rewrites all snapshots.
pub fn run() -> Result<()> {
    let mut command = step::program("cargo");
    command.args([
        "test",
        "--workspace",
        "--exclude",
        "acceptance-tests",
        "--exclude",
        "xtask",
    ]);
    step::loudly(command.env("INSTA_UPDATE", "always"))?;
    step::say("Snapshots are written; `git diff` shows what changed.");
    Ok(())
}
