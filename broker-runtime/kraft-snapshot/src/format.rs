//! What `kafka-storage format` writes: the metadata that a new cluster begins with (`BootstrapDirectory`), and the first members of
//! its quorum (`Formatter.writeDynamicQuorumSnapshot`). With them nodes need no formatter, which costs a start of Java. And what that
//! does not write: which of them has voted for itself already.

use bytes::Bytes;
use kafka_codec::uuid_to_text;
use kafka_metadata::MetadataImage;

use crate::{KraftLayout, METADATA_FOLDER, SnapshotError, Voter, snapshot};

/// A file, below a log directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormattedFile {
    /// Where it is, with `/`.
    pub path: String,
    /// What is in it.
    pub bytes: Bytes,
}

/// The metadata that a new cluster begins with: levels of features.
const BOOTSTRAP: &str = "bootstrap.checkpoint";

/// The snapshot before all records. Only the members of the first quorum have it.
const QUORUM: &str = "00000000000000000000-0000000000.checkpoint";

/// How far elections are, of one node (`FileQuorumStateStore`).
const ELECTIONS: &str = "quorum-state";

/// The first epoch that a leader may have.
const FIRST_EPOCH: i32 = 1;

/// The files, but for `meta.properties`, of a node of a cluster that is about to begin; without voters in `layout`, of one that joins.
pub fn formatted(layout: &KraftLayout) -> Result<Vec<FormattedFile>, SnapshotError> {
    let nothing = MetadataImage::default();
    let bootstrap = KraftLayout {
        voters: Vec::new(),
        epoch: 0,
        ..layout.clone()
    };
    let mut files = vec![FormattedFile {
        path: BOOTSTRAP.to_owned(),
        bytes: snapshot(&nothing, &bootstrap)?.bytes,
    }];
    if !layout.voters.is_empty() {
        let quorum = KraftLayout {
            features: Vec::new(),
            epoch: 0,
            ..layout.clone()
        };
        files.push(FormattedFile {
            path: format!("{METADATA_FOLDER}/{QUORUM}"),
            bytes: snapshot(&nothing, &quorum)?.bytes,
        });
    }
    Ok(files)
}

/// What a controller has on its disk that stopped right after it had voted for itself, in the first election of its cluster. It asks the
/// others for their votes as soon as it starts; without a vote all of them wait for a random time first, of one to two seconds.
/// One controller of a cluster may have this, before its first start. If it does not come up, the others elect another one, as ever.
pub fn candidacy(voter: &Voter) -> FormattedFile {
    let (id, directory) = (voter.node_id, uuid_to_text(voter.directory_id));
    let text = format!(
        r#"{{"leaderId":-1,"leaderEpoch":{FIRST_EPOCH},"votedId":{id},"votedDirectoryId":"{directory}","data_version":1}}"#
    );
    FormattedFile {
        path: format!("{METADATA_FOLDER}/{ELECTIONS}"),
        bytes: text.into(),
    }
}

#[cfg(test)]
mod tests {
    use kafka_codec::record_batch::batches;
    use uuid::Uuid;

    use super::*;
    use crate::{Endpoint, Voter};

    /// Offset, key and value of each record, with what batches say beside times.
    type Told = Vec<(i64, bool, i32, Option<Vec<u8>>, Option<Vec<u8>>)>;

    fn told(file: &[u8]) -> Told {
        let mut all = Told::new();
        for batch in batches(file) {
            let batch = batch.unwrap();
            batch.verify_crc().unwrap();
            let header = batch.header();
            let records = batch.records(1 << 20).unwrap();
            for (offset, record) in (header.base_offset..).zip(records.iter()) {
                let record = record.unwrap();
                let bytes = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
                let mut value = bytes(record.value);
                if let Some(value) = &mut value
                    && header.is_control()
                    && offset == 0
                {
                    // Version, then the time of the last record, which nobody needs.
                    value[2..10].fill(0);
                }
                let key = bytes(record.key);
                all.push((offset, header.is_control(), header.partition_leader_epoch, key, value));
            }
        }
        all
    }

    fn layout() -> KraftLayout {
        let voter = |node_id: u8, port: u16| Voter {
            node_id: node_id.into(),
            directory_id: Uuid::from_u128(u128::from(node_id) + 1),
            endpoints: vec![Endpoint {
                listener: "CONTROLLER".to_owned(),
                host: format!("127.77.1.{node_id}"),
                port,
            }],
        };
        // In the order in which Kafka's formatter has written them.
        let features = [
            ("metadata.version", 29),
            ("eligible.leader.replicas.version", 1),
            ("group.version", 1),
            ("share.version", 1),
            ("streams.version", 1),
            ("transaction.version", 2),
        ];
        KraftLayout {
            features: features.map(|(name, level)| (name.to_owned(), level)).to_vec(),
            voters: vec![voter(1, 9093), voter(2, 9093), voter(3, 19_093)],
            timestamp_ms: 1_700_000_000_000,
            ..KraftLayout::default()
        }
    }

    #[test]
    fn files_are_those_of_kafkas_own_formatter() {
        let files = formatted(&layout()).unwrap();
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "bootstrap.checkpoint",
                "__cluster_metadata-0/00000000000000000000-0000000000.checkpoint"
            ]
        );
        // Both were written by Apache Kafka 4.2.0.
        let theirs = told(include_bytes!("golden/bootstrap.checkpoint"));
        assert_eq!(theirs.len(), 8);
        assert_eq!(told(&files[0].bytes), theirs);
        let theirs = told(include_bytes!("golden/quorum.checkpoint"));
        assert_eq!(theirs.len(), 4);
        assert_eq!(told(&files[1].bytes), theirs);
    }

    #[test]
    fn candidate_has_what_kafka_writes_when_it_votes_for_itself() {
        let file = candidacy(&layout().voters[1]);
        assert_eq!(file.path, "__cluster_metadata-0/quorum-state");
        // As Apache Kafka 4.2.0 has it.
        assert_eq!(
            file.bytes,
            r#"{"leaderId":-1,"leaderEpoch":1,"votedId":2,"votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAw","data_version":1}"#
        );
    }

    #[test]
    fn node_that_joins_knows_no_quorum() {
        let layout = KraftLayout {
            voters: Vec::new(),
            ..layout()
        };
        assert_eq!(formatted(&layout).unwrap().len(), 1);
    }
}
