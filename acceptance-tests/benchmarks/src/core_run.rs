//! One command of OpenTofu, measured: how long it took, the CPU time of the core and of all providers that it started, and how large
//! these became.

use std::{
    process::{Output, Stdio},
    time::{Duration, Instant},
};

use acceptance_tests::{terraform::Workspace, wait};
use anyhow::{Context, Result, ensure};

use crate::{process, report::Spread};

/// How long one command may take.
const LIMIT: Duration = Duration::from_secs(300);

/// What the runs of one command took.
#[derive(Default)]
pub struct Runs {
    wall_s: Vec<f64>,
    cpu_s: Vec<f64>,
}

impl Runs {
    /// Runs a command once more; it must succeed.
    pub fn run(&mut self, workspace: &Workspace, arguments: &[&str]) -> Result<()> {
        let cpu = process::cpu_seconds_of_children()?;
        let start = Instant::now();
        // Not by the library's runner, which looks every ten milliseconds.
        let output = workspace.prepare(arguments).stdin(Stdio::null()).output()?;
        self.wall_s.push(start.elapsed().as_secs_f64());
        self.cpu_s.push(process::cpu_seconds_of_children()? - cpu);
        expect_success(&output)
    }

    /// Seconds from start to end.
    pub fn wall_s(&self) -> Spread {
        Spread::of(&self.wall_s)
    }

    /// The same in milliseconds.
    pub fn wall_ms(&self) -> Spread {
        let all: Vec<f64> = self.wall_s.iter().map(|seconds| seconds * 1000.0).collect();
        Spread::of(&all)
    }

    /// CPU time of the core and of what it started and waited for, seconds.
    pub fn cpu_s(&self) -> Spread {
        Spread::of(&self.cpu_s)
    }

    /// So much longer than `others` each run took, milliseconds; run by run, as they alternated.
    pub fn longer_ms(&self, others: &Self) -> Spread {
        let pairs = self.wall_s.iter().zip(&others.wall_s);
        let differences: Vec<f64> = pairs.map(|(ours, theirs)| (ours - theirs) * 1000.0).collect();
        Spread::of(&differences)
    }
}

fn expect_success(output: &Output) -> Result<()> {
    ensure!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Most memory of one provider process during a command, MiB: resident, and the same with shared pages divided among those who share.
/// `None` where none was seen. For a run of its own: looking costs time.
pub fn memory_of_provider(workspace: &Workspace, arguments: &[&str]) -> Result<Option<(f64, f64)>> {
    let mut command = workspace.prepare(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut core = command.spawn().context("cannot start the core")?;
    let id = i32::try_from(core.id())?;
    let (mut resident, mut proportional) = (0.0_f64, 0.0_f64);
    let ended = wait::until("the core to end", LIMIT, || {
        for provider in process::providers_of(id) {
            // One that ends while it is looked at counts nothing.
            resident = resident.max(process::most_resident_megabytes(provider).unwrap_or_default());
            proportional = proportional.max(process::proportional_megabytes(provider).unwrap_or_default());
        }
        core.try_wait().ok().flatten()
    });
    if ended.is_err() {
        core.kill()?;
    }
    ensure!(ended?.success(), "the core failed");
    Ok((resident > 0.0).then_some((resident, proportional)))
}
