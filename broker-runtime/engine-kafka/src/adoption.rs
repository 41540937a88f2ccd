//! Brokers of another engine as nodes of a cluster: a pure function of what they were. They keep their ids, zones and addresses, and
//! therefore the ports on which clients know them.

use std::collections::BTreeMap;

use engine::{OfferedBroker, Quorum, QuorumVoter};
use uuid::Uuid;

use crate::{
    placement::{self, HostView, Node, Nodes},
    ports::{self, CONTROLLER},
    releases::Release,
};

/// The first feature of every snapshot.
const METADATA_VERSION: &str = "metadata.version";
/// Raised once the cluster serves, as at the end of a change of version: Kafka puts the configuration of `min.insync.replicas` in order then.
const RAISED_LATER: &str = "eligible.leader.replicas.version";

/// Levels of features that a cluster begins with that is taken over.
pub(crate) fn features(release: Release) -> Vec<(String, i16)> {
    let mut levels = release.levels();
    levels.remove(RAISED_LATER);
    let metadata_version = levels.remove_entry(METADATA_VERSION);
    metadata_version.into_iter().chain(levels).collect()
}

/// The nodes of brokers that are all on one host, by the ids of their log directories.
pub(crate) fn nodes(
    offered: &BTreeMap<i32, OfferedBroker>,
    directories: &BTreeMap<i32, Uuid>,
    host: &HostView,
    memory_bytes: Option<u64>,
) -> Nodes {
    let controllers = placement::controller_count(u32::try_from(offered.len()).unwrap_or(u32::MAX));
    let all = offered.len() + host.others;
    let nodes = (0..).zip(offered).map(|(index, (id, broker))| {
        let node = Node {
            host_id: host.host_id,
            host_name: host.name.clone(),
            address: broker.address,
            zone: broker.zone.clone(),
            // On an address of its own a node has MSK's ports.
            row: 0,
            is_broker: true,
            is_controller: index < controllers,
            directory_id: directories.get(id).copied().unwrap_or_default(),
            heap_mib: placement::heap_mib(host.memory_bytes, all, memory_bytes),
        };
        (*id, node)
    });
    nodes.collect()
}

/// The quorum that these nodes begin with.
pub(crate) fn quorum(nodes: &Nodes, features: Vec<(String, i16)>, timestamp_ms: i64) -> Quorum {
    let controllers = nodes.iter().filter(|(_, node)| node.is_controller);
    let voters = controllers.map(|(id, node)| QuorumVoter {
        node_id: *id,
        directory_id: node.directory_id,
        listener: CONTROLLER.to_owned(),
        address: ports::controller(node),
    });
    Quorum {
        features,
        voters: voters.collect(),
        directories: nodes.iter().map(|(id, node)| (*id, node.directory_id)).collect(),
        timestamp_ms,
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, net::IpAddr, path::PathBuf};

    use engine::Listeners;

    use super::*;
    use crate::releases::RELEASES;

    #[test]
    fn metadata_version_comes_first() {
        for release in RELEASES {
            let features = features(*release);
            assert_eq!(features[0].0, "metadata.version", "{}", release.number);
            assert!(features.iter().all(|(name, _)| name != RAISED_LATER));
        }
    }

    #[test]
    fn nodes_are_where_clients_know_the_brokers() {
        let offered: BTreeMap<i32, OfferedBroker> = (1..=4)
            .map(|id| {
                let broker = OfferedBroker {
                    zone: format!("z{}", id % 2),
                    address: IpAddr::from([127, 20, 3, u8::try_from(id).unwrap()]),
                    log_dir: PathBuf::from(format!("/c/broker-{id}/data")),
                };
                (id, broker)
            })
            .collect();
        let directories = (1..=4)
            .map(|id| (id, Uuid::from_u128(u128::try_from(id).unwrap())))
            .collect();
        let host = HostView {
            host_id: Uuid::from_u128(77),
            name: "here".to_owned(),
            zone: String::new(),
            address: IpAddr::from([127, 0, 0, 1]),
            memory_bytes: 16 << 30,
            is_open: true,
            is_dead: false,
            rows_taken: BTreeSet::from([0, 1]),
            others: 0,
        };
        let nodes = nodes(&offered, &directories, &host, None);
        let tls = Listeners {
            tls: true,
            ..Listeners::default()
        };
        let client = ports::listeners(&nodes[&4], tls);
        assert_eq!(client[0].address.to_string(), "127.20.3.4:9094");
        assert_eq!(nodes[&3].zone, "z1");
        assert_eq!(nodes[&2].heap_mib, 1024);
        let controllers: Vec<i32> = nodes
            .iter()
            .filter(|(_, node)| node.is_controller)
            .map(|(id, _)| *id)
            .collect();
        assert_eq!(controllers, [1, 2, 3]);
        let quorum = quorum(&nodes, Vec::new(), 5);
        assert_eq!(quorum.voters[2].address.to_string(), "127.20.3.3:9093");
        assert_eq!(quorum.directories[&4], Uuid::from_u128(4));
    }
}
