//! Policies of clusters: who else may call for them.

use control_plane_api::policies::{PutClusterPolicyRequest, PutClusterPolicyResponse};

use super::clusters::again;
use crate::{
    access::{Policy, PolicyKind},
    error::OperationError,
    queries::{self, policy_version},
    services::Services,
    store::ClusterPolicy,
};

/// `PutClusterPolicy`.
pub(crate) async fn put_cluster_policy(
    services: &Services,
    arn: &str,
    request: PutClusterPolicyRequest,
) -> Result<PutClusterPolicyResponse, OperationError> {
    Policy::parse(&request.policy, PolicyKind::Resource)
        .map_err(|problem| OperationError::invalid("policy", format!("the policy cannot be used: {problem}")))?;
    let found = queries::cluster_record(services, arn)?;
    let policy = services.store.transaction(|transaction| {
        let mut cluster = again(transaction, &found)?;
        let now = cluster.policy.as_ref();
        if let Some(version) = &request.current_version
            && now.map(policy_version).as_ref() != Some(version)
        {
            let message = "the policy has another version: somebody changed it since it was read";
            return Err(OperationError::invalid("currentVersion", message));
        }
        let policy = ClusterPolicy {
            version: now.map_or(0, |policy| policy.version) + 1,
            document: request.policy,
        };
        cluster.policy = Some(policy.clone());
        transaction.put(&cluster)?;
        Ok(policy)
    })?;
    Ok(PutClusterPolicyResponse {
        current_version: policy_version(&policy),
    })
}

/// `DeleteClusterPolicy`.
pub(crate) async fn delete_cluster_policy(services: &Services, arn: &str) -> Result<(), OperationError> {
    let found = queries::cluster_record(services, arn)?;
    services.store.transaction(|transaction| {
        let mut cluster = again(transaction, &found)?;
        cluster.policy.take().ok_or_else(|| queries::no_policy(arn))?;
        transaction.put(&cluster)?;
        Ok(())
    })
}
