//! What belongs to a cluster: its operations, nodes, users, policy and tags.

use control_plane_api::{
    operations::{DescribeClusterOperationResponse, DescribeClusterOperationV2Response},
    tags::Tags,
};
use serde_json::json as object;

use super::{unavailable::unknown, waiting::until_final};
use crate::{
    http::call::{Answer, Call, json, no_content},
    operations, queries,
};

pub(super) async fn answer(call: &Call<'_>) -> Answer {
    let (services, arn) = (call.services(), call.cluster());
    match call.operation.name {
        "GetBootstrapBrokers" => json(&queries::get_bootstrap_brokers(services, arn).await?),
        "ListNodes" => {
            let rows = queries::list_nodes(services, arn).await?;
            call.page("nodeInfoList", rows, |row| row.node_arn.clone())
        }
        "ListScramSecrets" => {
            let rows = queries::list_scram_secrets(services, arn).await?;
            call.page("secretArnList", rows, Clone::clone)
        }
        "BatchAssociateScramSecret" => {
            json(&operations::batch_associate_scram_secret(services, arn, call.body()?).await?)
        }
        "BatchDisassociateScramSecret" => {
            json(&operations::batch_disassociate_scram_secret(services, arn, call.body()?).await?)
        }
        "GetClusterPolicy" => json(&queries::get_cluster_policy(services, arn)?),
        "PutClusterPolicy" => json(&operations::put_cluster_policy(services, arn, call.body()?).await?),
        "DeleteClusterPolicy" => {
            operations::delete_cluster_policy(services, arn).await?;
            json(&object!({}))
        }
        "ListTagsForResource" => json(&queries::list_tags_for_resource(services, call.label("resourceArn")).await?),
        "TagResource" => {
            let Tags { tags } = call.body()?;
            operations::tag_resource(services, call.label("resourceArn"), tags).await?;
            no_content()
        }
        "UntagResource" => {
            let keys = call.request.parameters("tagKeys");
            operations::untag_resource(services, call.label("resourceArn"), &keys).await?;
            no_content()
        }
        _ => of_operations(call).await,
    }
}

async fn of_operations(call: &Call<'_>) -> Answer {
    let (services, arn) = (call.services(), call.label("clusterOperationArn"));
    match call.operation.name {
        "DescribeClusterOperation" => {
            let cluster_operation_info = until_final(services, call.request, || async {
                let operation = queries::describe_cluster_operation(services, arn).await?;
                let done = operation.end_time.is_some();
                Ok((operation, done))
            })
            .await?;
            json(&DescribeClusterOperationResponse { cluster_operation_info })
        }
        "DescribeClusterOperationV2" => json(&DescribeClusterOperationV2Response {
            cluster_operation_info: queries::describe_cluster_operation_v2(services, arn).await?,
        }),
        "ListClusterOperations" => {
            let rows = queries::list_cluster_operations(services, call.cluster()).await?;
            call.page("clusterOperationInfoList", rows, |row| row.operation_arn.clone())
        }
        "ListClusterOperationsV2" => {
            let rows = queries::list_cluster_operations_v2(services, call.cluster()).await?;
            call.page("clusterOperationInfoList", rows, |row| row.operation_arn.clone())
        }
        _ => unknown(call),
    }
}
