//! Certificates of nodes. New ones are taken up while nodes run: Kafka reads the file again when it is told of it anew, and says
//! that it will before it has. So nodes are looked at until they show what they were given. Controllers with a process of their
//! own are restarted, one after the other.

use cluster_files::certificates::Held;
use engine::{EngineError, Progress, Step};
use hosts::{Host, UnitFile};

use super::{Cluster, refused};
use crate::{errors::host_error, launch, node_properties::IDENTITY, placement::Node, ports};

/// Longest file of a certificate and its key.
const BYTES_MAX: u64 = 1 << 20;

impl Cluster {
    /// Gives every node a certificate of this rotation that has none.
    pub(super) async fn rotate_certificates(&self, rotation: u64) -> Result<(), EngineError> {
        self.renew(rotation).await.map(drop)
    }

    /// Gives nodes whose certificates end before long new ones, and returns how many that were.
    pub(crate) async fn renew_certificates(&self) -> Result<usize, EngineError> {
        self.renew(0).await
    }

    async fn renew(&self, rotation: u64) -> Result<usize, EngineError> {
        let description = self.description();
        let now_ms = self.settings.clock.now_ms();
        let (mut due, mut settled) = (Vec::new(), Vec::new());
        for (id, node) in &description.nodes {
            let host = self.host_of(node)?;
            match self.held(&*host, *id).await? {
                Some(held) if !self.authority.is_due(&held, rotation, now_ms) => settled.push((*id, node, host, held)),
                held => {
                    let rotation = held.map_or(rotation, |held| held.rotation().max(rotation));
                    due.push((*id, node, host, rotation));
                }
            }
        }
        // What was written by a call that was cut off may not have been read.
        for (id, node, host, held) in settled {
            if self.shows_another(node, &held).await {
                self.take_up(id, node, &*host, &held).await?;
            }
        }
        let total = u64::try_from(due.len()).unwrap_or(u64::MAX);
        for (done, (id, node, host, rotation)) in (0..).zip(&due) {
            self.report(Some(Progress {
                done,
                total,
                ..Progress::begun(Step::RenewCertificates)
            }));
            let text = self.make_identity(*id, node, *rotation)?;
            let file = UnitFile {
                path: IDENTITY.to_owned(),
                content: text.into_bytes(),
                is_secret: true,
            };
            let unit = launch::unit(description.cluster_id, *id);
            host.write_files(&unit, &[file]).await.map_err(host_error)?;
            if let Some(held) = self.held(&**host, *id).await? {
                self.take_up(*id, node, &**host, &held).await?;
            }
            tracing::info!(node_id = id, cluster = self.name(), "node has another certificate");
        }
        if total > 0 {
            self.report(None);
        }
        Ok(due.len())
    }

    /// Has a node show the certificate that it has.
    async fn take_up(&self, id: i32, node: &Node, host: &dyn Host, held: &Held) -> Result<(), EngineError> {
        if node.is_broker {
            self.reload(id, node, host).await?;
        } else {
            // Apache Kafka keeps dynamic properties of brokers only: it says that it knows no node of that id.
            self.restart_controller(id).await?;
        }
        self.wait_until_shown(id, node, held).await
    }

    /// Has a broker read its certificate again, for each of its listeners.
    async fn reload(&self, id: i32, node: &Node, host: &dyn Host) -> Result<(), EngineError> {
        let description = self.description();
        let unit = launch::unit(description.cluster_id, id);
        let path = host.facts().unit_directory(&unit).join(IDENTITY).display().to_string();
        let listeners = ports::listeners(node, description.listeners());
        let encrypted = listeners.iter().filter(|listener| listener.is_encrypted());
        let changes: Vec<_> = encrypted
            .map(|listener| {
                let name = listener.name.to_lowercase();
                (
                    format!("listener.name.{name}.ssl.keystore.location"),
                    Some(path.clone()),
                )
            })
            .collect();
        let address = ports::replication(node);
        let context = format!("giving node {id} another certificate");
        self.kafka
            .alter_node(id, address, &changes)
            .await
            .map_err(|error| refused(&context, error))
    }

    /// The certificate that a node has.
    pub(super) async fn held(&self, host: &dyn Host, id: i32) -> Result<Option<Held>, EngineError> {
        let unit = launch::unit(self.description().cluster_id, id);
        let text = host.read_file(&unit, IDENTITY, BYTES_MAX).await.map_err(host_error)?;
        let held = text.and_then(|text| Held::of(&text));
        if let Some(held) = &held {
            self.certificate_ends.lock().insert(id, held.expires_at_ms);
        }
        Ok(held)
    }

    pub(super) fn make_identity(&self, id: i32, node: &Node, rotation: u64) -> Result<String, EngineError> {
        let common_name = format!("node {id} of {}", self.name());
        self.authority
            .make(&common_name, &[node.address], rotation, self.settings.clock.now_ms())
    }
}
