//! Who listens on a port, as `/proc` tells it.

use std::{
    fmt, fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

/// State `LISTEN` in `/proc/net/tcp`.
const LISTEN: &str = "0A";

/// A process that listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortHolder {
    /// What it listens on; `0.0.0.0` and `::` are all addresses.
    pub address: SocketAddr,
    /// Its id, unless it belongs to another user.
    pub pid: Option<u32>,
    /// Its name, unless it belongs to another user.
    pub name: Option<String>,
}

impl fmt::Display for PortHolder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.pid, &self.name) {
            (Some(pid), Some(name)) => write!(formatter, "{name} (process {pid}) listening on {}", self.address),
            (Some(pid), None) => write!(formatter, "process {pid} listening on {}", self.address),
            (None, _) => write!(formatter, "a process of another user listening on {}", self.address),
        }
    }
}

/// Who makes it impossible to bind `wanted`; `None` when nobody is seen.
pub fn holder_of(wanted: SocketAddr) -> Option<PortHolder> {
    let (address, inode) = listening_sockets()
        .into_iter()
        .find(|(address, _)| clashes(*address, wanted))?;
    let pid = process_with_socket(&inode);
    let name = pid.and_then(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).ok());
    Some(PortHolder {
        address,
        pid,
        name: name.map(|name| name.trim().to_owned()),
    })
}

fn clashes(listening: SocketAddr, wanted: SocketAddr) -> bool {
    listening.port() == wanted.port() && (listening.ip() == wanted.ip() || listening.ip().is_unspecified())
}

fn listening_sockets() -> Vec<(SocketAddr, String)> {
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .into_iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .flat_map(|text| text.lines().skip(1).filter_map(parse_line).collect::<Vec<_>>())
        .collect()
}

/// `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …`
fn parse_line(line: &str) -> Option<(SocketAddr, String)> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let address = parse_address(fields.next()?)?;
    if fields.nth(1)? != LISTEN {
        return None;
    }
    Some((address, fields.nth(5)?.to_owned()))
}

/// The kernel prints each 32-bit word of the address in the byte order of the machine.
fn parse_address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let words = (0..address.len() / 8)
        .map(|index| u32::from_str_radix(address.get(index * 8..index * 8 + 8)?, 16).ok())
        .collect::<Option<Vec<u32>>>()?;
    let bytes: Vec<u8> = words.into_iter().flat_map(u32::to_ne_bytes).collect();
    let ip = if let Ok(bytes) = <[u8; 4]>::try_from(bytes.as_slice()) {
        IpAddr::V4(Ipv4Addr::from(bytes))
    } else {
        IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes.as_slice()).ok()?))
    };
    Some(SocketAddr::new(ip, port))
}

fn process_with_socket(inode: &str) -> Option<u32> {
    let link = format!("socket:[{inode}]");
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let descriptors = fs::read_dir(entry.path().join("fd")).ok()?;
        let held = descriptors
            .flatten()
            .any(|fd| fs::read_link(fd.path()).is_ok_and(|target| target.as_os_str() == link.as_str()));
        held.then_some(pid)
    })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn own_listener_is_found_with_its_process() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let holder = holder_of(address).unwrap();
        assert_eq!((holder.address, holder.pid), (address, Some(std::process::id())));
    }

    #[test]
    fn listener_on_all_addresses_is_in_the_way_of_each() {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let holder = holder_of(SocketAddr::from(([127, 16, 0, 1], port))).unwrap();
        assert_eq!(holder.address, SocketAddr::from(([0, 0, 0, 0], port)));
    }

    #[test]
    fn addresses_of_both_families_are_read() {
        let read = |text| parse_address(text).unwrap().to_string();
        if cfg!(target_endian = "little") {
            assert_eq!(read("0100007F:1F90"), "127.0.0.1:8080");
            assert_eq!(read("00000000000000000000000001000000:0016"), "[::1]:22");
        }
        assert_eq!(parse_address("01:"), None);
    }
}
