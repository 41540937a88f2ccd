//! The seam between the control plane and whatever runs brokers: what a cluster should be ([`ClusterSpec`]), what it is
//! ([`ObservedCluster`]), and the [`Engine`] that makes the one into the other.
//!
//! Story: operation (`control-plane`) → reconciler → **`Engine`** → supervisor → broker process. An engine sees neither
//! HTTP nor the store. Every implementation passes the same suite, `conformance` (a feature, for tests).

mod acls;
mod changes;
#[cfg(feature = "conformance")]
pub mod conformance;
mod engines;
mod handover;
mod iam;
mod leftovers;
mod observed;
mod progress;
mod quotas;
pub mod request_id;
mod secret;
mod slots;
mod spec;
mod topics;

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use thiserror::Error;
use uuid::Uuid;

pub use acls::{Acl, AclAdmin};
pub use engines::Engines;
pub use handover::{
    Handed, Handover, HandsOver, Metadata, MetadataFile, Offer, OfferedBroker, Quorum, QuorumVoter, Taken, TakesOver,
};
pub use iam::{IamAuthenticator, IamLogin, IamRefusal};
pub use leftovers::{Leftover, Leftovers};
pub use observed::{BootstrapBrokers, BrokerState, Counts, Metric, ObservedBroker, ObservedCluster, Storage};
pub use progress::{Progress, Step};
pub use quotas::{Quota, QuotaAdmin, QuotaName};
pub use secret::Secret;
pub use slots::{Hold, Slot, Slots};
pub use spec::{
    BrokerResources, ClientCertificates, ClusterSpec, Exporters, Listeners, Reach, ScramCredential, ScramMechanism,
    ScramUser,
};
pub use topics::{
    Elected, NewTopic, PartitionDescription, Replicated, TopicAdmin, TopicDescription, TopicError, TopicSummary,
    TopicUpdate,
};

/// Runs clusters. Every method may be called at any moment, any number of times, also after a crash in the middle of
/// an earlier call: it looks at what is there and does what is missing.
#[async_trait]
pub trait Engine: Send + Sync + 'static {
    /// Name as in `msk_cluster.engine`: `embedded` or `apache-kafka`.
    fn name(&self) -> &'static str;

    /// Refuses a specification that this engine cannot make true, before anything is changed.
    fn validate(&self, spec: &ClusterSpec) -> Result<(), EngineError>;

    /// Makes the cluster what `spec` says and returns once it is: brokers run and have joined, dynamic properties and
    /// SCRAM users are in force, static properties have been taken up by a rolling restart, certificates are those of the
    /// rotation that is asked for. Gives up with an error after a bounded time; calling again goes on from what is there.
    async fn ensure(&self, spec: &ClusterSpec) -> Result<(), EngineError>;

    /// Who decides on logins by signature; none succeeds before this is called.
    fn authenticate_with(&self, authenticator: Arc<dyn IamAuthenticator>);

    /// How far the change that is under way has come; `None` when there is none.
    fn progress(&self, cluster_id: Uuid) -> Option<Progress>;

    /// What is there now; `None` when nothing of the cluster exists.
    async fn observe(&self, cluster_id: Uuid) -> Result<Option<ObservedCluster>, EngineError>;

    /// Stops all processes of the cluster and deletes all its files. Succeeds when nothing is left, also when nothing
    /// was there.
    async fn remove(&self, cluster_id: Uuid) -> Result<(), EngineError>;

    /// Moves replicas from brokers with many to brokers with few, a few partitions a call, and returns how many are moving
    /// then; none when brokers have equal shares. Does nothing while something else changes the cluster.
    async fn rebalance(&self, cluster_id: Uuid) -> Result<usize, EngineError>;

    /// Moves one process of a cluster that is on a host which is to be emptied, or does not come back, to another host, with
    /// everything that it holds, and returns whether there was one. Does nothing while something else changes the cluster. An
    /// error says why a host is not emptied; everything goes on where it is then.
    async fn relocate(&self, _spec: &ClusterSpec) -> Result<bool, EngineError> {
        Ok(false)
    }

    /// How many processes are to be on each host, by its id; hosts that have none need not be named.
    fn placed(&self) -> Result<BTreeMap<Uuid, usize>, EngineError> {
        Ok(BTreeMap::new())
    }

    /// What clusters have left on machines and none needs any more; with `remove` it is gone afterwards. What a cluster needs that is being
    /// changed is not known, and left out.
    async fn leftovers(&self, _remove: bool) -> Result<Leftovers, EngineError> {
        Ok(Leftovers::default())
    }

    /// The room there is for clusters.
    fn storage(&self) -> Result<Storage, EngineError>;

    /// Gives brokers whose certificates end before long new ones, which they take up without a restart, and returns how many
    /// that were. Does nothing while something else changes the cluster.
    async fn renew_certificates(&self, cluster_id: Uuid) -> Result<usize, EngineError>;

    /// Clusters of which this engine holds anything, so that orphans can be found.
    async fn list(&self) -> Result<Vec<Uuid>, EngineError>;

    /// Hands its clusters over to other engines, where it can.
    fn hands_over(&self) -> Option<&dyn HandsOver> {
        None
    }

    /// Takes clusters over from other engines, where it can.
    fn takes_over(&self) -> Option<&dyn TakesOver> {
        None
    }

    /// Name of the engine that has a cluster; of one that nobody has, the default one.
    fn engine_of(&self, _cluster_id: Uuid) -> &'static str {
        self.name()
    }

    /// Topics of a cluster.
    fn topics(&self) -> &dyn TopicAdmin;

    /// Access control lists of a cluster.
    fn acls(&self) -> &dyn AclAdmin;

    /// Client quotas of a cluster.
    fn quotas(&self) -> &dyn QuotaAdmin;
}

/// Why an engine could not do what it was asked, grouped by what the caller should do.
#[derive(Debug, Error)]
pub enum EngineError {
    /// Correct the specification: it can never be made true as it is.
    #[error("{reason}")]
    Unsupported {
        /// What is wrong with it.
        reason: String,
    },
    /// Mend the environment, then try again: a port is taken, the disk is full, a binary is missing.
    #[error("{problem}; {remedy}")]
    Environment {
        /// What is wrong, with the thing named.
        problem: String,
        /// What a person should do about it.
        remedy: String,
    },
    /// Try again: it took too long or something is restarting.
    #[error("{what} was not done in {waited_ms} ms: {last_state}")]
    Timeout {
        /// What was waited for.
        what: String,
        /// How long, milliseconds.
        waited_ms: u64,
        /// The last thing that was seen.
        last_state: String,
    },
    /// Everything else.
    #[error("{context}")]
    Internal {
        /// What was being done.
        context: String,
        /// Why it failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl EngineError {
    /// A topic has more replicas than the brokers that a cluster is to have.
    pub fn too_few_brokers(cluster_name: &str, wanted: u32, topic: &str, replicas: usize) -> Self {
        Self::Unsupported {
            reason: format!(
                "cluster {cluster_name:?} cannot have {wanted} brokers: topic {topic:?} has {replicas} replicas, each of which needs a \
                 broker of its own. Lower its replication factor, or delete it, first"
            ),
        }
    }
}

/// An error with its causes, on one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
