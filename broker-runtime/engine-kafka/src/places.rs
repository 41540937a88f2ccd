//! Places for the nodes of a cluster, among those of all other clusters and programs.

use std::collections::{BTreeMap, BTreeSet};

use engine::{ClusterSpec, EngineError};
use hosts::HostState;
use uuid::Uuid;

use crate::{
    KafkaEngine,
    description::Description,
    engine::FREE_BYTES_MIN,
    errors::host_error,
    placement::{self, HostView, NoPlace, Nodes, Wanted},
    ports,
};

/// How often other ports are looked for when some are taken.
const TRIES: usize = 16;

impl KafkaEngine {
    /// Whether there is a place for a new cluster at all, as far as that can be told beforehand.
    pub(crate) fn check_place(&self, spec: &ClusterSpec) -> Result<(), EngineError> {
        let hosts = self.host_views(spec.cluster_id, &BTreeMap::new())?;
        placement::plan(&Nodes::new(), wanted(spec, None), &hosts, Uuid::nil)
            .map(drop)
            .map_err(|no_place| no_place_error(&spec.cluster_name, no_place))
    }

    /// Places for all nodes: what there is stays, but for one that `leaves` its host, and new ones come to ports that nothing
    /// listens on.
    pub(crate) async fn place(
        &self,
        spec: &ClusterSpec,
        existing: &Nodes,
        leaves: Option<i32>,
    ) -> Result<Nodes, EngineError> {
        let mut blocked: BTreeMap<Uuid, BTreeSet<u16>> = BTreeMap::new();
        let mut seen = Vec::new();
        for _ in 0..TRIES {
            let mut hosts = self.host_views(spec.cluster_id, &blocked)?;
            let fleet = &self.settings.fleet;
            let gone = existing.values().filter(|node| fleet.host(node.host_id).is_none());
            hosts.extend(gone.map(HostView::gone));
            let nodes = placement::plan(existing, wanted(spec, leaves), &hosts, new_directory_id)
                .map_err(|no_place| no_place_error(&spec.cluster_name, no_place))?;
            let taken = self.taken(existing, &nodes, spec).await?;
            if taken.is_empty() {
                return Ok(nodes);
            }
            for (host_id, row, what) in taken {
                blocked.entry(host_id).or_default().insert(row);
                seen.push(what);
            }
        }
        Err(EngineError::Environment {
            problem: format!(
                "other programs listen on the ports for cluster {:?}: {}",
                spec.cluster_name,
                seen.join(", ")
            ),
            remedy: "end them, then try again".to_owned(),
        })
    }

    /// Rows of ports of new nodes on which something listens already.
    async fn taken(
        &self,
        existing: &Nodes,
        nodes: &Nodes,
        spec: &ClusterSpec,
    ) -> Result<Vec<(Uuid, u16, String)>, EngineError> {
        let mut found = Vec::new();
        for (id, node) in nodes {
            if existing.get(id).is_some_and(|before| before.host_id == node.host_id) {
                continue;
            }
            let Some(host) = self.settings.fleet.host(node.host_id) else {
                continue;
            };
            let facts = host.facts();
            if facts.capacity.disk_free_bytes < FREE_BYTES_MIN {
                return Err(EngineError::Environment {
                    problem: format!(
                        "the disk of host {} is full: {} MiB are free",
                        facts.name,
                        facts.capacity.disk_free_bytes >> 20
                    ),
                    remedy: format!("free at least {} MiB there, then try again", FREE_BYTES_MIN >> 20),
                });
            }
            let addresses: Vec<_> = ports::listeners(node, spec.listeners)
                .into_iter()
                .map(|listener| listener.address)
                .collect();
            for address in host.taken(&addresses).await.map_err(host_error)? {
                found.push((node.host_id, node.row, format!("{address} on host {}", node.host_name)));
            }
        }
        Ok(found)
    }

    fn host_views(
        &self,
        cluster_id: Uuid,
        blocked: &BTreeMap<Uuid, BTreeSet<u16>>,
    ) -> Result<Vec<HostView>, EngineError> {
        let others = self.descriptions_but(cluster_id)?;
        let nodes = || others.iter().flat_map(|other| other.nodes.values());
        let views = self.settings.fleet.hosts().into_iter().map(|host| {
            let facts = host.facts();
            let here: Vec<_> = nodes().filter(|node| node.host_id == facts.host_id).collect();
            let mut rows_taken = blocked.get(&facts.host_id).cloned().unwrap_or_default();
            rows_taken.extend(here.iter().map(|node| node.row));
            HostView {
                host_id: facts.host_id,
                name: facts.name,
                zone: facts.zone,
                address: facts.address,
                memory_bytes: facts.capacity.memory_bytes,
                is_open: facts.state == HostState::Active,
                is_dead: facts.state == HostState::Dead,
                rows_taken,
                others: here.len(),
            }
        });
        Ok(views.collect())
    }

    /// Of all clusters but one.
    fn descriptions_but(&self, cluster_id: Uuid) -> Result<Vec<Description>, EngineError> {
        let others = self.cluster_ids()?.into_iter().filter(|other| *other != cluster_id);
        Ok(others
            .filter_map(|other| self.layout(other).read().ok().flatten())
            .collect())
    }
}

fn wanted(spec: &ClusterSpec, leaves: Option<i32>) -> Wanted<'_> {
    Wanted {
        broker_count: spec.broker_count,
        zones: &spec.zones,
        memory_bytes: spec.resources.map(|resources| resources.memory_bytes),
        leaves,
    }
}

/// Kafka takes ids that begin with a hyphen for options of its programs.
fn new_directory_id() -> Uuid {
    loop {
        let id = Uuid::new_v4();
        if !kafka_codec::uuid_to_text(id).starts_with('-') {
            return id;
        }
    }
}

fn no_place_error(cluster_name: &str, no_place: NoPlace) -> EngineError {
    EngineError::Environment {
        problem: format!("cluster {cluster_name:?} has no place: {}", no_place.problem),
        remedy: no_place.remedy,
    }
}
