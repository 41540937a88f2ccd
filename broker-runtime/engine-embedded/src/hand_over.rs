//! Clusters are handed over to another engine: brokers end, their log directories and the metadata are there to be taken.
//!
//! ```text
//!   Established ── hand_over ──► HandingOver ── forget ──► HandedOver ── remove ──► nothing
//!         ▲                          │
//!         └──────── take_back ───────┘
//! ```
//! While a cluster is handed over nothing starts its brokers. Of one that has been, `cluster.json` is left, which keeps its block of
//! addresses.

use std::net::IpAddr;

use async_trait::async_trait;
use engine::{
    EngineError, Handed, Handover, HandsOver, Metadata, MetadataFile, Offer, OfferedBroker, Quorum, ScramMechanism,
};
use kafka_metadata::{BrokerId, MetadataImage};
use kraft_snapshot::{Endpoint, KraftLayout, METADATA_FOLDER, Voter, snapshot};
use uuid::Uuid;

use crate::{
    EmbeddedEngine,
    cluster::{self, Cluster, Description, Layout, Phase},
    controller::read_image,
};

/// Epoch of the quorum of one that has written the snapshot.
const EPOCH: i32 = 1;

impl EmbeddedEngine {
    fn handed_description(&self, cluster_id: Uuid) -> Result<(Layout, Description), EngineError> {
        let layout = self.layout(cluster_id);
        let description = Description::read(&layout)?;
        let description = description.ok_or_else(|| EngineError::Unsupported {
            reason: format!("there is no cluster {cluster_id} that could be handed over"),
        })?;
        Ok((layout, description))
    }
}

#[async_trait]
impl HandsOver for EmbeddedEngine {
    fn handed(&self, cluster_id: Uuid) -> Result<Handed, EngineError> {
        let description = Description::read(&self.layout(cluster_id))?;
        Ok(match description.map(|it| it.phase) {
            Some(Phase::HandingOver) => Handed::Begun,
            Some(Phase::HandedOver) => Handed::Forgotten,
            _ => Handed::Nothing,
        })
    }

    fn offer(&self, cluster_id: Uuid) -> Result<Offer, EngineError> {
        let (layout, description) = self.handed_description(cluster_id)?;
        if let Some(reason) = refusal(&layout, &description) {
            let name = &description.cluster_name;
            return Err(EngineError::Unsupported {
                reason: format!("cluster {name:?} cannot be handed over to another engine: {reason}"),
            });
        }
        Ok(offer(&layout, &description))
    }

    async fn hand_over(&self, cluster_id: Uuid) -> Result<Handover, EngineError> {
        let offer = self.offer(cluster_id)?;
        let slot = self.slots.of(cluster_id);
        let _held = slot.hold().await;
        let (layout, description) = self.handed_description(cluster_id)?;
        description.in_phase(Phase::HandingOver).write(&layout)?;
        cluster::end_brokers(&layout, slot.running().as_ref()).await?;
        slot.take();
        let image = read_image(layout.root()).map_err(|source| EngineError::Internal {
            context: format!("reading the metadata of cluster {cluster_id}"),
            source: source.into(),
        })?;
        Ok(Handover {
            offer,
            metadata: Box::new(Image(image)),
        })
    }

    async fn take_back(&self, cluster_id: Uuid) -> Result<(), EngineError> {
        if self.handed(cluster_id)? != Handed::Begun {
            return Ok(());
        }
        let slot = self.slots.of(cluster_id);
        let _held = slot.hold().await;
        let (layout, description) = self.handed_description(cluster_id)?;
        if let Some(running) = slot.take() {
            // Of a call that was cut off: some of its brokers have been stopped.
            running.close().await;
        }
        let description = description.in_phase(Phase::Established);
        description.write(&layout)?;
        let cluster = Cluster::open(std::sync::Arc::clone(&self.settings), layout, description).await?;
        slot.put(cluster);
        Ok(())
    }

    async fn forget(&self, cluster_id: Uuid) -> Result<(), EngineError> {
        if self.handed(cluster_id)? == Handed::Nothing {
            return Ok(());
        }
        let slot = self.slots.of(cluster_id);
        let _held = slot.hold().await;
        let (layout, description) = self.handed_description(cluster_id)?;
        cluster::forget(&layout, description).await
    }
}

/// Why a cluster is not handed over.
fn refusal(layout: &Layout, description: &Description) -> Option<&'static str> {
    match description.phase {
        Phase::HandingOver => return None,
        Phase::Established => (),
        Phase::HandedOver => return Some("another engine has it already"),
        Phase::Creating | Phase::Removing | Phase::TakingOver => return Some("it has never been complete"),
    }
    if layout.data_key().exists() {
        return Some("what its brokers have stored is encrypted, with a key that only the embedded engine uses");
    }
    if description.uneven || description.restart.is_some() {
        return Some(
            "an earlier change of it has not come to its end. Have it brought to its end first: restart the runtime, or change the cluster again",
        );
    }
    None
}

fn offer(layout: &Layout, description: &Description) -> Offer {
    let brokers = description.broker_ids().map(|id| {
        let broker = OfferedBroker {
            zone: description.zone(id),
            address: IpAddr::V4(description.block.address(id)),
            log_dir: layout.broker(id).data(),
        };
        (id, broker)
    });
    let users = description.scram_users.iter().flatten();
    Offer {
        brokers: brokers.collect(),
        authority: layout.ca_certificate(),
        authority_key: layout.ca_key(),
        server_properties: description.server_properties.clone(),
        scram_users: users
            .map(|(name, mechanism)| {
                let mechanism = match mechanism.as_str() {
                    "SCRAM-SHA-256" => ScramMechanism::Sha256,
                    _ => ScramMechanism::Sha512,
                };
                (name.clone(), mechanism)
            })
            .collect(),
    }
}

/// The metadata as it was when the brokers had ended.
struct Image(MetadataImage);

impl Metadata for Image {
    fn snapshot(&self, quorum: &Quorum) -> Result<MetadataFile, EngineError> {
        let voters = quorum.voters.iter().map(|voter| Voter {
            node_id: voter.node_id,
            directory_id: voter.directory_id,
            endpoints: vec![Endpoint {
                listener: voter.listener.clone(),
                host: voter.address.ip().to_string(),
                port: voter.address.port(),
            }],
        });
        let directories = quorum
            .directories
            .iter()
            .map(|(id, directory)| (BrokerId(*id), *directory));
        let layout = KraftLayout {
            features: quorum.features.clone(),
            voters: voters.collect(),
            directories: directories.collect(),
            epoch: EPOCH,
            timestamp_ms: quorum.timestamp_ms,
        };
        let made = snapshot(&self.0, &layout).map_err(|source| EngineError::Internal {
            context: "writing the metadata as Apache Kafka reads it".to_owned(),
            source: source.into(),
        })?;
        Ok(MetadataFile {
            folder: METADATA_FOLDER.to_owned(),
            name: made.file_name,
            content: made.bytes.to_vec(),
        })
    }
}
