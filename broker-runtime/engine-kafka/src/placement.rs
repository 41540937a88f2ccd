//! Which host has which node: a pure function of what there is and what is wanted.
//!
//! Brokers take turns in the zones of the cluster, and within a zone on its hosts. Small clusters have their controllers in
//! the processes of their first brokers, others have processes for them. What has a place keeps it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ports::ROWS_MAX;

/// Id of the first controller that has a process of its own.
pub(crate) const FIRST_CONTROLLER: i32 = 10_001;
/// Clusters on as many hosts as this have no processes for controllers alone.
const COMBINED_HOSTS_MAX: usize = 3;
/// Controllers of clusters that have this many brokers, or more, are five.
const MANY_BROKERS: u32 = 30;

/// A process of Apache Kafka, and where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Node {
    /// Its host.
    pub(crate) host_id: Uuid,
    /// Name of the host, for people.
    pub(crate) host_name: String,
    /// Where it listens.
    pub(crate) address: IpAddr,
    /// Its rack.
    pub(crate) zone: String,
    /// Which row of ports it has on its host.
    pub(crate) row: u16,
    /// Whether it is a broker.
    pub(crate) is_broker: bool,
    /// Whether it is a controller.
    pub(crate) is_controller: bool,
    /// Id of the directory of its metadata, by which the quorum knows it.
    pub(crate) directory_id: Uuid,
    /// Most memory that Java takes for objects, MiB.
    pub(crate) heap_mib: u64,
}

/// Nodes by `node.id`.
pub(crate) type Nodes = BTreeMap<i32, Node>;

/// A host, as far as placing nodes goes.
#[derive(Clone, Debug)]
pub(crate) struct HostView {
    pub(crate) host_id: Uuid,
    pub(crate) name: String,
    /// Zone; empty for a machine that stands in for all zones.
    pub(crate) zone: String,
    pub(crate) address: IpAddr,
    pub(crate) memory_bytes: u64,
    /// Whether it takes new nodes.
    pub(crate) is_open: bool,
    /// A person has said that it does not come back.
    pub(crate) is_dead: bool,
    /// Rows of ports that other clusters, or other programs, have.
    pub(crate) rows_taken: BTreeSet<u16>,
    /// Nodes of other clusters.
    pub(crate) others: usize,
}

impl HostView {
    /// The host of a node that has left the fleet: as if it were dead.
    pub(crate) fn gone(node: &Node) -> Self {
        Self {
            host_id: node.host_id,
            name: node.host_name.clone(),
            zone: node.zone.clone(),
            address: node.address,
            memory_bytes: 0,
            is_open: false,
            is_dead: true,
            rows_taken: BTreeSet::new(),
            others: 0,
        }
    }

    fn is_in(&self, zone: &str) -> bool {
        self.zone.is_empty() || self.zone == zone
    }
}

/// What is wanted of a cluster.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) broker_count: u32,
    pub(crate) zones: &'a [String],
    /// Memory that a broker may have.
    pub(crate) memory_bytes: Option<u64>,
    /// A node that is to leave its host, which takes no nodes.
    pub(crate) leaves: Option<i32>,
}

/// Why nodes cannot be placed, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NoPlace {
    pub(crate) problem: String,
    pub(crate) remedy: String,
}

/// Places all nodes. Those of `existing` stay where they are, except on dead hosts and the one that is to leave its host: there
/// only ids are kept.
pub(crate) fn plan(
    existing: &Nodes,
    wanted: Wanted<'_>,
    hosts: &[HostView],
    mut new_id: impl FnMut() -> Uuid,
) -> Result<Nodes, NoPlace> {
    let dead = |node: &Node| hosts.iter().any(|host| host.host_id == node.host_id && host.is_dead);
    let stays = |id: i32, node: &Node| wanted.leaves != Some(id) && !dead(node);
    let mut nodes: Nodes = existing
        .iter()
        .filter(|(id, node)| stays(**id, node))
        .map(|(id, node)| (*id, node.clone()))
        .collect();
    let broker_ids: Vec<i32> = (1..=wanted.broker_count)
        .filter_map(|id| i32::try_from(id).ok())
        .collect();
    for (id, node) in &mut nodes {
        node.is_broker = broker_ids.contains(id);
    }
    nodes.retain(|_, node| node.is_broker || node.is_controller);
    for (turn, id) in (0..).zip(&broker_ids) {
        if nodes.contains_key(id) {
            continue;
        }
        // One that is lost stays in its zone, whatever zones there are by now: the replicas of a partition are in different ones.
        let lost = existing.get(id).map(|before| before.zone.as_str());
        let zone = lost.unwrap_or_else(|| zone_of(wanted.zones, turn));
        let mut node = place(&nodes, hosts, zone, wanted.memory_bytes, new_id())?;
        node.is_broker = true;
        node.is_controller = existing.get(id).is_some_and(|before| before.is_controller);
        nodes.insert(*id, node);
    }
    if existing.values().any(|node| node.is_controller) {
        for (id, before) in existing.iter().filter(|(_, node)| node.is_controller) {
            if !nodes.contains_key(id) {
                let mut node = place(&nodes, hosts, &before.zone, None, new_id())?;
                node.is_controller = true;
                nodes.insert(*id, node);
            }
        }
        return Ok(nodes);
    }
    add_controllers(&mut nodes, wanted, hosts, new_id)?;
    Ok(nodes)
}

