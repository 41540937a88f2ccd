//! What the kernel says about processes.

use std::{fs, io};

/// A process of this boot. The id alone would not do: the kernel gives it out again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessIdentity {
    /// Process id.
    pub pid: u32,
    /// Clock ticks between boot and its start (field 22 of `/proc/PID/stat`).
    pub start_ticks: u64,
}

/// Identity of this boot of the kernel.
pub fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

/// A random token; the kernel makes a new UUID at every reading.
pub(crate) fn random_token() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/uuid")?.trim().to_owned())
}

/// Resident memory of a process in bytes, `None` when it does not run.
pub fn resident_bytes(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// CPU time that a process has used, in milliseconds, `None` when it does not run.
pub fn cpu_ms(pid: u32) -> Option<u64> {
    /// `sysconf(_SC_CLK_TCK)`, which is 100 on every Linux there is (`USER_HZ`).
    const TICKS_PER_S: u64 = 100;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    // Fields 14 and 15, user and system time; the first one after the name is field 3.
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some((ticks()? + ticks()?) * 1000 / TICKS_PER_S)
}

/// The process with this id, unless there is none or it has ended and only waits to be reaped.
pub fn identify(pid: u32) -> Option<ProcessIdentity> {
    let (state, identity) = read_stat(pid)?;
    (!matches!(state, 'Z' | 'X')).then_some(identity)
}

/// The process with this id, also when it only waits to be reaped.
pub(crate) fn identify_even_ended(pid: u32) -> Option<ProcessIdentity> {
    read_stat(pid).map(|(_, identity)| identity)
}

fn read_stat(pid: u32) -> Option<(char, ProcessIdentity)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in field 2 may hold anything, closing parentheses and spaces too.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let start_ticks = fields.nth(18)?.parse().ok()?;
    Some((state, ProcessIdentity { pid, start_ticks }))
}

/// True when `argument` is one of the arguments of the process.
pub fn has_argument(pid: u32, argument: &str) -> bool {
    fs::read(format!("/proc/{pid}/cmdline"))
        .is_ok_and(|line| line.split(|byte| *byte == 0).any(|part| part == argument.as_bytes()))
}

/// True when `token` is in one of the arguments of the process, alone or as part of it.
pub(crate) fn carries(pid: u32, token: &str) -> bool {
    !token.is_empty()
        && fs::read(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| line.windows(token.len()).any(|part| part == token.as_bytes()))
}

/// The processes that have `argument` among their arguments.
pub fn running_with_argument(argument: &str) -> io::Result<Vec<ProcessIdentity>> {
    running(|pid| has_argument(pid, argument))
}

/// The processes that carry `token` in an argument.
pub(crate) fn running_that_carry(token: &str) -> io::Result<Vec<ProcessIdentity>> {
    running(|pid| carries(pid, token))
}

fn running(wanted: impl Fn(u32) -> bool) -> io::Result<Vec<ProcessIdentity>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if wanted(pid)
            && let Some(identity) = identify(pid)
        {
            found.push(identity);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_process_is_identified() {
        let identity = identify(std::process::id()).unwrap();
        assert!(identity.start_ticks > 0);
        assert_eq!(identify(std::process::id()), Some(identity));
        assert!(resident_bytes(identity.pid).unwrap() > 0);
        assert!(cpu_ms(identity.pid).is_some());
    }

    #[test]
    fn tokens_differ() {
        assert_ne!(random_token().unwrap(), random_token().unwrap());
    }

    #[test]
    fn process_that_does_not_exist_is_not_identified() {
        assert_eq!(identify(u32::MAX), None);
        assert_eq!(resident_bytes(u32::MAX), None);
        assert_eq!(cpu_ms(u32::MAX), None);
    }
}
