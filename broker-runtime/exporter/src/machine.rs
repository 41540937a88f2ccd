//! What the machine does, with the names of Prometheus' node exporter: processors, memory, load, disks, file systems and
//! networks, as far as `/proc` tells.

use std::{collections::BTreeMap, io};

use exposition::{Kind, Page};
use procfs::{Current, CurrentSI};

/// Sectors of `/proc/diskstats` have this size on every disk.
const SECTOR_BYTES: f64 = 512.0;
/// File systems that keep nothing on a disk.
const VIRTUAL: [&str; 18] = [
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "fusectl",
    "hugetlbfs",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "securityfs",
    "sysfs",
    "tracefs",
];

/// The page of the machine. An error where the system has no `/proc`.
pub fn text() -> io::Result<String> {
    let mut page = Page::default();
    processors(&mut page).map_err(unreadable)?;
    memory(&mut page).map_err(unreadable)?;
    disks(&mut page).map_err(unreadable)?;
    networks(&mut page).map_err(unreadable)?;
    file_systems(&mut page).map_err(unreadable)?;
    Ok(page.text())
}

fn unreadable(error: procfs::ProcError) -> io::Error {
    io::Error::other(format!("the system does not say how the machine is: {error}"))
}

fn processors(page: &mut Page) -> procfs::ProcResult<()> {
    let stat = procfs::KernelStats::current()?;
    let family = page.family(
        "node_cpu_seconds_total",
        Kind::Counter,
        "Seconds the CPUs spent in each mode",
    );
    let seconds = |ticks: u64| ticks as f64 / procfs::ticks_per_second() as f64;
    for (index, cpu) in stat.cpu_time.iter().enumerate() {
        let index = index.to_string();
        for (mode, ticks) in [
            ("user", Some(cpu.user)),
            ("nice", Some(cpu.nice)),
            ("system", Some(cpu.system)),
            ("idle", Some(cpu.idle)),
            ("iowait", cpu.iowait),
            ("irq", cpu.irq),
            ("softirq", cpu.softirq),
            ("steal", cpu.steal),
        ] {
            if let Some(ticks) = ticks {
                family.sample(&[("cpu", &index), ("mode", mode)], seconds(ticks));
            }
        }
    }
    let mut gauge = |name, help, value| page.family(name, Kind::Gauge, help).sample(&[], value);
    gauge(
        "node_boot_time_seconds",
        "Start of the machine, Unix time",
        stat.btime as f64,
    );
    gauge(
        "node_procs_running",
        "Processes that run",
        stat.procs_running.map_or(0.0, f64::from),
    );
    gauge(
        "node_procs_blocked",
        "Processes that wait for a disk",
        stat.procs_blocked.map_or(0.0, f64::from),
    );
    let load = procfs::LoadAverage::current()?;
    gauge("node_load1", "Load of the last minute", f64::from(load.one));
    gauge("node_load5", "Load of the last five minutes", f64::from(load.five));
    gauge(
        "node_load15",
        "Load of the last fifteen minutes",
        f64::from(load.fifteen),
    );
    let mut counter = |name, help, value: u64| page.family(name, Kind::Counter, help).sample(&[], value as f64);
    counter("node_context_switches_total", "Context switches", stat.ctxt);
    counter("node_forks_total", "Processes started", stat.processes);
    Ok(())
}

fn memory(page: &mut Page) -> procfs::ProcResult<()> {
    let memory = procfs::Meminfo::current()?;
    for (name, bytes) in [
        ("MemTotal", Some(memory.mem_total)),
        ("MemFree", Some(memory.mem_free)),
        ("MemAvailable", memory.mem_available),
        ("Buffers", Some(memory.buffers)),
        ("Cached", Some(memory.cached)),
        ("SwapTotal", Some(memory.swap_total)),
        ("SwapFree", Some(memory.swap_free)),
        ("SwapCached", Some(memory.swap_cached)),
        ("Dirty", Some(memory.dirty)),
        ("Writeback", Some(memory.writeback)),
        ("AnonPages", memory.anon_pages),
        ("Mapped", Some(memory.mapped)),
        ("Slab", Some(memory.slab)),
    ] {
        if let Some(bytes) = bytes {
            page.family(&format!("node_memory_{name}_bytes"), Kind::Gauge, "Memory, see proc(5)")
                .sample(&[], bytes as f64);
        }
    }
    Ok(())
}

