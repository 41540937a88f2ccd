//! From the name of an operation to the file that answers it.

use control_plane_api::clusters::VALIDATE_ONLY_HEADER;

use super::{clusters, configurations, of_cluster, topics, unavailable, updates};
use crate::{
    error::OperationError,
    http::call::{Answer, Call},
    model::{Availability, availability},
};

/// Operations that can say what they would do.
const CAN_VALIDATE: [&str; 4] = ["CreateCluster", "CreateClusterV2", "CreateConfiguration", "CreateTopic"];

/// Answers a call.
pub(in crate::http) async fn answer(call: &Call<'_>) -> Answer {
    match availability(call.operation.name) {
        Availability::Refused(why) => return Err(OperationError::NotAvailable(why.to_owned())),
        Availability::Empty(_) => return unavailable::answer(call),
        Availability::Real | Availability::Partly(_) => (),
    }
    if call.request.validate_only() && !CAN_VALIDATE.contains(&call.operation.name) {
        let message = format!("{} cannot be validated only", call.operation.name);
        return Err(OperationError::invalid(VALIDATE_ONLY_HEADER, message));
    }
    match call.operation.name {
        "CreateCluster"
        | "CreateClusterV2"
        | "DeleteCluster"
        | "DescribeCluster"
        | "DescribeClusterV2"
        | "ListClusters"
        | "ListClustersV2"
        | "ListKafkaVersions"
        | "GetCompatibleKafkaVersions" => clusters::answer(call).await,
        "DescribeClusterOperation"
        | "DescribeClusterOperationV2"
        | "ListClusterOperations"
        | "ListClusterOperationsV2"
        | "GetBootstrapBrokers"
        | "ListNodes"
        | "ListScramSecrets"
        | "BatchAssociateScramSecret"
        | "BatchDisassociateScramSecret"
        | "GetClusterPolicy"
        | "PutClusterPolicy"
        | "DeleteClusterPolicy"
        | "ListTagsForResource"
        | "TagResource"
        | "UntagResource" => of_cluster::answer(call).await,
        "CreateTopic" | "DeleteTopic" | "DescribeTopic" | "DescribeTopicPartitions" | "ListTopics" | "UpdateTopic" => {
            topics::answer(call).await
        }
        name if name.contains("Configuration") && name != "UpdateClusterConfiguration" => {
            configurations::answer(call).await
        }
        _ => updates::answer(call).await,
    }
}
