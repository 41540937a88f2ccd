//! Operations on clusters, and waiting for them.

use std::time::Duration;

use control_plane_api::operations::{ClusterOperationInfo, DescribeClusterOperationResponse};

use crate::{
    error::{Error, Result},
    transport::{Call, Client, segment},
    waiting,
};

fn describe(arn: &str) -> Call {
    Call::get("describe_cluster_operation", format!("/v1/operations/{}", segment(arn)))
}

impl Client {
    /// An operation.
    pub async fn describe_cluster_operation(&self, arn: &str) -> Result<ClusterOperationInfo> {
        let response: DescribeClusterOperationResponse = self.call(describe(arn)).await?;
        Ok(response.cluster_operation_info)
    }

    /// Waits until an operation is complete. One that has failed is [`Error::Failed`] with the reason.
    pub async fn wait_for_operation(&self, arn: &str, within: Duration) -> Result<ClusterOperationInfo> {
        let what = &format!("operation {arn}");
        waiting::until(what, within, || async move {
            let response: DescribeClusterOperationResponse = self.call(waiting::long(describe(arn))).await?;
            let operation = response.cluster_operation_info;
            let state = operation.operation_state.as_str();
            for step in &operation.operation_steps {
                let (step, status) = (&step.step_name, &step.step_info.step_status);
                tracing::info!(
                    operation = operation.operation_type,
                    step,
                    status,
                    "step of an operation"
                );
            }
            if state.ends_with("_COMPLETE") {
                return Ok(Some(operation));
            }
            if state.ends_with("_FAILED") {
                let message = operation.error_info.map(|info| info.error_string);
                return Err(Error::Failed {
                    what: operation.operation_type.clone(),
                    message: message.unwrap_or_else(|| format!("its state is {}", operation.operation_state)),
                });
            }
            Ok(None)
        })
        .await
    }
}
