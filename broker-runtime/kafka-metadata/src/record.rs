//! The records of the metadata log. On disk and on the wire they are JSON, one object a record, so that fields can be
//! added with `#[serde(default)]` and an operator can read the log.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    BrokerEpoch, BrokerId, LeaderEpoch, PartitionEpoch, TopicId,
    acl::AclBinding,
    quota::{QuotaEntity, QuotaKey, QuotaValue},
};

/// Where a listener of a broker is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The listener's name: `PLAINTEXT`, `TLS`, `SASL_SCRAM` or `INTERNAL`.
    pub listener: String,
    /// Host name or address that is advertised.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// What a dynamic configuration is attached to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ConfigResource {
    /// A topic, by name.
    Topic(String),
    /// One broker.
    Broker(BrokerId),
    /// The default of all brokers of the cluster (the empty resource name in Kafka's protocol).
    Brokers,
    /// A group of consumers, by its id; it need not be there.
    Group(String),
}

/// SCRAM mechanisms (RFC 5802, RFC 7677, KIP-84).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ScramMechanism {
    /// SCRAM-SHA-256.
    Sha256,
    /// SCRAM-SHA-512.
    Sha512,
}

/// One change of cluster metadata.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MetadataRecord {
    /// The first record of a log.
    ClusterCreated {
        /// Kafka's cluster id: 22 characters of url-safe base64.
        cluster_id: String,
    },
    /// A broker process registered; it is fenced until it has caught up.
    BrokerRegistered {
        /// The broker.
        broker_id: BrokerId,
        /// Offset of this very record.
        broker_epoch: BrokerEpoch,
        /// Random id of the process.
        incarnation_id: Uuid,
        /// The kernel's boot id: after a restart with the same one the page cache is intact.
        boot_id: String,
        /// Ids of its log directories; none from versions that did not tell them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        log_dirs: Vec<Uuid>,
        /// Zone of the broker (`broker.rack`).
        rack: Option<String>,
        /// All listeners.
        endpoints: Vec<Endpoint>,
    },
    /// The broker may not lead and is in no ISR.
    BrokerFenced {
        /// The broker.
        broker_id: BrokerId,
    },
    /// The broker has caught up and serves.
    BrokerUnfenced {
        /// The broker.
        broker_id: BrokerId,
    },
    /// The broker asked for a controlled shutdown; it gives up its leaderships.
    BrokerShuttingDown {
        /// The broker.
        broker_id: BrokerId,
    },
    /// The broker is to leave the cluster, or no longer: it gets no new replicas.
    BrokerRetiring {
        /// The broker.
        broker_id: BrokerId,
        /// Whether it is.
        retiring: bool,
    },
    /// The broker left the cluster for good.
    BrokerUnregistered {
        /// The broker.
        broker_id: BrokerId,
    },
    /// A topic was created; its partitions follow in the same batch.
    TopicCreated {
        /// Its id.
        topic_id: TopicId,
        /// Its name.
        name: String,
    },
    /// A topic was deleted, with its partitions and its configuration.
    TopicDeleted {
        /// Its id.
        topic_id: TopicId,
    },
    /// The whole new state of a partition, at creation and at every change.
    Partition {
        /// Topic.
        topic_id: TopicId,
        /// Index, from 0.
        partition: i32,
        /// Its new state.
        state: PartitionState,
    },
    /// A dynamic configuration was set, or removed when `value` is `None`.
    Config {
        /// Of what.
        resource: ConfigResource,
        /// Property name.
        name: String,
        /// Its value as text.
        value: Option<String>,
    },
    /// A SCRAM credential was set. Values are base64; the password itself is never kept (KIP-554).
    ScramCredential {
        /// User name.
        user: String,
        /// Mechanism.
        mechanism: ScramMechanism,
        /// Salt.
        salt: String,
        /// Iterations, at least 4096.
        iterations: u32,
        /// `StoredKey` of RFC 5802.
        stored_key: String,
        /// `ServerKey` of RFC 5802.
        server_key: String,
    },
    /// A SCRAM credential was removed.
    ScramCredentialRemoved {
        /// User name.
        user: String,
        /// Mechanism.
        mechanism: ScramMechanism,
    },
    /// An access control list was created.
    AclCreated {
        /// It.
        acl: AclBinding,
    },
    /// An access control list was deleted.
    AclDeleted {
        /// It.
        acl: AclBinding,
    },
    /// A client quota was set, or removed when `value` is `None`.
    ClientQuota {
        /// Whose.
        entity: QuotaEntity,
        /// What is limited.
        key: QuotaKey,
        /// To how much.
        value: Option<QuotaValue>,
    },
    /// A block of producer ids was given to a broker (KIP-730).
    ProducerIds {
        /// The first id that has not been given out yet.
        next_producer_id: i64,
    },
}

/// State of one partition, as decided by the controller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionState {
    /// Assigned replicas; the first is the preferred leader.
    pub replicas: Vec<BrokerId>,
    /// In-sync replicas.
    pub isr: Vec<BrokerId>,
    /// Eligible leader replicas (KIP-966): they have left the ISR while it had too few members for acks=all, so nothing was
    /// acknowledged that they do not have. None of them is in the ISR.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elr: Vec<BrokerId>,
    /// The leader, `None` while no eligible replica is alive.
    pub leader: Option<BrokerId>,
    /// See [`LeaderEpoch`].
    pub leader_epoch: LeaderEpoch,
    /// See [`PartitionEpoch`].
    pub partition_epoch: PartitionEpoch,
    /// Replicas that a reassignment is bringing; they are among `replicas`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adding: Vec<BrokerId>,
    /// Replicas that go once those have come; they are among `replicas`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removing: Vec<BrokerId>,
}

impl PartitionState {
    /// True while replicas are being moved.
    pub fn is_moving(&self) -> bool {
        !self.adding.is_empty() || !self.removing.is_empty()
    }

    /// Replicas that have everything that was ever acknowledged with acks=all: the ISR, and who is eligible beside it.
    pub fn safe_replicas(&self) -> impl Iterator<Item = BrokerId> {
        self.isr.iter().chain(&self.elr).copied()
    }

    /// Members that the ISR has to have for acks=all where `min.insync.replicas` is `min_insync_replicas`: never more than there are
    /// replicas; those that are only being brought do not count.
    pub fn required_isr(&self, min_insync_replicas: usize) -> usize {
        min_insync_replicas.min(self.settled_replicas().len())
    }

    /// The assignment that is in force: without the replicas that a reassignment is bringing.
    pub fn settled_replicas(&self) -> Vec<BrokerId> {
        let settled = self.replicas.iter().copied();
        settled.filter(|replica| !self.adding.contains(replica)).collect()
    }

    /// The assignment that a reassignment leads to: without the replicas that it takes away.
    pub fn target_replicas(&self) -> Vec<BrokerId> {
        let target = self.replicas.iter().copied();
        target.filter(|replica| !self.removing.contains(replica)).collect()
    }

    /// Whether it has `factor` replicas and is not about to have another number of them.
    pub fn has_replicas(&self, factor: usize) -> bool {
        self.settled_replicas().len() == factor && self.target_replicas().len() == factor
    }
}
