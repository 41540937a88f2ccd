//! CPU time and memory of processes, from `/proc`.

use std::fs;

use anyhow::{Context, Result};

/// CPU time of processes so far, seconds; one that is gone counts nothing.
pub fn cpu_seconds(pids: &[i32]) -> f64 {
    let ticks: f64 = pids.iter().filter_map(|pid| ticks(&pid.to_string(), [11, 12])).sum();
    ticks / 100.0
}

/// CPU time of all children that have ended and were waited for, with theirs, seconds.
pub fn cpu_seconds_of_children() -> Result<f64> {
    Ok(ticks("self", [13, 14]).context("CPU time of children")? / 100.0)
}

/// User and system time, at two positions behind the name, in ticks of 10 ms.
fn ticks(process: &str, positions: [usize; 2]) -> Option<f64> {
    let fields = stat(process)?;
    let at = |position: usize| fields.get(position)?.parse::<f64>().ok();
    Some(at(positions[0])? + at(positions[1])?)
}

/// What `/proc/…/stat` has behind the name of the program.
fn stat(process: &str) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    Some(stat.rsplit_once(") ")?.1.split(' ').map(str::to_owned).collect())
}

/// Ids of the providers that a core has started: before a child runs its own program, its memory is the core's.
pub fn providers_of(core: i32) -> Vec<i32> {
    let is_provider = |id: &i32| {
        let arguments = fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
        arguments.contains("terraform-provider-")
    };
    children_of(core).into_iter().filter(is_provider).collect()
}

fn children_of(parent: i32) -> Vec<i32> {
    let parent = parent.to_string();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|id: &i32| stat(&id.to_string()).is_some_and(|fields| fields.get(1) == Some(&parent)))
        .collect()
}

/// Resident memory, megabytes (2^20 bytes).
pub fn resident_megabytes(pid: i32) -> Result<f64> {
    megabytes(pid, "status", "VmRSS:")
}

/// The most resident memory so far.
pub fn most_resident_megabytes(pid: i32) -> Result<f64> {
    megabytes(pid, "status", "VmHWM:")
}

/// Resident memory, pages that several processes share divided among them.
pub fn proportional_megabytes(pid: i32) -> Result<f64> {
    megabytes(pid, "smaps_rollup", "Pss:")
}

fn megabytes(pid: i32, file: &str, field: &str) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/{file}"))?;
    let line = text.lines().find(|line| line.starts_with(field));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(number.with_context(|| field.to_owned())?.parse::<f64>()? / 1024.0)
}
