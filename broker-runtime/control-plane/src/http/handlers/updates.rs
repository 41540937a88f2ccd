//! Changes of clusters. All answer with the operation that they have begun.

use super::unavailable::unknown;
use crate::{
    http::call::{Answer, Call, json},
    operations,
};

pub(super) async fn answer(call: &Call<'_>) -> Answer {
    let (services, arn) = (call.services(), call.cluster());
    let begun = match call.operation.name {
        "RebootBroker" => operations::reboot_broker(services, arn, &call.body()?).await,
        "UpdateBrokerCount" => operations::update_broker_count(services, arn, call.body()?).await,
        "UpdateBrokerStorage" => operations::update_broker_storage(services, arn, call.body()?).await,
        "UpdateBrokerType" => operations::update_broker_type(services, arn, call.body()?).await,
        "UpdateClusterConfiguration" => operations::update_cluster_configuration(services, arn, call.body()?).await,
        "UpdateClusterKafkaVersion" => operations::update_cluster_kafka_version(services, arn, call.body()?).await,
        "UpdateConnectivity" => operations::update_connectivity(services, arn, call.body()?).await,
        "UpdateMonitoring" => operations::update_monitoring(services, arn, call.body()?).await,
        "UpdateRebalancing" => operations::update_rebalancing(services, arn, call.body()?).await,
        "UpdateSecurity" => operations::update_security(services, arn, call.body()?).await,
        "UpdateStorage" => operations::update_storage(services, arn, call.body()?).await,
        _ => return unknown(call),
    };
    json(&begun?)
}
