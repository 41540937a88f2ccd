//! The MSK API: method and path name an operation or a query. An ARN is one segment of the path.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use control_plane_api::{
    clusters::{DescribeClusterResponse, DescribeClusterV2Response},
    clusters::{ListClustersResponse, ListClustersV2Response, WAIT_PARAMETER},
    configurations::{ListConfigurationRevisionsResponse, ListConfigurationsResponse},
    nodes::ListNodesResponse,
    operations::{
        DescribeClusterOperationResponse, DescribeClusterOperationV2Response, ListClusterOperationsResponse,
        ListClusterOperationsV2Response,
    },
    scram::ListScramSecretsResponse,
    topics::{DescribeTopicPartitionsResponse, ListTopicsResponse},
    versions::{GetCompatibleKafkaVersionsResponse, ListKafkaVersionsResponse},
};
use http::{StatusCode, header::CONTENT_TYPE};
use serde::Serialize;

use super::{api::Api, request::Request};
use crate::{error::OperationError, operations, queries, services::Services};

/// How long a query waits for something at most.
const WAIT_MS_MAX: u64 = 30_000;

type Answer = Result<Response, OperationError>;

/// What is answered to everybody: who is here.
pub(super) fn unsigned(api: &Api, request: &Request) -> Option<Response> {
    let asked = request.method == http::Method::GET && request.raw_path == "/openmsk/v1/runtime";
    asked.then(|| json(&queries::runtime(&api.services)).unwrap_or_else(|error| super::error::of_operation(&error)))
}

/// Finds the operation of a request and calls it.
pub(super) async fn kafka(api: &Api, request: &Request) -> Answer {
    let segments: Vec<&str> = request.segments.iter().map(String::as_str).collect();
    let rest = match segments.as_slice() {
        ["v1" | "api", ..] | ["openmsk", "v1", ..] => &segments,
        _ => return not_available(request),
    };
    match (rest[0], rest.get(1).copied(), rest.get(2).copied()) {
        ("openmsk", ..) => extensions(api, request, rest).await,
        ("api", Some("v2"), _) => version_2(api, request, &rest[2..]).await,
        ("v1", Some("clusters"), Some(_)) if rest.len() > 3 => of_cluster(api, request, rest[2], &rest[3..]).await,
        ("v1", Some("clusters"), _) => clusters(api, request, rest.get(2).copied()).await,
        ("v1", Some("configurations"), _) => configurations(api, request, &rest[2..]).await,
        ("v1", ..) => others(api, request, &rest[1..]).await,
        _ => not_available(request),
    }
}

async fn clusters(api: &Api, request: &Request, arn: Option<&str>) -> Answer {
    let services = &*api.services;
    match (request.method.as_str(), arn) {
        ("POST", None) => {
            json(&operations::create_cluster(services, request.json()?, request.idempotency_token()).await?)
        }
        ("GET", None) => {
            let rows = queries::list_clusters(services, request.parameter("clusterNameFilter")).await?;
            let (cluster_info_list, next_token) = api.pages.cut(request, rows, |row| row.cluster_name.clone())?;
            json(&ListClustersResponse {
                cluster_info_list,
                next_token,
            })
        }
        ("GET", Some(arn)) => json(&DescribeClusterResponse {
            cluster_info: queries::describe_cluster(services, arn).await?,
        }),
        ("DELETE", Some(arn)) => {
            json(&operations::delete_cluster(services, arn, request.parameter("currentVersion")).await?)
        }
        _ => not_available(request),
    }
}

async fn of_cluster(api: &Api, request: &Request, arn: &str, rest: &[&str]) -> Answer {
    let services = &*api.services;
    match (request.method.as_str(), rest) {
        ("PUT", ["nodes", "count"]) => json(&operations::update_broker_count(services, arn, request.json()?).await?),
        ("PUT", ["configuration"]) => {
            json(&operations::update_cluster_configuration(services, arn, request.json()?).await?)
        }
        ("PUT", ["reboot-broker"]) => json(&operations::reboot_broker(services, arn, &request.json()?).await?),
        ("PATCH", ["security"]) => json(&operations::update_security(services, arn, request.json()?).await?),
        ("GET", ["bootstrap-brokers"]) => json(&queries::get_bootstrap_brokers(services, arn).await?),
        ("GET", ["nodes"]) => {
            let rows = queries::list_nodes(services, arn).await?;
            let (node_info_list, next_token) = api.pages.cut(request, rows, |row| row.node_arn.clone())?;
            json(&ListNodesResponse {
                node_info_list,
                next_token,
            })
        }
        ("GET", ["operations"]) => {
            let rows = queries::list_cluster_operations(services, arn).await?;
            let (cluster_operation_info_list, next_token) =
                api.pages.cut(request, rows, |row| row.operation_arn.clone())?;
            json(&ListClusterOperationsResponse {
                cluster_operation_info_list,
                next_token,
            })
        }
        (method, ["scram-secrets"]) => scram_secrets(api, request, arn, method).await,
        (_, ["topics", rest @ ..]) => topics(api, request, arn, rest).await,
        _ => not_available(request),
    }
}

