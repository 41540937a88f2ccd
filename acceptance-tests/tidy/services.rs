//! Units of systemd in `packaging/`, read by systemd itself where it is installed.

use std::{fs, process::Command, time::Duration};

use acceptance_tests::{binaries, program, suite::Suite};
use anyhow::{Context, Result, ensure};

/// How long it may take.
const LIMIT: Duration = Duration::from_secs(60);

/// Adds the tests of this file.
pub fn add(suite: &mut Suite) {
    let installed = Command::new("systemd-analyze").arg("--version").output();
    let possible = installed.map(drop).context("systemd is not installed");
    suite.test_if("units_of_systemd_are_understood", possible, understood);
}

fn understood() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut command = Command::new("systemd-analyze");
    command.arg("verify");
    for entry in fs::read_dir(binaries::repository().join("packaging"))? {
        let path = entry?.path();
        if path.extension().is_none_or(|end| end != "service") {
            continue;
        }
        let text = fs::read_to_string(&path)?;
        let program = "/usr/local/bin/broker-runtime";
        ensure!(text.contains(&format!("ExecStart={program} ")), "{}", path.display());
        // Neither the program nor its user need to be on this machine.
        let text = text.replace(program, "/bin/true").replace("User=openmsk", "User=root");
        let copy = folder.path().join(path.file_name().context("name of a unit")?);
        fs::write(&copy, text)?;
        command.arg(copy);
    }
    ensure!(command.get_args().count() > 2, "too few units");
    let finished = program::succeed(&mut command, LIMIT)?;
    ensure!(finished.text().trim().is_empty(), "{}", finished.text());
    Ok(())
}
