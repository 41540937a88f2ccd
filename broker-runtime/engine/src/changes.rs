//! A cluster changes from one engine to another: who has it, what is next, and what is undone.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

use crate::{ClusterSpec, Engine, EngineError, Engines, Handed, HandsOver, Taken, TakesOver, chain};

/// Changes of engines that are under way.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    by_cluster: Mutex<HashMap<Uuid, Arc<tokio::sync::Mutex<()>>>>,
}

impl Changes {
    /// Keeps others from changing the engine of a cluster.
    async fn hold(&self, cluster_id: Uuid) -> OwnedMutexGuard<()> {
        let lock = Arc::clone(self.by_cluster.lock().entry(cluster_id).or_default());
        lock.lock_owned().await
    }
}

/// Says that a cluster is being taken over, for as long as it is there.
struct Told<'a> {
    engines: &'a Engines,
    cluster_id: Uuid,
}

impl<'a> Told<'a> {
    fn begun(engines: &'a Engines, cluster_id: Uuid) -> Self {
        engines.taking_over.lock().insert(cluster_id);
        Self { engines, cluster_id }
    }
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        self.engines.taking_over.lock().remove(&self.cluster_id);
    }
}

/// How strong a claim of an engine is to a cluster of which it holds anything.
pub(crate) fn claim(engine: &dyn Engine, cluster_id: Uuid) -> u8 {
    // What cannot be read is its own.
    let taken = engine
        .takes_over()
        .map(|it| it.taken(cluster_id).unwrap_or(Taken::Whole));
    let handed = engine
        .hands_over()
        .map(|it| it.handed(cluster_id).unwrap_or(Handed::Nothing));
    match (taken, handed) {
        // Of nothing there may still be what a trial has left.
        (Some(Taken::Nothing | Taken::InPart), _) | (_, Some(Handed::Forgotten)) => 0,
        (_, Some(Handed::Begun)) => 1,
        _ => 2,
    }
}

impl Engines {
    /// Brings a cluster to an engine, from the one that has it, and ends what an earlier attempt has left half-done.
    pub(crate) async fn bring_to(&self, spec: &ClusterSpec, wanted: usize) -> Result<(), EngineError> {
        let _held = self.changes.hold(spec.cluster_id).await;
        match self.owner(spec.cluster_id) {
            Some(has) if has != wanted => self.change(spec, has, wanted).await?,
            _ => self.settle(spec.cluster_id, wanted).await?,
        }
        self.owns(spec.cluster_id, Some(wanted));
        Ok(())
    }

    /// Refuses a cluster that cannot come from one engine to another.
    pub(crate) fn validate_change(&self, spec: &ClusterSpec, has: usize, wanted: usize) -> Result<(), EngineError> {
        let (source, target) = self.both(spec, has, wanted)?;
        target.validate_offer(spec, &source.offer(spec.cluster_id)?)
    }

    /// Removes what engines have of a cluster beside the one that has it.
    pub(crate) async fn remove_beside(&self, cluster_id: Uuid, owner: Option<usize>) -> Result<(), EngineError> {
        let _held = self.changes.hold(cluster_id).await;
        for (index, engine) in self.all.iter().enumerate() {
            if Some(index) == owner {
                continue;
            }
            let taken = engine.takes_over().map(|it| it.taken(cluster_id)).transpose()?;
            let handed = engine.hands_over().map(|it| it.handed(cluster_id)).transpose()?;
            let holds = taken.is_some_and(|it| it != Taken::Nothing) || handed.is_some_and(|it| it != Handed::Nothing);
            if holds {
                engine.remove(cluster_id).await?;
            } else if let Some(target) = engine.takes_over() {
                target.give_back(cluster_id).await?;
            }
        }
        Ok(())
    }

    fn both(
        &self,
        spec: &ClusterSpec,
        has: usize,
        wanted: usize,
    ) -> Result<(&dyn HandsOver, &dyn TakesOver), EngineError> {
        let (source, target) = (&self.all[has], &self.all[wanted]);
        source
            .hands_over()
            .zip(target.takes_over())
            .ok_or_else(|| EngineError::Unsupported {
                reason: format!(
                    "cluster {:?} runs on engine {} and cannot come to engine {}: what {} has stored since, {} cannot take over",
                    spec.cluster_name,
                    source.name(),
                    target.name(),
                    source.name(),
                    target.name()
                ),
            })
    }

    async fn change(&self, spec: &ClusterSpec, has: usize, wanted: usize) -> Result<(), EngineError> {
        let (source, target) = self.both(spec, has, wanted)?;
        let cluster_id = spec.cluster_id;
        let _told = Told::begun(self, cluster_id);
        let taking = async {
            let offer = source.offer(cluster_id)?;
            target.validate_offer(spec, &offer)?;
            target.prepare(spec, &offer).await?;
            let handover = source.hand_over(cluster_id).await?;
            target.take_over(spec, &handover).await
        };
        if let Err(error) = taking.await {
            let back = async {
                target.give_back(cluster_id).await?;
                source.take_back(cluster_id).await
            };
            return Err(match back.await {
                Ok(()) => error,
                // The next call tries it again.
                Err(source) => EngineError::Internal {
                    context: format!(
                        "cluster {:?} was not taken over ({}), and is not back where it was",
                        spec.cluster_name,
                        chain(&error)
                    ),
                    source: source.into(),
                },
            });
        }
        self.owns(cluster_id, Some(wanted));
        source.forget(cluster_id).await
    }

    /// Ends what has been begun: the engine that is wanted has the cluster.
    async fn settle(&self, cluster_id: Uuid, owner: usize) -> Result<(), EngineError> {
        let others = self.all.iter().enumerate().filter(|(index, _)| *index != owner);
        for (_, engine) in others {
            if let Some(target) = engine.takes_over()
                && target.taken(cluster_id)? == Taken::InPart
            {
                target.give_back(cluster_id).await?;
            }
            if let Some(source) = engine.hands_over()
                && source.handed(cluster_id)? == Handed::Begun
            {
                source.forget(cluster_id).await?;
            }
        }
        match self.all[owner].hands_over() {
            Some(source) if source.handed(cluster_id)? == Handed::Begun => source.take_back(cluster_id).await,
            _ => Ok(()),
        }
    }

    /// The engine that has a cluster. Who has taken it as a whole has it, whatever was noted before.
    pub(crate) fn owner(&self, cluster_id: Uuid) -> Option<usize> {
        let noted = self.noted(cluster_id)?;
        let source = self.all[noted].hands_over();
        let handed = source.map_or(Ok(Handed::Nothing), |it| it.handed(cluster_id));
        if matches!(handed, Ok(Handed::Nothing)) {
            return Some(noted);
        }
        let has_taken = |engine: &Arc<dyn Engine>| {
            engine
                .takes_over()
                .is_some_and(|it| matches!(it.taken(cluster_id), Ok(Taken::Whole)))
        };
        self.all.iter().position(has_taken).or(Some(noted))
    }
}

#[cfg(test)]
mod tests;
