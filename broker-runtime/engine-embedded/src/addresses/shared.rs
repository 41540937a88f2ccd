//! Ports on addresses that all clusters share, the machine's public one and IPv6's loopback: MSK's port numbers can be had
//! there only once, so each cluster gets a row of ports, and each of its brokers a few of them.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv6Addr, SocketAddr},
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ports::{PortTaken, probe};

/// IPv6's loopback: the one address of it that every machine has.
pub(crate) const IPV6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);
/// Brokers that a row has ports for.
pub(crate) const SHARED_BROKERS_MAX: u32 = 16;
/// Ports of one broker: plaintext, TLS, SASL/SCRAM, SASL/IAM.
const PORTS_EACH: u16 = 4;
/// Ports of a row.
const ROW: u16 = 64;
/// The first port of all, and the number of rows. Above them the kernel takes ports for outgoing connections.
const FIRST: u16 = 20_000;
const ROWS: u16 = 199;
/// Rows that are tried before giving up.
const CANDIDATES_MAX: u16 = 32;

/// A row of ports; broker N has four of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SharedPorts {
    first: u16,
}

impl SharedPorts {
    /// The candidate with this number for a cluster; all are different until there is none left.
    fn candidate(cluster_id: Uuid, number: u16) -> Self {
        let (high, low) = cluster_id.as_u64_pair();
        let start = (high ^ low) % u64::from(ROWS);
        let row = (start + u64::from(number)) % u64::from(ROWS);
        let row = u16::try_from(row).expect("there are fewer rows than a u16 counts");
        Self {
            first: FIRST + row * ROW,
        }
    }

    /// The port of a broker for its listener number `index`.
    pub(crate) fn port(self, broker_id: i32, index: u16) -> u16 {
        let number = u16::try_from(broker_id - 1).expect("the specification is checked for the number of brokers");
        self.first + number * PORTS_EACH + index
    }
}

/// Chooses a row that no other cluster has and of which all sockets, as `sockets` names them, can be had.
pub(crate) fn choose_shared(
    cluster_id: Uuid,
    sockets: impl Fn(SharedPorts) -> Vec<SocketAddr>,
    reserved: &BTreeSet<SharedPorts>,
) -> Result<SharedPorts, PortTaken> {
    let mut first_taken = None;
    for number in 0..CANDIDATES_MAX {
        let row = SharedPorts::candidate(cluster_id, number);
        if reserved.contains(&row) {
            continue;
        }
        match probe(sockets(row)) {
            Ok(()) => return Ok(row),
            Err(taken) => first_taken.get_or_insert(taken),
        };
    }
    Err(first_taken.unwrap_or_else(|| PortTaken {
        address: (IPV6, SharedPorts::candidate(cluster_id, 0).first).into(),
        holder: None,
        source: std::io::Error::other("all rows of ports belong to other clusters"),
    }))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    #[test]
    fn rows_do_not_meet_and_stay_below_the_ports_of_the_kernel() {
        let all: BTreeSet<u16> = (0..ROWS)
            .map(|number| SharedPorts::candidate(Uuid::from_u128(7), number).first)
            .collect();
        assert_eq!(all.len(), usize::from(ROWS));
        let last = SharedPorts {
            first: *all.last().unwrap(),
        };
        let broker = i32::try_from(SHARED_BROKERS_MAX).unwrap();
        assert_eq!(last.port(broker, PORTS_EACH - 1), last.first + ROW - 1);
        assert!(last.first + ROW <= 32_768);
        assert_eq!(last.port(2, 1), last.first + 5);
    }

    #[test]
    fn row_with_a_taken_port_is_passed_over() {
        let id = Uuid::from_u128(4711);
        let sockets = |row: SharedPorts| vec![SocketAddr::from((Ipv4Addr::new(127, 9, 9, 9), row.port(1, 0)))];
        let first = choose_shared(id, sockets, &BTreeSet::new()).unwrap();
        let _held = TcpListener::bind(sockets(first)[0]).unwrap();
        let second = choose_shared(id, sockets, &BTreeSet::new()).unwrap();
        assert_ne!(second, first);
        assert_ne!(choose_shared(id, sockets, &BTreeSet::from([second])).unwrap(), second);
    }
}
