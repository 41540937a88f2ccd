//! The control plane killed: it comes back within a second, adopts the brokers, and clients notice nothing.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use acceptance_tests::{cluster::Cluster, suite::Suite, tools::Tools, wait};
use anyhow::{Result, ensure};

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    suite.test_with(
        "killed_serve_is_back_and_adopts_its_brokers",
        "terraform",
        tools.terraform.clone(),
        |core| killed(&core),
    );
}

fn killed(core: &Path) -> Result<()> {
    let cluster = Cluster::start(core)?;
    let runtime = &cluster.workspace.runtime;
    let brokers = runtime.processes("broker");
    for round in 0..3 {
        let before = runtime.processes("serve");
        ensure!(before.len() == 1, "round {round}: {before:?}");
        let start = Instant::now();
        runtime.kill("serve");
        wait::until("serve to answer again", Duration::from_secs(10), || {
            let other = runtime
                .processes("serve")
                .first()
                .is_some_and(|it| it.pid != before[0].pid);
            (other && runtime.command(&["status"]).is_ok_and(|it| it.code == Some(0))).then_some(())
        })?;
        ensure!(
            start.elapsed() < Duration::from_secs(5),
            "back only after {:?}",
            start.elapsed()
        );
        ensure!(runtime.processes("broker") == brokers, "the brokers were not adopted");
    }
    // The companion that restarts serve is itself restarted.
    let guard = runtime.processes("guard");
    runtime.kill("guard");
    wait::until("the guard to run again", Duration::from_secs(10), || {
        runtime
            .processes("guard")
            .first()
            .filter(|it| guard.iter().all(|old| old.pid != it.pid))
            .map(drop)
    })?;
    cluster.workspace.expect_empty_plan()?;
    cluster.workspace.destroy()?;
    ensure!(runtime.processes("broker").is_empty(), "brokers are left");
    Ok(())
}
