//! The log directory of a new node, as `kafka-storage format` makes it: that program is another start of Java, which takes as long as
//! everything else before a node is started.

use engine::EngineError;
use hosts::UnitFile;
use kafka_codec::uuid_to_text;
use kraft_snapshot::{Endpoint, KraftLayout, Voter, candidacy, formatted};
use uuid::Uuid;

use crate::{
    description::{Description, Phase},
    node_properties::DATA,
    placement::{Node, Nodes},
    ports::{self, CONTROLLER},
    releases::Release,
};

/// The file that says whose directory it is. One that has it is formatted.
pub(crate) const META_PROPERTIES: &str = "meta.properties";

/// What is in the directory of a node before its first start. Only a new cluster has no quorum that could be joined: its first
/// controllers know each other from here. A directory that joins has an id that nobody has heard of.
#[derive(Debug)]
pub(crate) struct Formatted {
    /// What is there first.
    pub(crate) metadata: Vec<UnitFile>,
    /// What makes it a formatted one, once everything else is there.
    pub(crate) meta_properties: UnitFile,
}

/// The directory of a node that has none.
pub(crate) fn format(
    description: &Description,
    (id, node): (i32, &Node),
    release: Release,
    now_ms: i64,
) -> Result<Formatted, EngineError> {
    let is_first = node.is_controller && description.phase == Phase::Creating;
    let layout = KraftLayout {
        features: features(release),
        voters: if is_first {
            voters(&description.nodes)
        } else {
            Vec::new()
        },
        timestamp_ms: now_ms,
        ..KraftLayout::default()
    };
    let files = formatted(&layout).map_err(|source| EngineError::Internal {
        context: format!("formatting node {id} on host {}", node.host_name),
        source: source.into(),
    })?;
    let directory_id = if is_first { node.directory_id } else { Uuid::new_v4() };
    let text = format!(
        "version=1\ncluster.id={}\nnode.id={id}\ndirectory.id={}\n",
        description.kafka_cluster_id(),
        uuid_to_text(directory_id)
    );
    // One of them asks for votes at once: nobody waits for a leader longer than two of them take to start.
    let candidate = layout.voters.first().filter(|first| first.node_id == id);
    let files = files.into_iter().chain(candidate.map(candidacy));
    let files = files.map(|it| file(&it.path, it.bytes.to_vec()));
    Ok(Formatted {
        metadata: files.collect(),
        meta_properties: file(META_PROPERTIES, text.into_bytes()),
    })
}

fn file(path: &str, content: Vec<u8>) -> UnitFile {
    UnitFile {
        path: format!("{DATA}/{path}"),
        content,
        is_secret: false,
    }
}

/// Levels in the order of Kafka's formatter: the feature that says what records mean, then the others by name.
fn features(release: Release) -> Vec<(String, i16)> {
    let mut levels = release.levels();
    let first = levels.remove_entry("metadata.version");
    first.into_iter().chain(levels).collect()
}

fn voters(nodes: &Nodes) -> Vec<Voter> {
    let controllers = nodes.iter().filter(|(_, node)| node.is_controller);
    let voters = controllers.map(|(id, node)| {
        let address = ports::controller(node);
        Voter {
            node_id: *id,
            directory_id: node.directory_id,
            endpoints: vec![Endpoint {
                listener: CONTROLLER.to_owned(),
                host: address.ip().to_string(),
                port: address.port(),
            }],
        }
    });
    voters.collect()
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::{log_dirs::directory_id, releases::RELEASES, validate::tests::spec};

    fn description(phase: Phase) -> Description {
        let node = |number: u8, is_controller| Node {
            host_id: Uuid::from_u128(number.into()),
            host_name: format!("host-{number}"),
            address: IpAddr::from([10, 0, 0, number]),
            zone: "a".to_owned(),
            row: 0,
            is_broker: true,
            is_controller,
            directory_id: Uuid::from_u128(u128::from(number) << 96),
            heap_mib: 1024,
        };
        let nodes = Nodes::from([(1, node(1, true)), (2, node(2, false))]);
        let mut description = Description::new(&spec(), RELEASES[2].number, nodes, "us".to_owned());
        description.phase = phase;
        description
    }

    fn made(phase: Phase, id: i32) -> (Vec<String>, Uuid) {
        let description = description(phase);
        let formatted = format(&description, (id, &description.nodes[&id]), RELEASES[2], 1).unwrap();
        assert_eq!(formatted.meta_properties.path, "data/meta.properties");
        let text = String::from_utf8(formatted.meta_properties.content).unwrap();
        assert!(
            text.contains(&format!("node.id={id}\n")) && text.contains("version=1\n"),
            "{text}"
        );
        let paths = formatted.metadata.into_iter().map(|file| file.path);
        (paths.collect(), directory_id(&text).unwrap())
    }

    #[test]
    fn only_the_first_controllers_have_a_quorum_and_a_directory_that_is_known() {
        let bootstrap = "data/bootstrap.checkpoint".to_owned();
        let quorum = "data/__cluster_metadata-0/00000000000000000000-0000000000.checkpoint".to_owned();
        let known = description(Phase::Creating).nodes[&1].directory_id;
        let elections = "data/__cluster_metadata-0/quorum-state".to_owned();
        assert_eq!(
            made(Phase::Creating, 1),
            (vec![bootstrap.clone(), quorum, elections], known)
        );
        let (paths, directory) = made(Phase::Creating, 2);
        assert_eq!(paths, [bootstrap.as_str()]);
        assert_ne!(directory, description(Phase::Creating).nodes[&2].directory_id);
        // It has lost what it had, and must not be taken for the one that had it.
        let (paths, directory) = made(Phase::Established, 1);
        assert_eq!(paths, [bootstrap.as_str()]);
        assert_ne!(directory, known);
    }

    #[test]
    fn what_records_mean_is_said_first() {
        for release in RELEASES {
            assert_eq!(features(*release)[0].0, "metadata.version");
            assert_eq!(features(*release).len(), release.levels().len());
        }
    }
}