async fn scram_secrets(api: &Api, request: &Request, arn: &str, method: &str) -> Answer {
    let services = &*api.services;
    match method {
        "POST" => json(&operations::batch_associate_scram_secret(services, arn, request.json()?).await?),
        "PATCH" => json(&operations::batch_disassociate_scram_secret(services, arn, request.json()?).await?),
        "GET" => {
            let rows = queries::list_scram_secrets(services, arn).await?;
            let (secret_arn_list, next_token) = api.pages.cut(request, rows, Clone::clone)?;
            json(&ListScramSecretsResponse {
                secret_arn_list,
                next_token,
            })
        }
        _ => not_available(request),
    }
}

async fn topics(api: &Api, request: &Request, arn: &str, rest: &[&str]) -> Answer {
    let services = &*api.services;
    match (request.method.as_str(), rest) {
        ("POST", []) => {
            json(&operations::create_topic(services, arn, request.json()?, request.idempotency_token()).await?)
        }
        ("GET", []) => {
            let mut rows = queries::list_topics(services, arn).await?;
            if let Some(prefix) = request.parameter("topicNameFilter") {
                rows.retain(|row| row.topic_name.starts_with(prefix));
            }
            let (topics, next_token) = api.pages.cut(request, rows, |row| row.topic_name.clone())?;
            json(&ListTopicsResponse { topics, next_token })
        }
        ("GET", [name]) => json(&queries::describe_topic(services, arn, name).await?),
        ("PUT", [name]) => json(&operations::update_topic(services, arn, name, request.json()?).await?),
        ("DELETE", [name]) => json(&operations::delete_topic(services, arn, name).await?),
        ("GET", [name, "partitions"]) => {
            let rows = queries::describe_topic_partitions(services, arn, name).await?;
            let (partitions, next_token) = api.pages.cut(request, rows, |row| format!("{:010}", row.partition))?;
            json(&DescribeTopicPartitionsResponse { partitions, next_token })
        }
        _ => not_available(request),
    }
}

async fn configurations(api: &Api, request: &Request, rest: &[&str]) -> Answer {
    let services = &*api.services;
    match (request.method.as_str(), rest) {
        ("POST", []) => {
            json(&operations::create_configuration(services, request.json()?, request.idempotency_token()).await?)
        }
        ("GET", []) => {
            let rows = queries::list_configurations(services).await?;
            let (configurations, next_token) = api.pages.cut(request, rows, |row| row.name.clone())?;
            json(&ListConfigurationsResponse {
                configurations,
                next_token,
            })
        }
        ("GET", [arn]) => json(&queries::describe_configuration(services, arn).await?),
        ("PUT", [arn]) => json(&operations::update_configuration(services, arn, request.json()?).await?),
        ("DELETE", [arn]) => json(&operations::delete_configuration(services, arn).await?),
        ("GET", [arn, "revisions"]) => {
            let rows = queries::list_configuration_revisions(services, arn).await?;
            let (revisions, next_token) = api.pages.cut(request, rows, |row| format!("{:020}", row.revision))?;
            json(&ListConfigurationRevisionsResponse { revisions, next_token })
        }
        ("GET", [arn, "revisions", revision]) => {
            let revision = revision
                .parse()
                .map_err(|_| OperationError::invalid("revision", "the revision is not a number"))?;
            json(&queries::describe_configuration_revision(services, arn, revision).await?)
        }
        _ => not_available(request),
    }
}

