//! UpdateFeatures 0–2 (KIP-584, KIP-778): levels of features. They are those of the version of Kafka that the cluster has, and the
//! control plane changes them with it; so what is asked for can only be what is so. It takes ALTER on the cluster.

use std::sync::Arc;

use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{
        UpdateFeaturesRequest, UpdateFeaturesResponse, update_features_request::FeatureUpdateKey,
        update_features_response::UpdatableFeatureResult,
    },
};
use kafka_metadata::acl::AclOperation;

use super::api_versions::features;
use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(57, "UpdateFeatures", 0..=2, UpdateFeaturesRequest, handle);

/// Last version whose answer has a result for each feature.
const RESULTS_VERSION_MAX: i16 = 1;

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: UpdateFeaturesRequest,
    version: i16,
) -> UpdateFeaturesResponse {
    let mut response = UpdateFeaturesResponse::default();
    response.error_message = None;
    if !context.may(broker, AclOperation::Alter, Resource::Cluster) {
        response.error_code = ErrorCode::ClusterAuthorizationFailed.code();
        response.error_message = Some(StrBytes::from(ErrorCode::ClusterAuthorizationFailed.message()));
        return response;
    }
    // One that cannot be had is an error of all.
    let problem = request
        .feature_updates
        .iter()
        .find_map(|update| problem(broker, update));
    if let Some(message) = problem {
        response.error_code = ErrorCode::InvalidUpdateVersion.code();
        response.error_message = Some(StrBytes::from(message));
    } else if version <= RESULTS_VERSION_MAX {
        let results = request.feature_updates.into_iter().map(|update| {
            let mut result = UpdatableFeatureResult::default();
            result.feature = update.feature;
            result
        });
        response.results = results.collect();
    }
    response
}

/// Why a level cannot be had; `None` where it is what the cluster has.
fn problem(broker: &Broker, update: &FeatureUpdateKey) -> Option<String> {
    let (name, wanted) = (update.feature.as_str(), update.max_version_level);
    let features = features(broker);
    let Some((_, least, level)) = features.iter().find(|(known, ..)| *known == name) else {
        return Some(format!(
            "Invalid update version {wanted} for feature {name}. Local controller does not support this feature."
        ));
    };
    if wanted == *level {
        return None;
    }
    if !(*least..=*level).contains(&wanted) {
        return Some(format!(
            "Invalid update version {wanted} for feature {name}. Only versions {least}-{level} are supported."
        ));
    }
    Some(format!(
        "Invalid update version {wanted} for feature {name}. Its level is {level}, which belongs to the version of the cluster; the \
         control plane changes both."
    ))
}