fn add_controllers(
    nodes: &mut Nodes,
    wanted: Wanted<'_>,
    hosts: &[HostView],
    mut new_id: impl FnMut() -> Uuid,
) -> Result<(), NoPlace> {
    let count = controller_count(wanted.broker_count);
    let used: BTreeSet<Uuid> = nodes.values().map(|node| node.host_id).collect();
    if used.len() <= COMBINED_HOSTS_MAX {
        for id in 1..=count {
            if let Some(node) = nodes.get_mut(&id) {
                node.is_controller = true;
            }
        }
        return Ok(());
    }
    for (turn, id) in (0..).zip(FIRST_CONTROLLER..FIRST_CONTROLLER + count) {
        let mut node = place(nodes, hosts, zone_of(wanted.zones, turn), None, new_id())?;
        node.is_controller = true;
        nodes.insert(id, node);
    }
    Ok(())
}

/// How many controllers a cluster of so many brokers has.
pub(crate) fn controller_count(brokers: u32) -> i32 {
    match brokers {
        0..3 => 1,
        3..MANY_BROKERS => 3,
        _ => 5,
    }
}

fn zone_of(zones: &[String], turn: usize) -> &str {
    zones.get(turn % zones.len().max(1)).map_or("", String::as_str)
}

/// A place for one more node in a zone: the host with the fewest of this cluster, then of all.
fn place(
    nodes: &Nodes,
    hosts: &[HostView],
    zone: &str,
    memory_bytes: Option<u64>,
    directory_id: Uuid,
) -> Result<Node, NoPlace> {
    let ours = |host: &HostView| nodes.values().filter(|node| node.host_id == host.host_id).count();
    let open = hosts.iter().filter(|host| host.is_open && host.is_in(zone));
    let mut candidates: Vec<&HostView> = open.collect();
    if candidates.is_empty() {
        return Err(no_host(hosts, zone));
    }
    candidates.sort_by_key(|host| (ours(host), host.others, host.name.clone()));
    for host in &candidates {
        let taken_here = nodes
            .values()
            .filter(|node| node.host_id == host.host_id)
            .map(|node| node.row);
        let taken: BTreeSet<u16> = taken_here.chain(host.rows_taken.iter().copied()).collect();
        let Some(row) = (0..ROWS_MAX).find(|row| !taken.contains(row)) else {
            continue;
        };
        return Ok(Node {
            host_id: host.host_id,
            host_name: host.name.clone(),
            address: host.address,
            zone: zone.to_owned(),
            row,
            is_broker: false,
            is_controller: false,
            directory_id,
            heap_mib: heap_mib(host.memory_bytes, ours(host) + host.others + 1, memory_bytes),
        });
    }
    Err(NoPlace {
        problem: format!("no host in zone {zone:?} has ports that are free"),
        remedy: "let another host join in this zone, or end the programs that listen there".to_owned(),
    })
}

fn no_host(hosts: &[HostView], zone: &str) -> NoPlace {
    let zones: BTreeSet<&str> = hosts
        .iter()
        .filter(|host| host.is_open)
        .map(|host| host.zone.as_str())
        .collect();
    let zones: Vec<&str> = zones.into_iter().collect();
    let others = if zones.is_empty() {
        "no zone has any".to_owned()
    } else {
        format!("there are some in {}", zones.join(", "))
    };
    NoPlace {
        problem: format!("zone {zone:?} has no host that takes brokers, {others}"),
        remedy: "let a host join in this zone, or give the cluster zones that have hosts".to_owned(),
    }
}

