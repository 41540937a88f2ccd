//! The end of a cluster: its processes end on all hosts, its files go, and then it is forgotten.

use std::{collections::BTreeMap, sync::Arc};

use cluster_files::durable_file;
use engine::EngineError;
use futures::future::join_all;
use hosts::{Host, HostState, UnitName};
use uuid::Uuid;

use super::Settings;
use crate::{
    blocking::blocking,
    description::{Layout, Phase},
    errors::host_error,
    launch,
};

/// Removes a cluster from all hosts and from this machine. Succeeds when nothing is left, also when nothing was there. Units
/// on hosts that are dead go with these.
pub(crate) async fn remove(settings: &Settings, layout: &Layout, cluster_id: Uuid) -> Result<(), EngineError> {
    let files = layout.clone();
    let description = blocking(move || {
        let description = files.read()?;
        if let Some(mut description) = description.clone() {
            description.phase = Phase::Removing;
            files.write(&description)?;
        }
        Ok(description)
    })
    .await?;
    let mut units: BTreeMap<UnitName, Uuid> = BTreeMap::new();
    if let Some(description) = &description {
        let nodes = description.nodes.iter();
        units.extend(nodes.flat_map(|(id, node)| description.units_of(*id).map(move |unit| (unit, node.host_id))));
    }
    let mut work: Vec<(Arc<dyn Host>, UnitName)> = Vec::new();
    for (unit, host_id) in &units {
        if let Some(host) = settings.fleet.host(*host_id) {
            work.push((host, unit.clone()));
        }
    }
    // Also what nobody has written down.
    for host in settings.fleet.hosts() {
        let found = host.units().await.unwrap_or_default();
        let ours = found
            .into_iter()
            .map(|status| status.unit)
            .filter(|unit| launch::parse_unit(unit).is_some_and(|(of, _)| of == cluster_id))
            .filter(|unit| units.get(unit) != Some(&host.facts().host_id));
        work.extend(ours.map(|unit| (Arc::clone(&host), unit)));
    }
    let removals = work.iter().map(|(host, unit)| async move {
        // Nothing of it is kept, and a broker that gives up its leaderships waits for controllers that are gone already.
        let ended = host.stop(unit, true).await;
        let removed = ended.and(host.remove(unit).await);
        // One that is there all the same obeys.
        if host.facts().state == HostState::Dead {
            return Ok(());
        }
        removed
    });
    for removed in join_all(removals).await {
        removed.map_err(host_error)?;
    }
    let root = layout.root().to_owned();
    blocking(move || durable_file::remove_directory(&root)).await
}
