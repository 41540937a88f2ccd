//! Processes and sockets of this machine, as `/proc` shows them, and the end of processes.

use std::{collections::BTreeSet, fs, path::Path};

use rustix::process::{Pid, Signal, kill_process};

/// A process.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    /// Process id.
    pub pid: i32,
    /// Arguments, the program first.
    pub arguments: Vec<String>,
}

/// Our processes that work in a folder, and those of Apache Kafka that they run there.
pub fn working_in(folder: &Path) -> Vec<Process> {
    let root = folder.display().to_string();
    let mut processes = running();
    processes.retain(|process| {
        let program = process.arguments.first();
        program.is_some_and(|program| program.ends_with("broker-runtime") || program.ends_with("java"))
            && process.arguments.iter().any(|argument| argument.contains(&root))
    });
    processes
}

/// Sends SIGKILL to all of them, the guard first, which would start another `serve`.
pub(crate) fn kill_all(folder: &Path) {
    let processes = working_in(folder);
    let is_guard = |process: &&Process| process.arguments.get(1).is_some_and(|kind| kind == "guard");
    processes.iter().filter(is_guard).for_each(|guard| kill(guard.pid));
    processes.iter().for_each(|process| kill(process.pid));
}

/// Ids of the processes that this one has started and not waited for.
pub(crate) fn children() -> Vec<i32> {
    let us = std::process::id().to_string();
    let mut processes = running();
    processes.retain(|process| {
        let stat = fs::read_to_string(format!("/proc/{}/stat", process.pid)).unwrap_or_default();
        let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1));
        parent == Some(us.as_str())
    });
    processes.into_iter().map(|process| process.pid).collect()
}

/// Sends SIGKILL; a process that is gone already is fine.
pub fn kill(pid: i32) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// Every process whose arguments can be read.
pub fn running() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            if state(&entry.path())? == 'Z' {
                return None;
            }
            let line = fs::read(entry.path().join("cmdline")).ok()?;
            let arguments = line.split(|byte| *byte == 0).filter(|part| !part.is_empty());
            Some(Process {
                pid,
                arguments: arguments.map(|it| String::from_utf8_lossy(it).into_owned()).collect(),
            })
        })
        .collect()
}

fn state(process: &Path) -> Option<char> {
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// `address:port` of every listening TCP socket of this machine.
pub fn listening() -> BTreeSet<String> {
    let text = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    text.lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (address, port) = fields.get(1)?.split_once(':')?;
            (*fields.get(3)? == "0A").then_some(())?;
            let address = u32::from_str_radix(address, 16).ok()?.to_le_bytes();
            let port = u16::from_str_radix(port, 16).ok()?;
            Some(format!(
                "{}.{}.{}.{}:{port}",
                address[0], address[1], address[2], address[3]
            ))
        })
        .collect()
}
