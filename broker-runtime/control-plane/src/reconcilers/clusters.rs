//! Steps the operation of each cluster: one task a cluster that has something to do, at most.
//!
//! ```text
//! PENDING → UPDATE_IN_PROGRESS ─ engine did it ───→ UPDATE_COMPLETE   cluster ACTIVE, or gone
//!                              └ engine gave up ──→ UPDATE_FAILED     cluster FAILED (create), else ACTIVE as before
//! ```
//! Killed at any point, the next control plane finds the operation and does the same again.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use control_plane_api::operations::ErrorInfo;
use engine::{ClusterSpec, EngineError, chain, request_id};
use hosts::{Host as _, HostState};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::specification::specification;
use crate::{
    error::OperationError,
    operations::forget_creations,
    services::Services,
    store::{ClusterRecord, ClusterSettings, ClusterState, OperationKind, OperationRecord, OperationState, StoreError},
};

/// How often an engine is asked again when it ran out of time.
const ATTEMPTS_MAX: u32 = 3;
/// Pause after a failure of the store, or of an engine that will be asked again.
const PAUSE: Duration = Duration::from_millis(500);
/// How often hosts are asked before anything is placed on them.
const FIRST_ASKS_MAX: usize = 3;
/// How long everything is left alone when nothing calls.
const IDLE: Duration = Duration::from_secs(30);

/// Reconciles until it is told to end.
pub(crate) async fn run(services: Arc<Services>, until: CancellationToken) {
    let mut changed = services.changed();
    let mut tasks: JoinSet<Uuid> = JoinSet::new();
    let mut busy: BTreeSet<Uuid> = BTreeSet::new();
    // Clusters that are looked at once, although nobody has asked to change them.
    let mut unsettled: BTreeSet<Uuid> = BTreeSet::new();
    let mut look_at_all = false;
    // Nothing can be placed on hosts that nobody has asked yet.
    ask_hosts(&services).await;
    loop {
        look_at_all |= services.take_unsettled();
        match services.store.all::<ClusterRecord>() {
            Ok(clusters) => {
                for cluster in clusters {
                    if look_at_all {
                        unsettled.insert(cluster.uuid);
                    }
                    let is_unsettled = unsettled.contains(&cluster.uuid) && cluster.state == ClusterState::Active;
                    let due = cluster.active_operation.is_some() || is_unsettled;
                    if due && busy.insert(cluster.uuid) {
                        unsettled.remove(&cluster.uuid);
                        let services = Arc::clone(&services);
                        tasks.spawn(async move {
                            reconcile(&services, cluster.uuid).await;
                            cluster.uuid
                        });
                    }
                }
                look_at_all = false;
            }
            Err(error) => tracing::error!(error = chain(&error), "state cannot be read"),
        }
        tokio::select! {
            () = until.cancelled() => return,
            _ = changed.changed() => (),
            Some(ended) = tasks.join_next(), if !tasks.is_empty() => match ended {
                Ok(uuid) => drop(busy.remove(&uuid)),
                Err(error) => {
                    // A panic tells no name: let all that do not run be looked at again.
                    tracing::error!(%error, "reconciler ended early");
                    busy.clear();
                    tasks.abort_all();
                    services.clock.sleep(PAUSE).await;
                }
            },
            () = services.clock.sleep(IDLE) => (),
        }
    }
}

/// Asks all hosts, and once more those that do not answer: an agent may be starting, just as this control plane is.
async fn ask_hosts(services: &Services) {
    for _ in 0..FIRST_ASKS_MAX {
        services.fleet.ask_all().await;
        let away = |state| state == HostState::Unreachable;
        if !services
            .fleet
            .remote_hosts()
            .iter()
            .any(|host| away(host.facts().state))
        {
            return;
        }
        services.clock.sleep(PAUSE).await;
    }
}

