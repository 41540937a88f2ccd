//! Evening a cluster out, once, because somebody asks: replicas among brokers, and leaders among replicas.

use control_plane_api::extensions::{LeaderElections, Rebalance};

use engine::TopicError;

use crate::{error::OperationError, queries, services::Services, store::ClusterState};

/// Moves some replicas from brokers with many to brokers with few. To be called again until none moves.
pub(crate) async fn rebalance(services: &Services, arn: &str) -> Result<Rebalance, OperationError> {
    let cluster = queries::reachable_cluster(services, arn)?;
    if cluster.state != ClusterState::Active {
        return Err(OperationError::Conflict(format!(
            "cluster {:?} is {}; it is evened out while nothing else changes it",
            cluster.name,
            cluster.state.name()
        )));
    }
    let moving = services.engine.rebalance(cluster.uuid).await;
    let moving = moving.map_err(|error| TopicError::ClusterConnectivity(error.to_string()))?;
    Ok(Rebalance {
        moving_partitions: moving as u64,
    })
}

/// Gives partitions to their preferred replicas.
pub(crate) async fn elect_leaders(services: &Services, arn: &str) -> Result<LeaderElections, OperationError> {
    let cluster = queries::reachable_cluster(services, arn)?;
    let elected = services.engine.topics().elect_preferred_leaders(cluster.uuid).await?;
    Ok(LeaderElections {
        elected_partitions: elected.elected as u64,
        not_possible_partitions: elected.not_possible as u64,
    })
}
