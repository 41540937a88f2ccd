//! `cluster.json`: what has to be known of a cluster before anything of it is started.

use std::{collections::BTreeMap, net::IpAddr, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cluster_files::description;
pub(crate) use cluster_files::description::Phase;
use engine::{BrokerResources, ClusterSpec, EngineError, Exporters, Listeners, Reach};
use kafka_metadata::BrokerEpoch;
use serde::{Deserialize, Serialize};
use supervisor::ProcessStatus;
use uuid::Uuid;

use super::Layout;
use crate::{
    addresses::{AddressBlock, BrokerEndpoint, Plan, SharedPorts},
    scram::{self, ManagedUsers},
};

/// The contents of `cluster.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Description {
    pub(crate) cluster_id: Uuid,
    pub(crate) cluster_name: String,
    pub(crate) phase: Phase,
    pub(crate) block: AddressBlock,
    pub(crate) broker_count: u32,
    zones: Vec<String>,
    plaintext: bool,
    tls: bool,
    sasl_scram: bool,
    #[serde(default)]
    sasl_iam: bool,
    /// The machine's address that clients of other machines connect to.
    #[serde(default)]
    public_address: Option<IpAddr>,
    #[serde(default)]
    ipv6: bool,
    #[serde(default)]
    jmx_exporter: bool,
    #[serde(default)]
    node_exporter: bool,
    /// Where logs of brokers are delivered to.
    #[serde(default)]
    pub(crate) log_delivery: Option<PathBuf>,
    /// What each broker may use.
    #[serde(default)]
    pub(crate) resources: Option<BrokerResources>,
    /// Ports on addresses that clusters share; kept once they are chosen.
    #[serde(default)]
    pub(crate) shared_ports: Option<SharedPorts>,
    /// All server properties, the dynamic ones too.
    pub(crate) server_properties: BTreeMap<String, String>,
    /// Users that specifications have made; others are clients' own. `None` where an older runtime has written this.
    #[serde(default)]
    pub(crate) scram_users: Option<ManagedUsers>,
    /// Brokers have joined, or were to leave, and replicas are not yet where they should be.
    #[serde(default)]
    pub(crate) uneven: bool,
    /// The last rotation of certificates that every broker has taken up.
    #[serde(default)]
    pub(crate) certificate_rotations: u64,
    /// The restart of a broker that has begun and is not known to have come to its end.
    #[serde(default)]
    pub(crate) restart: Option<BegunRestart>,
}

/// Which process of a broker is to end, so that whoever takes up a restart can tell it from the one that follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BegunRestart {
    pub(crate) broker_id: i32,
    /// The process that is to end.
    pub(crate) process: Option<Process>,
    /// The registration of that process.
    pub(crate) epoch: Option<BrokerEpoch>,
}

/// A process on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    pid: u32,
    /// An id alone may come again.
    started_at_ms: i64,
}

impl Process {
    /// The one that runs now.
    pub(crate) fn of(status: &ProcessStatus) -> Option<Self> {
        Some(Self {
            pid: status.pid?,
            started_at_ms: status.started_at_ms?,
        })
    }
}

impl Description {
    /// Of a cluster that does not exist yet.
    pub(crate) fn new(spec: &ClusterSpec, block: AddressBlock) -> Self {
        Self {
            cluster_id: spec.cluster_id,
            cluster_name: spec.cluster_name.clone(),
            phase: Phase::Creating,
            block,
            broker_count: spec.broker_count,
            zones: spec.zones.clone(),
            plaintext: spec.listeners.plaintext,
            tls: spec.listeners.tls,
            sasl_scram: spec.listeners.sasl_scram,
            sasl_iam: spec.listeners.sasl_iam,
            public_address: spec.reach.public_address,
            ipv6: spec.reach.ipv6,
            jmx_exporter: spec.exporters.jmx,
            node_exporter: spec.exporters.node,
            log_delivery: spec.log_delivery.clone(),
            resources: spec.resources,
            shared_ports: None,
            server_properties: spec.server_properties.clone(),
            scram_users: Some(scram::managed(&spec.scram_users)),
            uneven: false,
            certificate_rotations: spec.certificate_rotations,
            restart: None,
        }
    }

    /// The same cluster as `spec` wants it.
    pub(crate) fn wanted(&self, spec: &ClusterSpec) -> Self {
        Self {
            phase: self.phase,
            shared_ports: self.shared_ports,
            restart: self.restart,
            ..Self::new(spec, self.block)
        }
    }

    /// The same with another number of brokers than it is to have in the end.
    pub(crate) fn on_the_way(self, broker_count: u32, uneven: bool) -> Self {
        Self {
            broker_count,
            uneven,
            ..self
        }
    }

    /// The same while a broker is restarted, or when that has come to its end.
    pub(crate) fn in_restart(self, restart: Option<BegunRestart>) -> Self {
        Self { restart, ..self }
    }

    /// The same in another phase.
    pub(crate) fn in_phase(self, phase: Phase) -> Self {
        Self { phase, ..self }
    }

    /// The same with the users of an earlier description, too.
    pub(crate) fn with_users_of(self, before: &Self) -> Self {
        let both = self.scram_users.zip(before.scram_users.clone());
        Self {
            scram_users: both.map(|(ours, theirs)| ours.into_iter().chain(theirs).collect()),
            ..self
        }
    }

    /// The same as long as not every broker has taken up the rotation of certificates that is wanted.
    pub(crate) fn with_certificates_of(self, before: &Self) -> Self {
        Self {
            certificate_rotations: before.certificate_rotations,
            ..self
        }
    }

    /// The same with other server properties.
    pub(crate) fn with_properties(self, server_properties: BTreeMap<String, String>) -> Self {
        Self {
            server_properties,
            ..self
        }
    }

    /// Where its brokers listen.
    pub(crate) fn plan(&self) -> Plan {
        Plan {
            listeners: Listeners {
                plaintext: self.plaintext,
                tls: self.tls,
                sasl_scram: self.sasl_scram,
                sasl_iam: self.sasl_iam,
            },
            exporters: Exporters {
                jmx: self.jmx_exporter,
                node: self.node_exporter,
            },
            block: self.block,
            reach: Reach {
                public_address: self.public_address,
                ipv6: self.ipv6,
            },
            shared: self.shared_ports,
        }
    }

    /// Where one of them listens.
    pub(crate) fn endpoints(&self, broker_id: i32) -> Vec<BrokerEndpoint> {
        self.plan().endpoints(broker_id)
    }

    /// Ids of the brokers the cluster should have.
    pub(crate) fn broker_ids(&self) -> impl Iterator<Item = i32> + use<> {
        (1..=self.broker_count).filter_map(|id| i32::try_from(id).ok())
    }

    /// Zone of a broker: they take turns.
    pub(crate) fn zone(&self, broker_id: i32) -> String {
        let index = usize::try_from(broker_id - 1).unwrap_or(0) % self.zones.len().max(1);
        self.zones.get(index).cloned().unwrap_or_default()
    }

    /// Kafka's name for the cluster: 22 characters of url-safe base64.
    pub(crate) fn kafka_cluster_id(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.cluster_id.as_bytes())
    }

    /// Reads the file; `None` when there is none.
    pub(crate) fn read(layout: &Layout) -> Result<Option<Self>, EngineError> {
        description::read(&layout.description())
    }

    /// Replaces the file.
    pub(crate) fn write(&self, layout: &Layout) -> Result<(), EngineError> {
        description::write(&layout.description(), self)
    }
}