/// Does what there is to do for a cluster until nothing is left.
async fn reconcile(services: &Services, uuid: Uuid) {
    loop {
        let cluster = match services.store.get::<ClusterRecord>(&uuid.to_string()) {
            Ok(Some(cluster)) => cluster,
            Ok(None) => return,
            Err(error) => {
                tracing::error!(error = chain(&error), cluster = %uuid, "state cannot be read");
                services.clock.sleep(PAUSE).await;
                continue;
            }
        };
        let done = match cluster.active_operation {
            Some(operation) => step(services, &cluster, operation).await.map(|()| false),
            None if cluster.state == ClusterState::Active => ensure_settled(services, &cluster).await.map(|()| true),
            None => Ok(true),
        };
        match done {
            Ok(true) => return,
            Ok(false) => (),
            Err(error) => {
                tracing::error!(error = chain(&error), cluster = %uuid, "operation cannot be stepped");
                services.clock.sleep(PAUSE).await;
            }
        }
    }
}

/// Makes sure that a cluster without an operation is what it should be: users may have changed under a killed control plane.
async fn ensure_settled(services: &Services, cluster: &ClusterRecord) -> Result<(), OperationError> {
    let spec = specification(services, cluster, &cluster.settings)?;
    if let Err(error) = services.engine.ensure(&spec).await {
        tracing::warn!(error = chain(&error), cluster = %cluster.arn, "cluster is not what it should be");
        services.remember_unsettled();
    }
    // It may have been in maintenance until now.
    services.wake();
    Ok(())
}

/// Carries out the operation of a cluster.
async fn step(services: &Services, cluster: &ClusterRecord, operation: Uuid) -> Result<(), OperationError> {
    let begun = services.store.transaction(|transaction| {
        let Some(mut operation) = transaction.get::<OperationRecord>(&operation.to_string())? else {
            return Ok::<_, StoreError>(None);
        };
        if operation.state == OperationState::Pending {
            operation.state = OperationState::UpdateInProgress;
            transaction.put(&operation)?;
        }
        Ok(Some(operation))
    })?;
    let Some(operation) = begun else {
        return Err(OperationError::Internal(format!(
            "operation {operation} of {} is not there",
            cluster.arn
        )));
    };
    services.wake();
    if operation.kind == OperationKind::DeleteCluster {
        return remove(services, cluster).await;
    }
    let request_id = operation.request_id.clone().unwrap_or_default();
    match request_id::named(request_id, bring_about(services, cluster, &operation.wanted)).await {
        Outcome::Done => finish(services, &operation, None),
        Outcome::Deleted => Ok(()),
        Outcome::Failed(error) => {
            tracing::warn!(cluster = %cluster.arn, operation = operation.kind.name(), error, "operation failed");
            finish(services, &operation, Some(error))
        }
    }
}

/// What came of an attempt to make a cluster what it should be.
enum Outcome {
    Done,
    /// It is to be deleted instead.
    Deleted,
    Failed(String),
}

async fn bring_about(services: &Services, cluster: &ClusterRecord, wanted: &ClusterSettings) -> Outcome {
    let mut attempts = 0;
    loop {
        let spec = match users_of_now(services, cluster, wanted) {
            Ok(spec) => spec,
            Err(error) => return Outcome::Failed(chain(&error)),
        };
        let ensured = tokio::select! {
            ensured = services.engine.ensure(&spec) => ensured,
            () = deletion(services, cluster.uuid) => return Outcome::Deleted,
        };
        match ensured {
            // Users that were added meanwhile have to get in, too.
            Ok(()) if users_of_now(services, cluster, wanted).is_ok_and(|now| now != spec) => (),
            Ok(()) => return Outcome::Done,
            Err(error @ EngineError::Timeout { .. }) if attempts < ATTEMPTS_MAX => {
                tracing::warn!(error = chain(&error), cluster = %cluster.arn, "engine is asked again");
                attempts += 1;
                services.clock.sleep(PAUSE).await;
            }
            Err(error) => return Outcome::Failed(chain(&error)),
        }
    }
}

/// The specification with the users that the store has now.
fn users_of_now(
    services: &Services,
    cluster: &ClusterRecord,
    wanted: &ClusterSettings,
) -> Result<ClusterSpec, OperationError> {
    let now = services.store.get(&cluster.uuid.to_string())?;
    specification(services, now.as_ref().unwrap_or(cluster), wanted)
}

