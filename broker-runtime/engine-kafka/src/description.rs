//! `cluster.json`: what has to be known of a cluster before anything of it is started.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use cluster_files::description;
pub(crate) use cluster_files::description::Phase;
use engine::{ClusterSpec, EngineError, Listeners};
use hosts::UnitName;
use kafka_codec::uuid_to_text;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{admin::Fingerprints, launch, placement::Nodes, ports};

/// The contents of `cluster.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Description {
    pub(crate) cluster_id: Uuid,
    pub(crate) cluster_name: String,
    pub(crate) phase: Phase,
    /// Number of the release of Apache Kafka.
    pub(crate) release: String,
    pub(crate) broker_count: u32,
    plaintext: bool,
    tls: bool,
    sasl_scram: bool,
    /// Where its processes are, those of brokers that are to leave among them.
    pub(crate) nodes: Nodes,
    /// Nodes on hosts that are dead, by the name of their unit: they go when the host comes back all the same.
    pub(crate) left_behind: BTreeMap<String, Uuid>,
    /// Nodes that were stopped on hosts which are to be emptied, and are elsewhere now, by the name of their unit: they go once
    /// everything is in sync.
    #[serde(default)]
    pub(crate) drained: BTreeMap<String, Uuid>,
    /// Name by which its nodes know each other.
    pub(crate) principal: String,
    /// Properties of the configuration that has been in force.
    pub(crate) server_properties: BTreeMap<String, String>,
    /// Properties that nodes have in their files since the cluster was made, which spares it to set them while they run. What is set then
    /// comes before these.
    #[serde(default)]
    pub(crate) from_the_start: BTreeMap<String, String>,
    /// Users that specifications have made.
    pub(crate) scram_users: Fingerprints,
    /// Brokers have joined, or were to leave, and replicas are not yet where they should be.
    pub(crate) uneven: bool,
    /// The broker that is being restarted.
    pub(crate) restarting: Option<i32>,
    /// Number of the release whose levels of features are in force, or about to be: older ones cannot run any more.
    #[serde(default)]
    pub(crate) finalized: Option<String>,
    /// Pages of metrics of machines may be beside its brokers, in units of their own.
    #[serde(default)]
    pub(crate) node_exporters: bool,
    /// Where the log directories of its brokers were when another engine had it; empty once it has come up.
    #[serde(default)]
    pub(crate) taken_from: BTreeMap<i32, PathBuf>,
}

/// What every cluster of MSK's has, and Apache Kafka has otherwise; controllers know it from their files before anything is set.
const FROM_THE_START: &str = "min.insync.replicas";

fn from_the_start(spec: &ClusterSpec) -> BTreeMap<String, String> {
    let value = spec.server_properties.get_key_value(FROM_THE_START);
    value
        .into_iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

impl Description {
    /// Of a cluster that does not exist yet.
    pub(crate) fn new(spec: &ClusterSpec, release: &str, nodes: Nodes, principal: String) -> Self {
        Self {
            cluster_id: spec.cluster_id,
            cluster_name: spec.cluster_name.clone(),
            phase: Phase::Creating,
            release: release.to_owned(),
            broker_count: spec.broker_count,
            plaintext: spec.listeners.plaintext,
            tls: spec.listeners.tls,
            sasl_scram: spec.listeners.sasl_scram,
            nodes,
            left_behind: BTreeMap::new(),
            drained: BTreeMap::new(),
            principal,
            server_properties: BTreeMap::new(),
            from_the_start: from_the_start(spec),
            scram_users: Fingerprints::new(),
            uneven: false,
            restarting: None,
            finalized: None,
            node_exporters: false,
            taken_from: BTreeMap::new(),
        }
    }

    /// Listeners for clients.
    pub(crate) fn listeners(&self) -> Listeners {
        Listeners {
            plaintext: self.plaintext,
            tls: self.tls,
            sasl_scram: self.sasl_scram,
            sasl_iam: false,
        }
    }

    /// Opens these listeners and no others.
    pub(crate) fn set_listeners(&mut self, listeners: Listeners) {
        (self.plaintext, self.tls, self.sasl_scram) = (listeners.plaintext, listeners.tls, listeners.sasl_scram);
    }

    /// Where brokers are reached by each other and by us.
    pub(crate) fn brokers(&self) -> BTreeMap<i32, SocketAddr> {
        let brokers = self.nodes.iter().filter(|(_, node)| node.is_broker);
        brokers.map(|(id, node)| (*id, ports::replication(node))).collect()
    }

    /// What a node may have on its host: its own unit, and that of the page beside it.
    pub(crate) fn units_of(&self, id: i32) -> impl Iterator<Item = UnitName> + use<> {
        let page = self
            .node_exporters
            .then(|| launch::node_exporter_unit(self.cluster_id, id));
        [launch::unit(self.cluster_id, id)].into_iter().chain(page)
    }

    /// Kafka's name for the cluster.
    pub(crate) fn kafka_cluster_id(&self) -> String {
        uuid_to_text(self.cluster_id)
    }
}

/// The directory of a cluster, on the machine of the control plane.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn authority(&self) -> PathBuf {
        self.root.join("ca.pem")
    }

    pub(crate) fn authority_key(&self) -> PathBuf {
        self.root.join("ca.key")
    }

    /// The control plane's own certificate and key.
    pub(crate) fn identity(&self) -> PathBuf {
        self.root.join("admin.pem")
    }

    fn description(&self) -> PathBuf {
        self.root.join("cluster.json")
    }

    /// Reads the description; `None` when there is none.
    pub(crate) fn read(&self) -> Result<Option<Description>, EngineError> {
        description::read(&self.description())
    }

    /// Replaces the description.
    pub(crate) fn write(&self, description: &Description) -> Result<(), EngineError> {
        description::write(&self.description(), description)
    }
}
