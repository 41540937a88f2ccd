//! Places for the nodes of a cluster, among those of all other clusters and programs.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use engine::{ClusterSpec, EngineError};
use hosts::{Host, HostFacts, HostState};
use uuid::Uuid;

use crate::{
    KafkaEngine,
    description::Description,
    engine::FREE_BYTES_MIN,
    errors::host_error,
    jmx_exporter, node_exporter,
    placement::{self, HostView, NoPlace, Node, Nodes, Wanted},
    ports,
};

/// How often other ports are looked for when some are taken.
const TRIES: usize = 16;

impl KafkaEngine {
    /// Whether there is a place for a new cluster at all, as far as that can be told beforehand.
    pub(crate) fn check_place(&self, spec: &ClusterSpec) -> Result<(), EngineError> {
        let hosts = self.host_views(spec.cluster_id, &self.settings.fleet.hosts(), &BTreeMap::new())?;
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
        let candidates = self.candidates(existing);
        for _ in 0..TRIES {
            let mut hosts = self.host_views(spec.cluster_id, &candidates, &blocked)?;
            let fleet = &self.settings.fleet;
            let gone = existing.values().filter(|node| {
                fleet.host(node.host_id).is_none() && candidates.iter().all(|host| host.facts().host_id != node.host_id)
            });
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
                .chain(jmx_exporter::address(node).filter(|_| spec.exporters.jmx))
                .chain(node_exporter::address(node).filter(|_| spec.exporters.node))
                .collect();
            for address in host.taken(&addresses).await.map_err(host_error)? {
                found.push((node.host_id, node.row, format!("{address} on host {}", node.host_name)));
            }
        }
        Ok(found)
    }

    /// Hosts that nodes beside these may come to. Those on addresses of this machine alone are reached by nobody else.
    fn candidates(&self, existing: &Nodes) -> Vec<Arc<dyn Host>> {
        match &self.here {
            Some(here) if existing.values().any(|node| is_bound(node, &here.facts())) => vec![Arc::clone(here)],
            _ => self.settings.fleet.hosts(),
        }
    }

    pub(crate) fn host_views(
        &self,
        cluster_id: Uuid,
        hosts: &[Arc<dyn Host>],
        blocked: &BTreeMap<Uuid, BTreeSet<u16>>,
    ) -> Result<Vec<HostView>, EngineError> {
        let others = self.descriptions_but(cluster_id)?;
        let nodes = || others.iter().flat_map(|other| other.nodes.values());
        let views = hosts.iter().map(|host| {
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

/// Whether a node was another engine's, on this machine and an address of its own.
fn is_bound(node: &Node, here: &HostFacts) -> bool {
    node.host_id == here.host_id && node.address != here.address
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
