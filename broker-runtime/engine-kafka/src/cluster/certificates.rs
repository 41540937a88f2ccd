//! Certificates of nodes. New ones are taken up while nodes run: Kafka reads the file again when it is told of it anew.

use std::net::SocketAddr;

use cluster_files::certificates::Held;
use engine::{EngineError, Progress, Step};
use hosts::{Host, UnitFile};

use super::{Cluster, refused};
use crate::{
    errors::host_error,
    launch,
    node_properties::IDENTITY,
    placement::Node,
    ports::{self, CONTROLLER},
};

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
        let mut due = Vec::new();
        for (id, node) in &description.nodes {
            let host = self.host_of(node)?;
            let held = self.held(&*host, *id).await?;
            if held
                .as_ref()
                .is_none_or(|held| self.authority.is_due(held, rotation, now_ms))
            {
                due.push((
                    *id,
                    node,
                    host,
                    held.map_or(rotation, |held| held.rotation().max(rotation)),
                ));
            }
        }
        let total = u64::try_from(due.len()).unwrap_or(u64::MAX);
        for (done, (id, node, host, rotation)) in (0..).zip(&due) {
            self.report(Some(Progress {
                done,
                total,
                ..Progress::begun(Step::RenewCertificates)
            }));
            let file = UnitFile {
                path: IDENTITY.to_owned(),
                content: self.make_identity(*id, node, *rotation)?.into_bytes(),
                is_secret: true,
            };
            let unit = launch::unit(description.cluster_id, *id);
            host.write_files(&unit, &[file]).await.map_err(host_error)?;
            self.reload(*id, node, &**host).await?;
            self.held(&**host, *id).await?;
            tracing::info!(node_id = id, cluster = self.name(), "node has another certificate");
        }
        if total > 0 {
            self.report(None);
        }
        Ok(due.len())
    }

    /// Has a node read its certificate again, for each of its listeners.
    async fn reload(&self, id: i32, node: &Node, host: &dyn Host) -> Result<(), EngineError> {
        let description = self.description();
        let unit = launch::unit(description.cluster_id, id);
        let path = host.facts().unit_directory(&unit).join(IDENTITY).display().to_string();
        let listeners = ports::listeners(node, description.listeners());
        let encrypted = listeners.iter().filter(|listener| listener.protocol != "PLAINTEXT");
        let changes: Vec<_> = encrypted
            .map(|listener| {
                let name = listener.name.to_lowercase();
                (
                    format!("listener.name.{name}.ssl.keystore.location"),
                    Some(path.clone()),
                )
            })
            .collect();
        let address: SocketAddr = match listeners.iter().find(|listener| !listener.is_for_clients()) {
            Some(listener) if node.is_broker || listener.name == CONTROLLER => listener.address,
            _ => return Ok(()),
        };
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
