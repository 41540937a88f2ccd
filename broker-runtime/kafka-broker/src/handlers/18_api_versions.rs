//! ApiVersions 0–4 (KIP-35, KIP-511, KIP-584): which APIs and versions this broker answers, and the features of the
//! cluster.
//!
//! * Answered before authentication. A version that is not known gets a version 0 body with UNSUPPORTED_VERSION and the
//!   range of this API, so that the client can ask again.
//! * Produce is advertised from version 0 although 0–2 are not answered: librdkafka decides by it which compressions the
//!   broker knows (KAFKA-18659).
//! * What is newest depends on the version of Kafka that the cluster has.
//! * Features: `metadata.version`; `transaction.version` 2, with which producers get a new epoch with every transaction
//!   (KIP-890); `group.version` 1, with which there are consumer groups (KIP-848); `eligible.leader.replicas.version` 1 (KIP-966).

use std::sync::Arc;

use kafka_codec::{
    ErrorCode, StrBytes, encode_response,
    messages::{
        ApiVersionsRequest, ApiVersionsResponse,
        api_versions_response::{ApiVersion, FinalizedFeatureKey, SupportedFeatureKey},
    },
};

use crate::{
    broker::Broker,
    dispatch::{ApiEntry, ClientSoftware, ReplyFrame, RequestContext, RequestError, api},
};

/// See the module.
pub(crate) const API: ApiEntry = api!(18, "ApiVersions", 0..=4, ApiVersionsRequest, handle);

/// The oldest level of `metadata.version` that Kafka 4 still reads (3.3-IV3).
const METADATA_LEVEL_MIN: i16 = 7;

/// Level of `transaction.version`.
const TRANSACTION_LEVEL: i16 = 2;

/// Level of `group.version`.
const GROUP_LEVEL: i16 = 1;

/// Level of `eligible.leader.replicas.version`.
const ELIGIBLE_LEADER_REPLICAS_LEVEL: i16 = 1;

/// First version that carries features and the client's name.
const FEATURES_VERSION: i16 = 3;

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: ApiVersionsRequest,
    version: i16,
) -> ApiVersionsResponse {
    let mut response = ApiVersionsResponse::default();
    if version >= FEATURES_VERSION {
        if !is_software_name(&request.client_software_name) || !is_software_name(&request.client_software_version) {
            response.error_code = ErrorCode::InvalidRequest.code();
            return response;
        }
        context.connection.session.lock().client_software = Some(ClientSoftware {
            name: request.client_software_name.to_string(),
            version: request.client_software_version.to_string(),
        });
        add_features(&mut response, broker);
    }
    response.api_keys = super::APIS
        .iter()
        .map(|api| {
            let mut entry = ApiVersion::default();
            entry.api_key = api.key;
            entry.min_version = api.advertised_min;
            entry.max_version = broker.kafka_version().newest(api);
            entry
        })
        .collect();
    response
}

/// The features there are, each with its lowest level and the one that the cluster has, which is its highest.
pub(super) fn features(broker: &Broker) -> [(&'static str, i16, i16); 4] {
    let metadata = broker.kafka_version().metadata_level;
    [
        ("metadata.version", METADATA_LEVEL_MIN, metadata),
        ("transaction.version", 0, TRANSACTION_LEVEL),
        ("group.version", 0, GROUP_LEVEL),
        ("eligible.leader.replicas.version", 0, ELIGIBLE_LEADER_REPLICAS_LEVEL),
    ]
}

fn add_features(response: &mut ApiVersionsResponse, broker: &Broker) {
    for (name, min_version, level) in features(broker) {
        let mut supported = SupportedFeatureKey::default();
        supported.name = StrBytes::from(name);
        (supported.min_version, supported.max_version) = (min_version, level);
        response.supported_features.push(supported);
        let mut finalized = FinalizedFeatureKey::default();
        finalized.name = StrBytes::from(name);
        (finalized.min_version_level, finalized.max_version_level) = (level, level);
        response.finalized_features.push(finalized);
    }
    response.finalized_features_epoch = broker.metadata.applied().map_or(-1, |offset| offset.0);
}

/// `[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?`, as in KIP-511.
fn is_software_name(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    let bytes = text.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(first), Some(last)) => {
            first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() && bytes.iter().all(|&byte| inner(byte))
        }
        _ => false,
    }
}

/// The answer to a version that is not known: in version 0, with the range of this API.
pub(crate) fn unsupported(context: &RequestContext) -> Result<ReplyFrame, RequestError> {
    let mut entry = ApiVersion::default();
    (entry.api_key, entry.min_version, entry.max_version) = (API.key, API.min, API.max);
    let mut response = ApiVersionsResponse::default();
    response.error_code = ErrorCode::UnsupportedVersion.code();
    response.api_keys = vec![entry];
    Ok(ReplyFrame::of([encode_response(context.correlation_id, 0, &response)?]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn software_names_follow_kip_511() {
        for good in ["librdkafka", "apache-kafka-java", "4.3.0", "a"] {
            assert!(is_software_name(good), "{good}");
        }
        for bad in ["", "-a", "a.", "a b", "é"] {
            assert!(!is_software_name(bad), "{bad}");
        }
    }
}
