//! Operations, as they are reported.

use control_plane_api::operations::{
    ClusterOperationInfo, ClusterOperationStep, ClusterOperationStepInfo, ClusterOperationV2,
    ClusterOperationV2Provisioned,
};

use super::{cluster_record, iso8601};
use crate::{
    arn,
    error::OperationError,
    services::Services,
    store::{OperationRecord, OperationState},
};

/// `DescribeClusterOperation`.
pub(crate) async fn describe_cluster_operation(
    services: &Services,
    operation_arn: &str,
) -> Result<ClusterOperationInfo, OperationError> {
    Ok(version_1(&record(services, operation_arn)?))
}

/// `DescribeClusterOperationV2`.
pub(crate) async fn describe_cluster_operation_v2(
    services: &Services,
    operation_arn: &str,
) -> Result<ClusterOperationV2, OperationError> {
    Ok(version_2(&record(services, operation_arn)?))
}

/// `ListClusterOperations`: newest first.
pub(crate) async fn list_cluster_operations(
    services: &Services,
    arn: &str,
) -> Result<Vec<ClusterOperationInfo>, OperationError> {
    Ok(records(services, arn)?.iter().map(version_1).collect())
}

/// `ListClusterOperationsV2`: newest first, without their steps.
pub(crate) async fn list_cluster_operations_v2(
    services: &Services,
    arn: &str,
) -> Result<Vec<ClusterOperationV2>, OperationError> {
    let mut all: Vec<_> = records(services, arn)?.iter().map(version_2).collect();
    for operation in &mut all {
        operation.provisioned = None;
    }
    Ok(all)
}

fn record(services: &Services, operation_arn: &str) -> Result<OperationRecord, OperationError> {
    let unknown = || OperationError::NotFound(format!("operation {operation_arn} does not exist"));
    let uuid = arn::operation_uuid(operation_arn).ok_or_else(unknown)?;
    services.store.get(&uuid.to_string())?.ok_or_else(unknown)
}

fn records(services: &Services, arn: &str) -> Result<Vec<OperationRecord>, OperationError> {
    let cluster = cluster_record(services, arn)?;
    let mut all: Vec<OperationRecord> = services.store.all()?;
    all.retain(|operation| operation.cluster_uuid == cluster.uuid);
    all.sort_by_key(|operation| std::cmp::Reverse((operation.created_ms, operation.uuid)));
    Ok(all)
}

fn steps(operation: &OperationRecord) -> Vec<ClusterOperationStep> {
    let step_status = match operation.state {
        OperationState::Pending => "PENDING",
        OperationState::UpdateInProgress => "IN_PROGRESS",
        OperationState::UpdateComplete => "COMPLETED",
        OperationState::UpdateFailed => "FAILED",
    };
    vec![ClusterOperationStep {
        step_name: operation.kind.name().to_owned(),
        step_info: ClusterOperationStepInfo {
            step_status: step_status.to_owned(),
        },
    }]
}

fn version_1(operation: &OperationRecord) -> ClusterOperationInfo {
    ClusterOperationInfo {
        client_request_id: operation.request_id.clone(),
        cluster_arn: operation.cluster_arn.clone(),
        creation_time: iso8601(operation.created_ms),
        end_time: operation.ended_ms.map(iso8601),
        error_info: operation.error.clone(),
        operation_arn: operation.arn.clone(),
        operation_state: operation.state.name(operation.kind).to_owned(),
        operation_steps: steps(operation),
        operation_type: operation.kind.name().to_owned(),
        source_cluster_info: operation.source.clone(),
        target_cluster_info: operation.target.clone(),
    }
}

fn version_2(operation: &OperationRecord) -> ClusterOperationV2 {
    ClusterOperationV2 {
        cluster_arn: operation.cluster_arn.clone(),
        cluster_type: operation.wanted.kind().to_owned(),
        start_time: iso8601(operation.created_ms),
        end_time: operation.ended_ms.map(iso8601),
        error_info: operation.error.clone(),
        operation_arn: operation.arn.clone(),
        operation_state: operation.state.name(operation.kind).to_owned(),
        operation_type: operation.kind.name().to_owned(),
        provisioned: operation
            .wanted
            .serverless
            .is_none()
            .then(|| ClusterOperationV2Provisioned {
                operation_steps: steps(operation),
                source_cluster_info: operation.source.clone(),
                target_cluster_info: operation.target.clone(),
            }),
    }
}
