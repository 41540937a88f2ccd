//! Policies of clusters, as they are reported.

use control_plane_api::policies::GetClusterPolicyResponse;

use super::cluster_record;
use crate::{error::OperationError, services::Services, store::ClusterPolicy};

/// The version that a replacement has to name, if it names one.
pub(crate) fn policy_version(policy: &ClusterPolicy) -> String {
    format!("P{:013X}", policy.version)
}

/// The cluster has none.
pub(crate) fn no_policy(arn: &str) -> OperationError {
    OperationError::NotFound(format!("cluster {arn} has no policy"))
}

/// `GetClusterPolicy`.
pub(crate) fn get_cluster_policy(services: &Services, arn: &str) -> Result<GetClusterPolicyResponse, OperationError> {
    let policy = cluster_record(services, arn)?.policy.ok_or_else(|| no_policy(arn))?;
    Ok(GetClusterPolicyResponse {
        current_version: policy_version(&policy),
        policy: policy.document,
    })
}
