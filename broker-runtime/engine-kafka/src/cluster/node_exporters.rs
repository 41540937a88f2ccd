//! Pages of machines: a process beside each broker, started and ended without it.
//!
//! That there may be some is written down before the first one is started, and forgotten after the last one is gone: so a cluster that
//! never had any asks no host for them.

use engine::{ClusterSpec, EngineError};
use futures::future::try_join_all;
use hosts::{UnitName, UnitPhase};

use super::Cluster;
use crate::{errors::host_error, launch, node_exporter, placement::Node};

impl Cluster {
    /// Has each broker have a page of its machine beside it, or none of them, as the cluster is to have it.
    pub(super) async fn ensure_node_exporters(&self, spec: &ClusterSpec) -> Result<(), EngineError> {
        let description = self.description();
        if !description.node_exporters {
            return Ok(());
        }
        if spec.exporters.node {
            let starting = description.nodes.iter().filter_map(|(id, node)| {
                let address = node_exporter::address(node)?;
                Some(async move {
                    let (host, unit) = (self.host_of(node)?, self.page_unit(*id));
                    let process = node_exporter::process(&host.facts(), &unit, address);
                    host.start(&unit, &process).await.map_err(host_error)
                })
            });
            return try_join_all(starting).await.map(drop);
        }
        let ending = description.nodes.iter();
        try_join_all(ending.map(|(id, node)| self.end_node_exporter(*id, node))).await?;
        self.describe(|next| next.node_exporters = false).await
    }

    /// Ends the page beside a node. Succeeds when there is none.
    pub(super) async fn end_node_exporter(&self, id: i32, node: &Node) -> Result<(), EngineError> {
        let removed = self.host_of(node)?.remove(&self.page_unit(id)).await;
        removed.map_err(host_error)
    }

    /// Whether a page runs beside a node, or is about to.
    pub(super) async fn has_node_exporter(&self, id: i32, node: &Node) -> Result<bool, EngineError> {
        let status = self.host_of(node)?.status(&self.page_unit(id)).await;
        let phase = status.map_err(host_error)?.map(|status| status.phase);
        Ok(phase.is_some_and(|phase| phase != UnitPhase::Stopped))
    }

    fn page_unit(&self, id: i32) -> UnitName {
        launch::node_exporter_unit(self.description().cluster_id, id)
    }
}
