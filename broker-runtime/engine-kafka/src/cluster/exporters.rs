//! Pages of metrics of brokers that run already: their ports are looked at first, because Java does not start where one is taken.

use std::collections::BTreeMap;

use engine::EngineError;

use super::{Cluster, nodes::WantedNode};
use crate::{errors::host_error, exporter, launch};

impl Cluster {
    /// Refuses pages on ports where something else listens, before any broker is restarted for them.
    pub(super) async fn check_exporters(&self, wanted: &BTreeMap<i32, WantedNode>) -> Result<(), EngineError> {
        let description = self.description();
        for (id, node) in &description.nodes {
            let Some(one) = wanted
                .get(id)
                .filter(|it| exporter::is_in(&it.process.command.arguments))
            else {
                continue;
            };
            let Some(address) = exporter::address(node) else {
                continue;
            };
            let host = self.host_of(node)?;
            let unit = launch::unit(description.cluster_id, *id);
            // One that was never started has had its ports looked at when it got its place.
            let Some(process) = self.last_process(&*host, &unit).await? else {
                continue;
            };
            if process == one.process || exporter::is_in(&process.command.arguments) {
                continue;
            }
            if !host.taken(&[address]).await.map_err(host_error)?.is_empty() {
                return Err(EngineError::Environment {
                    problem: format!(
                        "something listens on {address} on host {}, where broker {id} of cluster {:?} is to have its page of metrics",
                        node.host_name,
                        self.name()
                    ),
                    remedy: "end it, then try again".to_owned(),
                });
            }
        }
        Ok(())
    }
}
