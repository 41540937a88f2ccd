//! DescribeUserScramCredentials 0 (KIP-554): which mechanisms users have, and with how many iterations. What proves a password is
//! never told.

use std::{collections::BTreeMap, sync::Arc};

use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{
        DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse,
        describe_user_scram_credentials_response::{CredentialInfo, DescribeUserScramCredentialsResult},
    },
};
use kafka_metadata::{MetadataImage, ScramMechanism, acl::AclOperation};

use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(
    50,
    "DescribeUserScramCredentials",
    0..=0,
    DescribeUserScramCredentialsRequest,
    handle
);

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: DescribeUserScramCredentialsRequest,
    _version: i16,
) -> DescribeUserScramCredentialsResponse {
    let mut response = DescribeUserScramCredentialsResponse::default();
    if !context.may(broker, AclOperation::Describe, Resource::Cluster) {
        response.error_code = ErrorCode::ClusterAuthorizationFailed.code();
        return response;
    }
    let known = by_user(&broker.metadata.image());
    let users = request.users.unwrap_or_default();
    if users.is_empty() {
        let all = known.into_iter();
        response.results = all.map(|(user, infos)| described(&user, infos)).collect();
        return response;
    }
    let mut asked: BTreeMap<StrBytes, usize> = BTreeMap::new();
    for user in users {
        *asked.entry(user.name).or_default() += 1;
    }
    let answers = asked.into_iter().map(|(user, times)| match known.get(user.as_str()) {
        _ if times > 1 => refused(&user, ErrorCode::DuplicateResource, "the user is named twice"),
        Some(infos) => described(&user, infos.clone()),
        None => refused(&user, ErrorCode::ResourceNotFound, "there is no such user"),
    });
    response.results = answers.collect();
    response
}

fn by_user(image: &MetadataImage) -> BTreeMap<String, Vec<CredentialInfo>> {
    let mut users: BTreeMap<String, Vec<CredentialInfo>> = BTreeMap::new();
    for ((user, mechanism), credential) in image.scram.iter() {
        let mut info = CredentialInfo::default();
        // Kafka's `ScramMechanism`.
        info.mechanism = match mechanism {
            ScramMechanism::Sha256 => 1,
            ScramMechanism::Sha512 => 2,
        };
        info.iterations = i32::try_from(credential.iterations).unwrap_or(i32::MAX);
        users.entry(user.clone()).or_default().push(info);
    }
    users
}

fn described(user: &str, infos: Vec<CredentialInfo>) -> DescribeUserScramCredentialsResult {
    let mut result = DescribeUserScramCredentialsResult::default();
    (result.user, result.credential_infos) = (StrBytes::from(user), infos);
    result
}

fn refused(user: &str, code: ErrorCode, message: &str) -> DescribeUserScramCredentialsResult {
    let mut result = DescribeUserScramCredentialsResult::default();
    result.user = StrBytes::from(user);
    result.error_code = code.code();
    result.error_message = Some(StrBytes::from(message));
    result
}
