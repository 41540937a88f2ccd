//! What the machine has, and which of its addresses are taken.

use std::{fs, io, net::SocketAddr, num::NonZero, path::Path};

use hosts::Capacity;
use rustix::{
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt},
};

/// What this machine has, as far as it tells.
pub(super) fn capacity(data_directory: &Path) -> Capacity {
    let disk = rustix::fs::statvfs(data_directory).ok();
    let bytes = |blocks: u64, size: u64| blocks.saturating_mul(size);
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    Capacity {
        cores: u32::try_from(cores).unwrap_or(u32::MAX),
        memory_bytes: memory_bytes().unwrap_or_default(),
        disk_bytes: disk
            .as_ref()
            .map(|disk| bytes(disk.f_blocks, disk.f_frsize))
            .unwrap_or_default(),
        disk_free_bytes: disk
            .as_ref()
            .map(|disk| bytes(disk.f_bavail, disk.f_frsize))
            .unwrap_or_default(),
    }
}

/// Memory of the machine, or what the control group of this process has of it.
fn memory_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    let group = fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let group = group.and_then(|text| text.trim().parse().ok());
    Some((kibibytes * 1024).min(group.unwrap_or(u64::MAX)))
}

/// Whether something listens on this address. An address that this machine has not is not taken.
pub(super) fn is_taken(address: SocketAddr) -> io::Result<bool> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // As servers do: connections that have just ended are not in the way.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    match bind(&socket, &address) {
        Ok(()) | Err(Errno::ADDRNOTAVAIL) => Ok(false),
        Err(Errno::ADDRINUSE) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn machine_has_something() {
        let capacity = capacity(Path::new("/"));
        assert!(capacity.cores > 0 && capacity.memory_bytes > 1 << 20, "{capacity:?}");
        assert!(capacity.disk_bytes >= capacity.disk_free_bytes, "{capacity:?}");
    }

    #[test]
    fn listening_address_is_taken_until_nobody_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert!(is_taken(address).unwrap());
        let other = SocketAddr::from(([127, 0, 0, 2], address.port()));
        assert!(!is_taken(other).unwrap(), "another address with the same port");
        drop(listener);
        assert!(!is_taken(address).unwrap());
        assert!(
            !is_taken("192.0.2.1:9092".parse().unwrap()).unwrap(),
            "an address of others"
        );
    }
}
