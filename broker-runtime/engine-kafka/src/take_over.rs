//! Clusters of another engine are taken over: their log directories become those of nodes on this machine, with the cluster's metadata
//! as a KRaft snapshot in each.
//!
//! ```text
//!   nothing ── cluster.json (TakingOver) ──► directories are renamed, snapshots written ──► cluster.json (Established)
//!      ▲                                                     │
//!      └────────────── put back, forgotten ──────────────────┘
//! ```
//! Nothing runs before the description says `Established`; from then on there is no way back, because Apache Kafka writes on in its own
//! metadata log.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use cluster_files::durable_file::{self, Readers};
use engine::{ClusterSpec, EngineError, Handover, MetadataFile, Offer, ScramMechanism, Taken, TakesOver};
use hosts::{Host, UnitName};
use kafka_codec::uuid_to_text;
use kraft_snapshot::METADATA_FOLDER;
use uuid::Uuid;

use crate::{
    KafkaEngine,
    admin::{Fingerprints, mechanism_code},
    adoption,
    blocking::blocking,
    description::{Description, Layout, Phase},
    engine::{FREE_BYTES_MIN, release_of},
    errors::host_error,
    launch, log_dirs,
    node_properties::DATA,
    ports,
    releases::Release,
    validate::validate,
};

impl KafkaEngine {
    /// This machine, where the directories are.
    fn here(&self) -> Result<Arc<dyn Host>, EngineError> {
        self.here.clone().ok_or_else(|| EngineError::Unsupported {
            reason: "this runtime runs nothing of Apache Kafka on its own machine, where the log directories are"
                .to_owned(),
        })
    }

    /// What is written down before anything is moved.
    async fn begin_to_take(
        &self,
        layout: &Layout,
        spec: &ClusterSpec,
        handover: &Handover,
    ) -> Result<Description, EngineError> {
        let offer = &handover.offer;
        let (host, release) = (self.here()?.facts(), release_of(spec)?);
        let principal = format!("openmsk-{}", Uuid::new_v4().simple());
        let mut description = Description::new(spec, release.number, BTreeMap::new(), principal);
        let directories = directories_of(offer, spec.cluster_id)?;
        let _allocation = self.allocation.lock().await;
        let views = self.host_views(spec.cluster_id, &[self.here()?], &BTreeMap::new())?;
        let view = views.first().ok_or_else(|| EngineError::Unsupported {
            reason: format!("host {} is not known", host.name),
        })?;
        let memory_bytes = spec.resources.map(|resources| resources.memory_bytes);
        description.phase = Phase::TakingOver;
        description.nodes = adoption::nodes(&offer.brokers, &directories, view, memory_bytes);
        description.server_properties.clone_from(&offer.server_properties);
        description.scram_users = unknown_fingerprints(offer);
        let log_dirs = offer.brokers.iter().map(|(id, broker)| (*id, broker.log_dir.clone()));
        description.taken_from = log_dirs.collect();
        durable_file::create_directory(layout.root())?;
        layout.write(&description)?;
        Ok(description)
    }

    async fn take_directories(&self, description: &Description, metadata: MetadataFile) -> Result<(), EngineError> {
        let here = self.here()?;
        let metadata = Arc::new(metadata);
        for (id, from) in &description.taken_from {
            let unit = launch::unit(description.cluster_id, *id);
            // That makes the folder of the unit.
            here.write_files(&unit, &[launch::logging_file()])
                .await
                .map_err(host_error)?;
            let to = here.facts().unit_directory(&unit).join(DATA);
            let (from, metadata) = (from.clone(), Arc::clone(&metadata));
            blocking(move || {
                log_dirs::rename(&from, &to)?;
                log_dirs::write_metadata(&to, &metadata)
            })
            .await?;
        }
        Ok(())
    }

    /// Tries whether this machine can run the cluster, in a unit that is not kept.
    async fn try_out(&self, spec: &ClusterSpec, unit: &UnitName) -> Result<(), EngineError> {
        let (here, release) = (self.here()?, release_of(spec)?);
        launch::check_java(&*here, unit).await?;
        let bundle = self.settings.bundles.ready(release).await?;
        here.put_bundle(&bundle.digest, &bundle.archive)
            .await
            .map_err(host_error)
    }
}

#[async_trait]
impl TakesOver for KafkaEngine {
    fn taken(&self, cluster_id: Uuid) -> Result<Taken, EngineError> {
        let description = self.layout(cluster_id).read()?;
        Ok(match description.map(|it| it.phase) {
            None => Taken::Nothing,
            Some(Phase::TakingOver) => Taken::InPart,
            Some(_) => Taken::Whole,
        })
    }

    fn validate_offer(&self, spec: &ClusterSpec, offer: &Offer) -> Result<(), EngineError> {
        validate(spec)?;
        let refuse = |reason: String| {
            Err(EngineError::Unsupported {
                reason: format!(
                    "cluster {:?} cannot come to engine apache-kafka: {reason}",
                    spec.cluster_name
                ),
            })
        };
        if usize::try_from(spec.broker_count) != Ok(offer.brokers.len()) {
            return refuse(format!(
                "it has {} brokers, and {} are asked for. Change the one first, then the other",
                offer.brokers.len(),
                spec.broker_count
            ));
        }
        let facts = self.here()?.facts();
        for (id, broker) in &offer.brokers {
            let unit = launch::unit(spec.cluster_id, *id);
            log_dirs::check_one_file_system(&broker.log_dir, &facts.unit_directory(&unit))?;
        }
        Ok(())
    }