async fn others(api: &Api, request: &Request, rest: &[&str]) -> Answer {
    let services = &*api.services;
    match (request.method.as_str(), rest) {
        ("GET", ["operations", arn]) => until_final(services, request, || async {
            let operation = queries::describe_cluster_operation(services, arn).await?;
            let done = operation.end_time.is_some();
            Ok((operation, done))
        })
        .await
        .and_then(|cluster_operation_info| json(&DescribeClusterOperationResponse { cluster_operation_info })),
        ("GET", ["kafka-versions"]) => {
            let rows = queries::list_kafka_versions();
            let (kafka_versions, next_token) = api.pages.cut(request, rows, |row| row.version.clone())?;
            json(&ListKafkaVersionsResponse {
                kafka_versions,
                next_token,
            })
        }
        ("GET", ["compatible-kafka-versions"]) => {
            let arn = request.parameter("clusterArn");
            json(&GetCompatibleKafkaVersionsResponse {
                compatible_kafka_versions: queries::get_compatible_kafka_versions(services, arn).await?,
            })
        }
        ("GET", ["tags", arn]) => json(&queries::list_tags_for_resource(services, arn).await?),
        ("POST", ["tags", arn]) => {
            let tags: control_plane_api::tags::Tags = request.json()?;
            operations::tag_resource(services, arn, tags.tags).await?;
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        ("DELETE", ["tags", arn]) => {
            operations::untag_resource(services, arn, &request.parameters("tagKeys")).await?;
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        _ => not_available(request),
    }
}

async fn version_2(api: &Api, request: &Request, rest: &[&str]) -> Answer {
    let services = &*api.services;
    match (request.method.as_str(), rest) {
        ("POST", ["clusters"]) => {
            json(&operations::create_cluster_v2(services, request.json()?, request.idempotency_token()).await?)
        }
        ("GET", ["clusters"]) => {
            let (name, kind) = (
                request.parameter("clusterNameFilter"),
                request.parameter("clusterTypeFilter"),
            );
            let rows = queries::list_clusters_v2(services, name, kind).await?;
            let (cluster_info_list, next_token) = api.pages.cut(request, rows, |row| row.cluster_name.clone())?;
            json(&ListClustersV2Response {
                cluster_info_list,
                next_token,
            })
        }
        ("GET", ["clusters", arn]) => until_final(services, request, || async {
            let cluster = queries::describe_cluster_v2(services, arn).await?;
            let done = matches!(cluster.state.as_str(), "ACTIVE" | "FAILED");
            Ok((cluster, done))
        })
        .await
        .and_then(|cluster_info| json(&DescribeClusterV2Response { cluster_info })),
        ("GET", ["clusters", arn, "operations"]) => {
            let rows = queries::list_cluster_operations_v2(services, arn).await?;
            let (cluster_operation_info_list, next_token) =
                api.pages.cut(request, rows, |row| row.operation_arn.clone())?;
            json(&ListClusterOperationsV2Response {
                cluster_operation_info_list,
                next_token,
            })
        }
        ("GET", ["operations", arn]) => json(&DescribeClusterOperationV2Response {
            cluster_operation_info: queries::describe_cluster_operation_v2(services, arn).await?,
        }),
        _ => not_available(request),
    }
}

async fn extensions(api: &Api, request: &Request, rest: &[&str]) -> Answer {
    let services = &*api.services;
    match (request.method.as_str(), &rest[2..]) {
        ("GET", ["status"]) => json(&queries::status(services).await?),
        ("GET", ["clusters", arn, "certificate-authority"]) => {
            json(&queries::certificate_authority(services, arn).await?)
        }
        ("DELETE", ["idempotency-tokens", token]) => {
            operations::forget_idempotency_token(services, token).await?;
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        _ => not_available(request),
    }
}

/// Asks again after each change, until the answer is final or the caller's time is up.
async fn until_final<T, F>(services: &Services, request: &Request, ask: impl Fn() -> F) -> Result<T, OperationError>
where
    F: Future<Output = Result<(T, bool), OperationError>>,
{
    let wait_ms = request
        .parameter(WAIT_PARAMETER)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let deadline = tokio::time::sleep(Duration::from_millis(u64::min(wait_ms, WAIT_MS_MAX)));
    tokio::pin!(deadline);
    let mut changed = services.changed();
    loop {
        let (answer, done) = ask().await?;
        if done || wait_ms == 0 {
            return Ok(answer);
        }
        tokio::select! {
            _ = changed.changed() => (),
            () = &mut deadline => return Ok(answer),
        }
    }
}

fn not_available(request: &Request) -> Answer {
    Err(OperationError::InvalidRequest {
        parameter: None,
        message: format!("{} {} is not available yet", request.method, request.raw_path),
    })
}

fn json(answer: &impl Serialize) -> Answer {
    let text = serde_json::to_string(answer).map_err(|error| OperationError::Internal(error.to_string()))?;
    Ok(([(CONTENT_TYPE, "application/json")], text).into_response())
}
