//! The modules in examples/modules pass their own tests, with the test command of each core.

use std::{fs, path::Path, path::PathBuf};

use acceptance_tests::{binaries, suite::Suite, terraform::Workspace, tools::Tools};
use anyhow::{Result, ensure};

use crate::for_each_core;

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    for_each_core(suite, tools, "modules_pass_their_own_tests", own_tests);
}

fn own_tests(core: PathBuf) -> Result<()> {
    let mut modules = 0;
    for module in fs::read_dir(binaries::repository().join("examples/modules"))? {
        let workspace = Workspace::new(&core)?;
        copy(&module?.path(), workspace.path())?;
        let finished = workspace.succeed(&["test", "-no-color"])?;
        ensure!(finished.stdout.contains("Success!"), "{}", finished.text());
        ensure!(workspace.runtime.processes("broker").is_empty(), "brokers are left");
        modules += 1;
    }
    ensure!(modules > 0, "there are no modules");
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir_all(&target)?;
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