/// Completes once the cluster is to be deleted.
async fn deletion(services: &Services, uuid: Uuid) {
    let mut changed = services.changed();
    loop {
        let cluster = services.store.get::<ClusterRecord>(&uuid.to_string());
        if matches!(cluster, Ok(Some(cluster)) if cluster.state == ClusterState::Deleting) {
            return;
        }
        if changed.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

/// Ends an operation, and says in the same transaction what the cluster is now.
fn finish(services: &Services, operation: &OperationRecord, failure: Option<String>) -> Result<(), OperationError> {
    let now_ms = services.clock.now_ms();
    services.forget_observation(operation.cluster_uuid);
    services.store.transaction(|transaction| {
        let Some(mut cluster) = transaction.get::<ClusterRecord>(&operation.cluster_uuid.to_string())? else {
            return Ok::<_, StoreError>(());
        };
        if cluster.active_operation != Some(operation.uuid) {
            // Something else has taken its place.
            return Ok(());
        }
        let mut operation = operation.clone();
        operation.ended_ms = Some(now_ms);
        operation.state = match failure {
            None => OperationState::UpdateComplete,
            Some(_) => OperationState::UpdateFailed,
        };
        cluster.active_operation = None;
        cluster.state = ClusterState::Active;
        cluster.state_message = None;
        if let Some(message) = failure {
            if operation.kind == OperationKind::CreateCluster {
                cluster.state = ClusterState::Failed;
                cluster.state_message = Some(message.clone());
            }
            operation.error = Some(ErrorInfo {
                error_code: "OPERATION_FAILED".to_owned(),
                error_string: message,
            });
            // What a restart or a rotation was begun with is not taken back: the next one is another one.
            cluster.settings.reboots.clone_from(&operation.wanted.reboots);
            cluster.settings.certificate_rotations = operation.wanted.certificate_rotations;
            // A cluster that has been taken over is not given back, whatever went wrong afterwards.
            if operation.kind == OperationKind::UpdateEngine
                && services.engine.engine_of(cluster.uuid) == operation.wanted.engine
            {
                cluster.settings.engine.clone_from(&operation.wanted.engine);
            }
        } else {
            cluster.settings = operation.wanted.clone();
            cluster.version += u64::from(operation.kind.changes_settings());
        }
        transaction.put(&operation)?;
        transaction.put(&cluster)
    })?;
    tracing::info!(cluster = %operation.cluster_arn, operation = operation.kind.name(), "operation ended");
    services.wake();
    Ok(())
}

/// Removes a cluster, first what runs and then what is written of it.
async fn remove(services: &Services, cluster: &ClusterRecord) -> Result<(), OperationError> {
    if let Err(error) = services.engine.remove(cluster.uuid).await {
        return Err(OperationError::Internal(chain(&error)));
    }
    services.store.transaction(|transaction| {
        for operation in transaction.all::<OperationRecord>()? {
            if operation.cluster_uuid == cluster.uuid {
                transaction.delete::<OperationRecord>(&operation.uuid.to_string())?;
            }
        }
        forget_creations(transaction, &cluster.arn)?;
        transaction.delete::<ClusterRecord>(&cluster.uuid.to_string())
    })?;
    tracing::info!(cluster = %cluster.arn, "cluster deleted");
    services.wake();
    Ok(())
}

/// Puts the users of a cluster in force, now.
pub(crate) async fn apply_users(services: &Services, cluster: Uuid) -> Result<(), OperationError> {
    let Some(record) = services.store.get::<ClusterRecord>(&cluster.to_string())? else {
        return Ok(());
    };
    let wanted = match (record.state, record.active_operation) {
        (ClusterState::Active, _) => record.settings.clone(),
        (ClusterState::Updating | ClusterState::RebootingBroker, Some(operation)) => {
            match services.store.get::<OperationRecord>(&operation.to_string())? {
                Some(operation) => operation.wanted,
                None => record.settings.clone(),
            }
        }
        // They come into force with the cluster.
        _ => return Ok(()),
    };
    let spec = specification(services, &record, &wanted)?;
    services.engine.ensure(&spec).await.map_err(|error| {
        OperationError::unreachable(format!("the brokers could not be told of the users: {}", chain(&error)))
    })
}