fn disks(page: &mut Page) -> procfs::ProcResult<()> {
    for disk in procfs::diskstats()? {
        // Loop devices and memory disks are no disks.
        if disk.name.starts_with("loop") || disk.name.starts_with("ram") {
            continue;
        }
        let mut show = |name: &str, kind: Kind, help: &str, value: f64| {
            page.family(&format!("node_disk_{name}"), kind, help)
                .sample(&[("device", &disk.name)], value);
        };
        let mut count = |name, help, value: f64| show(name, Kind::Counter, help, value);
        count("reads_completed_total", "Reads", disk.reads as f64);
        count("writes_completed_total", "Writes", disk.writes as f64);
        count(
            "read_bytes_total",
            "Bytes read",
            disk.sectors_read as f64 * SECTOR_BYTES,
        );
        count(
            "written_bytes_total",
            "Bytes written",
            disk.sectors_written as f64 * SECTOR_BYTES,
        );
        count(
            "read_time_seconds_total",
            "Seconds that reads took",
            disk.time_reading as f64 / 1000.0,
        );
        count(
            "write_time_seconds_total",
            "Seconds that writes took",
            disk.time_writing as f64 / 1000.0,
        );
        count(
            "io_time_seconds_total",
            "Seconds with something to do",
            disk.time_in_progress as f64 / 1000.0,
        );
        count(
            "io_time_weighted_seconds_total",
            "The same, by the number of requests",
            disk.weighted_time_in_progress as f64 / 1000.0,
        );
        show("io_now", Kind::Gauge, "Requests that wait", disk.in_progress as f64);
    }
    Ok(())
}

fn networks(page: &mut Page) -> procfs::ProcResult<()> {
    for (device, status) in procfs::net::dev_status()? {
        for (name, value) in [
            ("receive_bytes", status.recv_bytes),
            ("receive_packets", status.recv_packets),
            ("receive_errs", status.recv_errs),
            ("receive_drop", status.recv_drop),
            ("transmit_bytes", status.sent_bytes),
            ("transmit_packets", status.sent_packets),
            ("transmit_errs", status.sent_errs),
            ("transmit_drop", status.sent_drop),
        ] {
            page.family(
                &format!("node_network_{name}_total"),
                Kind::Counter,
                "Traffic of a network device, see proc(5)",
            )
            .sample(&[("device", &device)], value as f64);
        }
    }
    Ok(())
}

fn file_systems(page: &mut Page) -> procfs::ProcResult<()> {
    let mounts = procfs::process::Process::myself()?.mountinfo()?.into_iter();
    // What was mounted over something hides it.
    let visible: BTreeMap<_, _> = mounts.map(|mount| (mount.mount_point.clone(), mount)).collect();
    for mount in visible.into_values() {
        if VIRTUAL.contains(&mount.fs_type.as_str()) {
            continue;
        }
        // One that does not answer, such as another user's, is left out.
        let Ok(status) = rustix::fs::statvfs(&mount.mount_point) else {
            continue;
        };
        let (device, path) = (
            mount.mount_source.unwrap_or_default(),
            mount.mount_point.to_string_lossy(),
        );
        let labels = [
            ("device", device.as_str()),
            ("fstype", mount.fs_type.as_str()),
            ("mountpoint", &path),
        ];
        for (name, value) in [
            ("size_bytes", status.f_blocks * status.f_frsize),
            ("free_bytes", status.f_bfree * status.f_frsize),
            ("avail_bytes", status.f_bavail * status.f_frsize),
            ("files", status.f_files),
            ("files_free", status.f_ffree),
        ] {
            page.family(
                &format!("node_filesystem_{name}"),
                Kind::Gauge,
                "A file system, see statvfs(3)",
            )
            .sample(&labels, value as f64);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machine_is_shown() {
        let page = text().unwrap();
        let value = |start: &str| -> f64 {
            let line = page.lines().find(|line| line.starts_with(start));
            let line = line.unwrap_or_else(|| panic!("{start} is missing in\n{page}"));
            line.rsplit(' ').next().unwrap().parse().unwrap()
        };
        assert!(value("node_memory_MemTotal_bytes ") > value("node_memory_MemFree_bytes "));
        assert!(value("node_cpu_seconds_total{cpu=\"0\",mode=\"idle\"}") > 0.0);
        assert!(value("node_filesystem_size_bytes{") > 0.0);
        assert!(value("node_network_receive_bytes_total{device=\"lo\"}") >= 0.0);
        assert!(value("node_boot_time_seconds ") > 1e9);
    }
}
