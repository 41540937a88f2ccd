//! Archives of classes of a cluster's nodes: used where they are, and made in the background where they are not, once nobody waits for
//! the cluster. Nothing of it is a reason to fail.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{Arc, Weak},
};

use engine::EngineError;
use hosts::{Host, HostFacts, UnitName};
use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Cluster, Settings};
use crate::{
    bundle::Bundle,
    classes::{self, ArchiveKey, ClassArchive, NotMade},
    errors::host_error,
    launch::{self, JavaVersion},
    placement::Node,
};

/// What a cluster knows of archives that its nodes do without.
#[derive(Debug, Default)]
pub(super) struct WithoutArchive {
    /// By node: the one that it would have.
    nodes: Mutex<BTreeMap<i32, ClassArchive>>,
    /// What makes them.
    work: Mutex<Option<Work>>,
}

#[derive(Debug)]
struct Work {
    until: CancellationToken,
    task: JoinHandle<()>,
}

/// An archive to be made, and the units of the nodes that do without it; the first one's list is what it is made of.
struct ToMake {
    host: Arc<dyn Host>,
    archive: ClassArchive,
    units: Vec<(i32, UnitName)>,
}

impl Cluster {
    /// Says where a node that is going to be started has its classes from: an archive where there is one for its Java.
    pub(super) async fn choose_classes(
        &self,
        host: &dyn Host,
        (id, node): (i32, &Node),
        bundle: &Bundle,
        java: Option<&JavaVersion>,
    ) -> Result<(), EngineError> {
        let (facts, unit) = (host.facts(), launch::unit(self.description().cluster_id, id));
        let archive = java.map(|java| ClassArchive::of(&facts, bundle, node, java));
        let is_there = match &archive {
            Some(archive) => archive.is_there(host, &unit).await,
            None => false,
        };
        write_options(host, &facts, &unit, archive.as_ref().filter(|_| is_there)).await?;
        let mut without = self.without_archive.nodes.lock();
        match archive.filter(|_| !is_there) {
            Some(archive) => drop(without.insert(id, archive)),
            None => drop(without.remove(&id)),
        }
        Ok(())
    }

    /// Has the archives made that nodes had to do without, in a while and in the background.
    pub(super) fn archive_classes(self: &Arc<Self>) {
        if self.without_archive.nodes.lock().is_empty() {
            return;
        }
        let (until, cluster) = (CancellationToken::new(), Arc::downgrade(self));
        let task = tokio::spawn(make_later(cluster, Arc::clone(&self.settings), until.clone()));
        *self.without_archive.work.lock() = Some(Work { until, task });
    }

    /// Ends that work, and returns once nothing of it goes on: a change of the cluster comes first.
    pub(crate) async fn leave_classes(&self) {
        let work = self.without_archive.work.lock().take();
        if let Some(Work { until, task }) = work {
            until.cancel();
            // It has no result.
            let _ = task.await;
        }
    }

    fn to_make(&self) -> Vec<ToMake> {
        let description = self.description();
        let nodes = self.without_archive.nodes.lock().clone();
        let mut all: BTreeMap<ArchiveKey, ToMake> = BTreeMap::new();
        for (id, archive) in nodes {
            let unit = launch::unit(description.cluster_id, id);
            let node = description.nodes.get(&id);
            let Some(host) = node.and_then(|node| self.settings.fleet.host(node.host_id)) else {
                continue;
            };
            match all.entry(archive.key()) {
                Entry::Occupied(mut there) => there.get_mut().units.push((id, unit)),
                Entry::Vacant(place) => drop(place.insert(ToMake {
                    host,
                    archive,
                    units: vec![(id, unit)],
                })),
            }
        }
        all.into_values().collect()
    }

    async fn make_one(&self, one: &ToMake, until: &CancellationToken) {
        let (host, archive) = (&*one.host, &one.archive);
        let (Some(claim), Some((_, unit))) = (self.settings.missing_archives.claim(&archive.key()), one.units.first())
        else {
            return;
        };
        let name = host.facts().name;
        let made = tokio::select! {
            made = archive.make(host, unit) => made,
            () = until.cancelled() => return,
        };
        match made {
            Ok(()) => {
                tracing::info!(host = name, "classes of Apache Kafka are archived");
                self.have_archive(one).await;
                // What cannot be deleted takes up room, and is deleted with the next archive.
                if let Err(error) = archive.replace_others(host, unit).await {
                    tracing::debug!(host = name, ?error, "archives of another Java are still there");
                }
            }
            Err(NotMade::Unreachable) => {}
            Err(NotMade::Failed(reason)) => {
                tracing::warn!(
                    host = name,
                    reason,
                    "classes of Apache Kafka are not archived; its nodes start without"
                );
                claim.give_up();
                ClassArchive::tidy_up(host, unit).await;
            }
        }
    }

    /// Nodes that start again by themselves have the archive, too.
    async fn have_archive(&self, one: &ToMake) {
        let (host, facts) = (&*one.host, one.host.facts());
        for (id, unit) in &one.units {
            // One that cannot be told is told at its next start.
            if write_options(host, &facts, unit, Some(&one.archive)).await.is_ok() {
                ClassArchive::tidy_up(host, unit).await;
                self.without_archive.nodes.lock().remove(id);
            }
        }
    }
}

async fn write_options(
    host: &dyn Host,
    facts: &HostFacts,
    unit: &UnitName,
    archive: Option<&ClassArchive>,
) -> Result<(), EngineError> {
    let options = classes::options(facts, unit, archive);
    host.write_files(unit, &[options]).await.map_err(host_error)
}

/// One after the other: some of the hosts may be one machine.
async fn make_later(cluster: Weak<Cluster>, settings: Arc<Settings>, until: CancellationToken) {
    tokio::select! {
        () = settings.clock.sleep(settings.archive_classes_after) => (),
        () = until.cancelled() => return,
    }
    let Some(cluster) = cluster.upgrade() else { return };
    for one in cluster.to_make() {
        if until.is_cancelled() {
            return;
        }
        cluster.make_one(&one, &until).await;
    }
}