/// Memory for objects: half of what a broker may have, else a quarter of its share of the host; page cache gets the rest.
pub(crate) fn heap_mib(host_bytes: u64, nodes: usize, memory_bytes: Option<u64>) -> u64 {
    const MIB: u64 = 1 << 20;
    let share = host_bytes / u64::try_from(nodes).unwrap_or(u64::MAX).max(1);
    let (bytes, most) = match memory_bytes {
        Some(bytes) => (bytes.min(share) / 2, 6 * 1024),
        None => (share / 4, 1024),
    };
    (bytes / MIB).clamp(256, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(number: u8, zone: &str) -> HostView {
        HostView {
            host_id: Uuid::from_u128(number.into()),
            name: format!("host-{number}"),
            zone: zone.to_owned(),
            address: IpAddr::from([10, 0, 0, number]),
            memory_bytes: 16 << 30,
            is_open: true,
            is_dead: false,
            rows_taken: BTreeSet::new(),
            others: 0,
        }
    }

    fn zones(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn planned(existing: &Nodes, broker_count: u32, zones: &[String], hosts: &[HostView]) -> Result<Nodes, NoPlace> {
        let wanted = Wanted {
            broker_count,
            zones,
            memory_bytes: None,
            leaves: None,
        };
        plan(existing, wanted, hosts, || Uuid::from_u128(7))
    }

    fn hosts_of(nodes: &Nodes) -> Vec<(i32, &str, u16)> {
        nodes
            .iter()
            .map(|(id, node)| (*id, node.host_name.as_str(), node.row))
            .collect()
    }

    fn controllers(nodes: &Nodes) -> Vec<i32> {
        let all = nodes.iter().filter(|(_, node)| node.is_controller);
        all.map(|(id, _)| *id).collect()
    }

    #[test]
    fn brokers_take_turns_in_zones_and_small_clusters_combine() {
        let hosts = [host(1, "a"), host(2, "b"), host(3, "c")];
        let nodes = planned(&Nodes::new(), 4, &zones(&["a", "b", "c"]), &hosts).unwrap();
        assert_eq!(
            hosts_of(&nodes),
            [(1, "host-1", 0), (2, "host-2", 0), (3, "host-3", 0), (4, "host-1", 1)]
        );
        assert_eq!(controllers(&nodes), [1, 2, 3]);
        assert_eq!(nodes[&4].zone, "a");
    }

    #[test]
    fn larger_clusters_have_controllers_of_their_own_in_different_zones() {
        let hosts: Vec<HostView> = (1..=6).map(|n| host(n, ["a", "b", "c"][usize::from(n) % 3])).collect();
        let nodes = planned(&Nodes::new(), 6, &zones(&["a", "b", "c"]), &hosts).unwrap();
        assert_eq!(controllers(&nodes), [10_001, 10_002, 10_003]);
        let zones_used: BTreeSet<&str> = (10_001..=10_003).map(|id| nodes[&id].zone.as_str()).collect();
        assert_eq!(zones_used.len(), 3);
        let used: BTreeSet<Uuid> = (1..=6).map(|id| nodes[&id].host_id).collect();
        assert_eq!(used.len(), 6, "each on a host of its own");
        let many: Vec<HostView> = (1..=30).map(|n| host(n, "a")).collect();
        assert_eq!(
            controllers(&planned(&Nodes::new(), 30, &zones(&["a"]), &many).unwrap()).len(),
            5
        );
    }

    #[test]
    fn what_has_a_place_keeps_it() {
        let mut hosts = vec![host(1, "a"), host(2, "b")];
        let names = zones(&["a", "b"]);
        let before = planned(&Nodes::new(), 2, &names, &hosts).unwrap();
        hosts.insert(0, host(9, "a"));
        hosts[1].others = 5;
        let after = planned(&before, 3, &names, &hosts).unwrap();
        assert_eq!(after[&1], before[&1]);
        assert_eq!(after[&2], before[&2]);
        assert_eq!(after[&3].host_name, "host-9", "the emptiest one");
        assert_eq!(controllers(&after), controllers(&before), "the quorum stays");
    }

    #[test]
    fn broker_that_leaves_goes_on_as_a_controller() {
        let hosts = [host(1, "a"), host(2, "b"), host(3, "c")];
        let names = zones(&["a", "b", "c"]);
        let before = planned(&Nodes::new(), 4, &names, &hosts).unwrap();
        let after = planned(&before, 2, &names, &hosts).unwrap();
        assert_eq!(after.keys().copied().collect::<Vec<_>>(), [1, 2, 3]);
        assert!(!after[&3].is_broker && after[&3].is_controller);
        let again = planned(&after, 4, &names, &hosts).unwrap();
        assert_eq!(again, before);
    }

    #[test]
    fn brokers_of_dead_hosts_come_elsewhere_with_their_ids() {
        let mut hosts = vec![host(1, "a"), host(2, "b"), host(3, "c"), host(4, "b")];
        let names = zones(&["a", "b", "c"]);
        let before = planned(&Nodes::new(), 3, &names, &hosts[..3]).unwrap();
        (hosts[1].is_open, hosts[1].is_dead) = (false, true);
        let after = planned(&before, 3, &names, &hosts).unwrap();
        assert_eq!(after[&2].host_name, "host-4");
        assert_eq!((&after[&1], &after[&3]), (&before[&1], &before[&3]));
        // Without a host in its zone it waits for one.
        let refused = planned(&before, 3, &zones(&["a", "c"]), &hosts[..3]).unwrap_err();
        assert!(refused.problem.starts_with("zone \"b\" has no host"), "{refused:?}");
        // A host that was forgotten is as good as dead.
        let forgotten = [
            hosts[0].clone(),
            HostView::gone(&before[&2]),
            hosts[2].clone(),
            hosts[3].clone(),
        ];
        assert_eq!(
            hosts_of(&planned(&before, 3, &names, &forgotten).unwrap()),
            hosts_of(&after)
        );
        // One that is only away keeps what it has.
        hosts[1].is_dead = false;
        assert_eq!(planned(&before, 3, &names, &hosts).unwrap(), before);
    }

    #[test]
    fn node_that_leaves_comes_to_another_host_of_its_zone() {
        let mut hosts = vec![host(1, "a"), host(2, "b"), host(3, "c"), host(4, "b")];
        let names = zones(&["a", "b", "c"]);
        let before = planned(&Nodes::new(), 3, &names, &hosts[..3]).unwrap();
        hosts[1].is_open = false;
        assert_eq!(planned(&before, 3, &names, &hosts).unwrap(), before, "not by itself");
        let wanted = Wanted {
            broker_count: 3,
            zones: &names,
            memory_bytes: None,
            leaves: Some(2),
        };
        let after = plan(&before, wanted, &hosts, || Uuid::from_u128(7)).unwrap();
        assert_eq!(
            (after[&2].host_name.as_str(), after[&2].is_controller),
            ("host-4", true)
        );
        assert_eq!((&after[&1], &after[&3]), (&before[&1], &before[&3]));
        let refused = plan(&before, wanted, &hosts[..3], || Uuid::from_u128(7)).unwrap_err();
        assert!(refused.problem.contains("zone \"b\" has no host"), "{refused:?}");
    }

    #[test]
    fn zone_without_a_host_is_named() {
        let hosts = [host(1, "a"), host(2, "b")];
        let refused = planned(&Nodes::new(), 3, &zones(&["a", "b", "c"]), &hosts).unwrap_err();
        assert_eq!(
            refused.problem,
            "zone \"c\" has no host that takes brokers, there are some in a, b"
        );
        let anywhere = [host(1, "")];
        let nodes = planned(&Nodes::new(), 3, &zones(&["a", "b", "c"]), &anywhere).unwrap();
        assert_eq!(hosts_of(&nodes), [(1, "host-1", 0), (2, "host-1", 1), (3, "host-1", 2)]);
    }

    #[test]
    fn rows_of_others_are_left_alone() {
        let mut one = host(1, "a");
        one.rows_taken = BTreeSet::from([0, 1]);
        let nodes = planned(&Nodes::new(), 1, &zones(&["a"]), &[one]).unwrap();
        assert_eq!(nodes[&1].row, 2);
    }

    #[test]
    fn heap_follows_the_type_and_the_host() {
        assert_eq!(heap_mib(16 << 30, 1, None), 1024);
        assert_eq!(heap_mib(2 << 30, 2, None), 256);
        assert_eq!(heap_mib(64 << 30, 1, Some(8 << 30)), 4096);
        assert_eq!(heap_mib(4 << 30, 1, Some(8 << 30)), 2048);
    }
}
