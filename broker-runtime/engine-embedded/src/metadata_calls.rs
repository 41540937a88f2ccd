//! What calls to a cluster's controller that change its metadata have in common.

use engine::TopicError;
use kafka_metadata::rpc::{ControllerError, ControllerResponse};

use crate::cluster::Cluster;

/// Waits until every broker that serves has what the controller has decided.
pub(crate) async fn wait_applied(cluster: &Cluster) -> Result<(), TopicError> {
    let applied = cluster.wait_applied(cluster.image().applied).await;
    applied.map_err(|error| TopicError::Timeout(error.to_string()))
}

/// What a refusal of the controller means to whoever asked.
pub(crate) fn refused(error: ControllerError) -> TopicError {
    match error {
        ControllerError::NotController => TopicError::NotController(error.to_string()),
        error => TopicError::InvalidRequest(error.to_string()),
    }
}

/// The controller has answered something else.
pub(crate) fn unexpected(response: &ControllerResponse) -> TopicError {
    tracing::error!(?response, "controller has answered another question");
    TopicError::ClusterConnectivity("the controller has answered another question".to_owned())
}
