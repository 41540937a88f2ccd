//! Operations, as they are reported.

use control_plane_api::operations::{
    ClusterOperationInfo, ClusterOperationStep, ClusterOperationStepInfo, ClusterOperationV2,
    ClusterOperationV2Provisioned,
};

use engine::Step;

use super::{cluster_record, iso8601};
use crate::{
    arn,
    error::OperationError,
    services::Services,
    store::{OperationKind, OperationRecord, OperationState},
};

/// `DescribeClusterOperation`.
pub(crate) async fn describe_cluster_operation(
    services: &Services,
    operation_arn: &str,
) -> Result<ClusterOperationInfo, OperationError> {
    Ok(version_1(services, &record(services, operation_arn)?))
}

/// `DescribeClusterOperationV2`.
pub(crate) async fn describe_cluster_operation_v2(
    services: &Services,
    operation_arn: &str,
) -> Result<ClusterOperationV2, OperationError> {
    Ok(version_2(services, &record(services, operation_arn)?))
}

/// `ListClusterOperations`: newest first.
pub(crate) async fn list_cluster_operations(
    services: &Services,
    arn: &str,
) -> Result<Vec<ClusterOperationInfo>, OperationError> {
    let records = records(services, arn)?;
    Ok(records.iter().map(|operation| version_1(services, operation)).collect())
}

/// `ListClusterOperationsV2`: newest first, without their steps.
pub(crate) async fn list_cluster_operations_v2(
    services: &Services,
    arn: &str,
) -> Result<Vec<ClusterOperationV2>, OperationError> {
    let records = records(services, arn)?;
    let all = records.iter().map(|operation| version_2(services, operation));
    let mut all: Vec<_> = all.collect();
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

/// The steps that an operation of this kind has, as far as there is more than one thing to do.
fn steps_of(kind: OperationKind) -> &'static [Step] {
    match kind {
        OperationKind::CreateCluster => &[Step::StartBrokers, Step::ApplySettings],
        OperationKind::IncreaseBrokerCount => &[Step::StartBrokers, Step::MoveData],
        OperationKind::DecreaseBrokerCount => &[Step::MoveData, Step::StopBrokers],
        OperationKind::UpdateClusterConfiguration => &[Step::ApplySettings, Step::RestartBrokers],
        OperationKind::UpdateClusterKafkaVersion => &[Step::RestartBrokers, Step::FinalizeVersion],
        OperationKind::RebootNode | OperationKind::UpdateConnectivity | OperationKind::UpdateSecurity => {
            &[Step::RestartBrokers]
        }
        OperationKind::UpdateEngine => &[Step::TakeOver, Step::StartBrokers, Step::ApplySettings],
        OperationKind::RotateCertificates => &[Step::RenewCertificates],
        OperationKind::DeleteCluster
        | OperationKind::UpdateBrokerStorage
        | OperationKind::UpdateBrokerType
        | OperationKind::UpdateMonitoring
        | OperationKind::UpdateRebalancing => &[],
    }
}

/// The steps of an operation. Of the one that is being done it is said how far it has come.
fn steps(services: &Services, operation: &OperationRecord) -> Vec<ClusterOperationStep> {
    let step = |name: &str, status: String| ClusterOperationStep {
        step_name: name.to_owned(),
        step_info: ClusterOperationStepInfo { step_status: status },
    };
    let whole = match operation.state {
        OperationState::Pending => "PENDING",
        OperationState::UpdateInProgress => "IN_PROGRESS",
        OperationState::UpdateComplete => "COMPLETED",
        OperationState::UpdateFailed => "FAILED",
    };
    let steps = steps_of(operation.kind);
    if steps.is_empty() || operation.state == OperationState::UpdateFailed {
        return vec![step(operation.kind.name(), whole.to_owned())];
    }
    let progress = services.engine.progress(operation.cluster_uuid);
    let status = |of: Step| match (operation.state, progress) {
        (OperationState::UpdateInProgress, Some(progress)) if progress.step == of => format!("IN_PROGRESS: {progress}"),
        (OperationState::UpdateInProgress, Some(progress)) if progress.step > of => "COMPLETED".to_owned(),
        (OperationState::UpdateInProgress, _) => "PENDING".to_owned(),
        _ => whole.to_owned(),
    };
    steps.iter().map(|of| step(of.name(), status(*of))).collect()
}

fn version_1(services: &Services, operation: &OperationRecord) -> ClusterOperationInfo {
    ClusterOperationInfo {
        client_request_id: operation.request_id.clone(),
        cluster_arn: operation.cluster_arn.clone(),
        creation_time: iso8601(operation.created_ms),
        end_time: operation.ended_ms.map(iso8601),
        error_info: operation.error.clone(),
        operation_arn: operation.arn.clone(),
        operation_state: operation.state.name(operation.kind).to_owned(),
        operation_steps: steps(services, operation),
        operation_type: operation.kind.name().to_owned(),
        source_cluster_info: operation.source.clone(),
        target_cluster_info: operation.target.clone(),
    }
}

fn version_2(services: &Services, operation: &OperationRecord) -> ClusterOperationV2 {
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
                operation_steps: steps(services, operation),
                source_cluster_info: operation.source.clone(),
                target_cluster_info: operation.target.clone(),
            }),
    }
}
