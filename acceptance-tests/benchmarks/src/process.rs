//! CPU time and memory of processes, from `/proc`.

use std::fs;

use anyhow::{Context, Result};

/// CPU time of processes so far, seconds; one that is gone counts nothing.
pub fn cpu_seconds(pids: &[i32]) -> f64 {
    let ticks: f64 = pids.iter().filter_map(|pid| ticks(*pid)).sum();
    ticks / 100.0
}

/// User and system time of a process in ticks of 10 ms.
fn ticks(pid: i32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    Some(fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?)
}

/// Resident memory, megabytes (2^20 bytes).
pub fn resident_megabytes(pid: i32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .context("VmRSS")?;
    Ok(line.split_whitespace().nth(1).context("a number")?.parse::<f64>()? / 1024.0)
}
