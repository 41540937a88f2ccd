//! The block of loopback addresses a cluster gets: `127.A.B.0/24`, chosen by the cluster's id so that it stays the same
//! when a cluster is made anew from a state file, and another one when a port there is taken.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr},
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ports::{PortTaken, probe};

/// First octet after 127 and how many there are; below lie addresses other programs use.
const FIRST_A: u32 = 16;
const COUNT_A: u32 = 200;
/// Values of the third octet.
const COUNT_B: u32 = 250;
/// Blocks that are tried before giving up.
const CANDIDATES_MAX: u32 = 64;

/// Brokers a block has addresses for.
pub(crate) const BROKERS_MAX: u32 = 250;

/// `127.A.B.0/24`; broker N has the address `127.A.B.N`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AddressBlock {
    a: u8,
    b: u8,
}

impl AddressBlock {
    /// The candidate with this number for a cluster; all are different until there is none left.
    fn candidate(cluster_id: Uuid, number: u32) -> Self {
        let (high, low) = cluster_id.as_u64_pair();
        let blocks = u64::from(COUNT_A * COUNT_B);
        let start = (high ^ low) % blocks;
        let index = (start + u64::from(number)) % blocks;
        let (a, b) = (index / u64::from(COUNT_B), index % u64::from(COUNT_B));
        let octet = |value: u64| u8::try_from(value).expect("the number of blocks is bounded so that octets fit");
        Self {
            a: octet(a + u64::from(FIRST_A)),
            b: octet(b),
        }
    }

    /// Address of a broker; ids go from 1 to [`BROKERS_MAX`].
    pub fn address(self, broker_id: i32) -> Ipv4Addr {
        let last = u8::try_from(broker_id).expect("the specification is checked for the number of brokers");
        Ipv4Addr::new(127, self.a, self.b, last)
    }

    /// Addresses of brokers `1..=broker_count`.
    pub(crate) fn addresses(self, broker_count: u32) -> impl Iterator<Item = Ipv4Addr> {
        (1..=broker_count)
            .filter_map(move |id| i32::try_from(id).ok())
            .map(move |id| self.address(id))
    }
}

/// Chooses a block in which all `ports` of `broker_count` brokers are free and that no other cluster has. The error is
/// the port that was in the way the first time.
pub(crate) fn choose(
    cluster_id: Uuid,
    broker_count: u32,
    ports: &[u16],
    reserved: &BTreeSet<AddressBlock>,
) -> Result<AddressBlock, PortTaken> {
    let mut first_taken = None;
    for number in 0..CANDIDATES_MAX {
        let block = AddressBlock::candidate(cluster_id, number);
        if reserved.contains(&block) {
            continue;
        }
        let sockets = block
            .addresses(broker_count)
            .flat_map(|host| ports.iter().map(move |port| SocketAddr::from((host, *port))));
        match probe(sockets) {
            Ok(()) => return Ok(block),
            // Who listens on all addresses is in the way in every block.
            Err(taken)
                if taken
                    .holder
                    .as_ref()
                    .is_some_and(|holder| holder.address.ip().is_unspecified()) =>
            {
                return Err(taken);
            }
            Err(taken) => {
                first_taken.get_or_insert(taken);
            }
        }
    }
    Err(first_taken.unwrap_or_else(|| PortTaken {
        address: (AddressBlock::candidate(cluster_id, 0).address(1), 0).into(),
        holder: None,
        source: std::io::Error::other("all blocks belong to other clusters"),
    }))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn candidates_differ_and_stay_in_range() {
        let id = Uuid::from_u128(u128::MAX - 1);
        let all: BTreeSet<AddressBlock> = (0..COUNT_A * COUNT_B).map(|n| AddressBlock::candidate(id, n)).collect();
        assert_eq!(all.len(), 50_000);
        assert_eq!(all.first().unwrap().address(1), Ipv4Addr::new(127, 16, 0, 1));
        assert_eq!(all.last().unwrap().address(250), Ipv4Addr::new(127, 215, 249, 250));
    }

    #[test]
    fn same_cluster_gets_the_same_block() {
        let id = Uuid::from_u128(7);
        let first = choose(id, 3, &[], &BTreeSet::new()).unwrap();
        assert_eq!(choose(id, 3, &[], &BTreeSet::new()).unwrap(), first);
        assert_ne!(choose(id, 3, &[], &BTreeSet::from([first])).unwrap(), first);
    }

    #[test]
    fn block_with_a_taken_port_is_passed_over() {
        let id = Uuid::from_u128(77);
        let first = AddressBlock::candidate(id, 0);
        let listener = TcpListener::bind((first.address(2), 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(
            choose(id, 3, &[port], &BTreeSet::new()).unwrap(),
            AddressBlock::candidate(id, 1)
        );
        assert_eq!(choose(id, 1, &[port], &BTreeSet::new()).unwrap(), first);
    }

    #[test]
    fn listener_on_all_addresses_is_an_error_at_once() {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken = choose(Uuid::from_u128(5), 1, &[port], &BTreeSet::new()).unwrap_err();
        assert!(taken.into_error().to_string().contains("listening on 0.0.0.0"));
    }
}
