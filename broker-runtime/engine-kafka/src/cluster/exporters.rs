//! Pages of metrics of brokers that run already: their ports are looked at first. Java does not start where one is taken, and nobody
//! would see why the page of a machine is somebody else's.

use std::{collections::BTreeMap, net::SocketAddr};

use engine::{ClusterSpec, EngineError};

use super::{Cluster, nodes::WantedNode};
use crate::{errors::host_error, jmx_exporter, launch, node_exporter, placement::Node};

impl Cluster {
    /// Refuses pages on ports where something else listens, before anything is started or restarted for them.
    pub(super) async fn check_exporters(
        &self,
        spec: &ClusterSpec,
        wanted: &BTreeMap<i32, WantedNode>,
    ) -> Result<(), EngineError> {
        let description = self.description();
        for (id, node) in &description.nodes {
            if let (Some(address), Some(one)) = (jmx_exporter::address(node), wanted.get(id))
                && self.gets_exporter(*id, node, one).await?
            {
                self.check_free(*id, node, address).await?;
            }
            let page = node_exporter::address(node).filter(|_| spec.exporters.node);
            if let Some(address) = page
                && !self.has_node_exporter(*id, node).await?
            {
                self.check_free(*id, node, address).await?;
            }
        }
        Ok(())
    }

    /// Whether a broker that has been started without the exporter in its Java is to have it.
    async fn gets_exporter(&self, id: i32, node: &Node, wanted: &WantedNode) -> Result<bool, EngineError> {
        if !jmx_exporter::is_in(&wanted.process.command.arguments) {
            return Ok(false);
        }
        let unit = launch::unit(self.description().cluster_id, id);
        // One that was never started has had its ports looked at when it got its place.
        let last = self.last_process(&*self.host_of(node)?, &unit).await?;
        Ok(last.is_some_and(|last| !jmx_exporter::is_in(&last.command.arguments)))
    }

    async fn check_free(&self, id: i32, node: &Node, address: SocketAddr) -> Result<(), EngineError> {
        let taken = self.host_of(node)?.taken(&[address]).await.map_err(host_error)?;
        if taken.is_empty() {
            return Ok(());
        }
        Err(EngineError::Environment {
            problem: format!(
                "something listens on {address} on host {}, where broker {id} of cluster {:?} is to have its page of metrics",
                node.host_name,
                self.name()
            ),
            remedy: "end it, then try again".to_owned(),
        })
    }
}