    async fn prepare(&self, spec: &ClusterSpec, offer: &Offer) -> Result<(), EngineError> {
        if self.taken(spec.cluster_id)? != Taken::Nothing {
            // It has been prepared, and may have begun.
            return Ok(());
        }
        let here = self.here()?;
        let facts = here.facts();
        if facts.capacity.disk_free_bytes < FREE_BYTES_MIN {
            return Err(EngineError::Environment {
                problem: format!(
                    "the disk of this machine is full: {} MiB are free",
                    facts.capacity.disk_free_bytes >> 20
                ),
                remedy: format!("free at least {} MiB, then try again", FREE_BYTES_MIN >> 20),
            });
        }
        directories_of(offer, spec.cluster_id)?;
        // Of the other ports some are the brokers' own.
        let addresses: Vec<_> = offer
            .brokers
            .values()
            .map(|broker| ports::replication_at(broker.address))
            .collect();
        if let Some(taken) = here.taken(&addresses).await.map_err(host_error)?.first() {
            return Err(EngineError::Environment {
                problem: format!("something listens on {taken}, where brokers of Apache Kafka find each other"),
                remedy: "end it, then try again".to_owned(),
            });
        }
        let unit = trial_unit(spec.cluster_id);
        let tried = self.try_out(spec, &unit).await;
        here.remove(&unit).await.map_err(host_error)?;
        tried
    }

    async fn take_over(&self, spec: &ClusterSpec, handover: &Handover) -> Result<(), EngineError> {
        let slot = self.slots.of(spec.cluster_id);
        let _held = slot.hold().await;
        let layout = self.layout(spec.cluster_id);
        let mut description = match layout.read()? {
            Some(description) if description.phase == Phase::TakingOver => description,
            Some(_) => return Ok(()),
            None => self.begin_to_take(&layout, spec, handover).await?,
        };
        let copy = |from: &std::path::Path, to: &std::path::Path, readers| match durable_file::read(from)? {
            Some(content) => durable_file::replace(to, &content, readers),
            None => Err(EngineError::Internal {
                context: format!("taking over the authority of cluster {:?}", spec.cluster_name),
                source: format!("{} is not there", from.display()).into(),
            }),
        };
        copy(&handover.offer.authority_key, &layout.authority_key(), Readers::User)?;
        copy(&handover.offer.authority, &layout.authority(), Readers::All)?;
        let features = Release::numbered(&description.release)
            .map(adoption::features)
            .unwrap_or_default();
        let quorum = adoption::quorum(&description.nodes, features, self.settings.clock.now_ms());
        let metadata = handover.metadata.snapshot(&quorum)?;
        self.take_directories(&description, metadata).await?;
        // From here on it is ours.
        description.phase = Phase::Established;
        layout.write(&description)?;
        tracing::info!(
            cluster = spec.cluster_name,
            "cluster was taken over from another engine"
        );
        Ok(())
    }

    async fn give_back(&self, cluster_id: Uuid) -> Result<(), EngineError> {
        let slot = self.slots.of(cluster_id);
        let _held = slot.hold().await;
        let layout = self.layout(cluster_id);
        let Some(description) = layout.read()? else {
            return match &self.here {
                Some(here) => here.remove(&trial_unit(cluster_id)).await.map_err(host_error),
                None => Ok(()),
            };
        };
        if description.phase != Phase::TakingOver {
            return Err(EngineError::Unsupported {
                reason: format!(
                    "cluster {:?} cannot go back: Apache Kafka has it, and has written on",
                    description.cluster_name
                ),
            });
        }
        let here = self.here()?;
        for (id, to) in &description.taken_from {
            let unit = launch::unit(cluster_id, *id);
            let (from, to) = (here.facts().unit_directory(&unit).join(DATA), to.clone());
            blocking(move || log_dirs::put_back(&from, &to, METADATA_FOLDER)).await?;
            here.remove(&unit).await.map_err(host_error)?;
        }
        let root = layout.root().to_owned();
        blocking(move || durable_file::remove_directory(&root)).await
    }
}

/// Where this machine is tried out: no node has this id.
fn trial_unit(cluster_id: Uuid) -> UnitName {
    launch::unit(cluster_id, 0)
}

/// Ids of the log directories.
fn directories_of(offer: &Offer, cluster_id: Uuid) -> Result<BTreeMap<i32, Uuid>, EngineError> {
    let kafka_cluster_id = uuid_to_text(cluster_id);
    let brokers = offer.brokers.iter();
    let directories =
        brokers.map(|(id, broker)| Ok((*id, log_dirs::identify(&broker.log_dir, *id, &kafka_cluster_id)?)));
    directories.collect()
}

/// Users that specifications have made, of whom is not known how: they are set once more, and those that are wanted no more go.
fn unknown_fingerprints(offer: &Offer) -> Fingerprints {
    let mut all = Fingerprints::new();
    for (name, mechanism) in &offer.scram_users {
        let mechanism: ScramMechanism = *mechanism;
        all.entry(name.clone())
            .or_default()
            .insert(mechanism_code(mechanism), String::new());
    }
    all
}
