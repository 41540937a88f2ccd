//! Clusters: made, shown, listed, deleted; and the versions they can have.

use control_plane_api::{
    clusters::{DescribeClusterResponse, DescribeClusterV2Response},
    versions::GetCompatibleKafkaVersionsResponse,
};

use super::{unavailable::unknown, waiting::until_final};
use crate::{
    http::call::{Answer, Call, json},
    operations, queries,
};

pub(super) async fn answer(call: &Call<'_>) -> Answer {
    let (services, request) = (call.services(), call.request);
    let attempt = request.attempt();
    match call.operation.name {
        "CreateCluster" => json(&operations::create_cluster(services, call.world(), call.body()?, attempt).await?),
        "CreateClusterV2" => json(&operations::create_cluster_v2(services, call.world(), call.body()?, attempt).await?),
        "DeleteCluster" => {
            let version = request.parameter("currentVersion");
            json(&operations::delete_cluster(services, call.cluster(), version).await?)
        }
        "DescribeCluster" => json(&DescribeClusterResponse {
            cluster_info: queries::describe_cluster(services, call.cluster()).await?,
        }),
        "DescribeClusterV2" => {
            let cluster_info = until_final(services, request, || async {
                let cluster = queries::describe_cluster_v2(services, call.cluster()).await?;
                let done = matches!(cluster.state.as_str(), "ACTIVE" | "HEALING" | "FAILED");
                Ok((cluster, done))
            })
            .await?;
            json(&DescribeClusterV2Response { cluster_info })
        }
        "ListClusters" => {
            let name = request.parameter("clusterNameFilter");
            let rows = queries::list_clusters(services, call.world(), name).await?;
            call.page("clusterInfoList", rows, |row| row.cluster_name.clone())
        }
        "ListClustersV2" => {
            let (name, kind) = (
                request.parameter("clusterNameFilter"),
                request.parameter("clusterTypeFilter"),
            );
            let rows = queries::list_clusters_v2(services, call.world(), name, kind).await?;
            call.page("clusterInfoList", rows, |row| row.cluster_name.clone())
        }
        "ListKafkaVersions" => call.page("kafkaVersions", queries::list_kafka_versions(), |row| {
            row.version.clone()
        }),
        "GetCompatibleKafkaVersions" => {
            let arn = request.parameter("clusterArn");
            let compatible_kafka_versions = queries::get_compatible_kafka_versions(services, arn).await?;
            json(&GetCompatibleKafkaVersionsResponse {
                compatible_kafka_versions,
            })
        }
        _ => unknown(call),
    }
}
