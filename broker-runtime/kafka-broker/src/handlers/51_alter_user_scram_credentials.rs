//! AlterUserScramCredentials 0 (KIP-554): sets and removes what users prove their passwords with. It takes ALTER on the cluster. The
//! answer waits until this broker acts on it; the others do within a heartbeat. A user that is named more than once, with whatever
//! mechanism, is refused, as Kafka does.
//!
//! Users that the API of the control plane has made are its own: it takes back at its next change what a client does to them.
//! Others are left alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{
        AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse,
        alter_user_scram_credentials_request::{ScramCredentialDeletion, ScramCredentialUpsertion},
        alter_user_scram_credentials_response::AlterUserScramCredentialsResult,
    },
};
use kafka_metadata::{
    MetadataImage, MetadataRecord, ScramCredential, ScramMechanism,
    acl::AclOperation,
    rpc::{ControllerRequest, ControllerResponse},
};

use super::controller_timeout::{APPLY_WAIT, CONTROLLER_TIMEOUT};
use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    response::controller_error_code,
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(
    51,
    "AlterUserScramCredentials",
    0..=0,
    AlterUserScramCredentialsRequest,
    handle
);

/// Iterations that Kafka takes.
const ITERATIONS: std::ops::RangeInclusive<i32> = 4096..=16384;

type Refusal = (ErrorCode, String);
/// What is to be done for each user, or why nothing is.
type Plan = BTreeMap<String, Result<MetadataRecord, Refusal>>;

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: AlterUserScramCredentialsRequest,
    _version: i16,
) -> AlterUserScramCredentialsResponse {
    let mut plan = if context.may(broker, AclOperation::Alter, Resource::Cluster) {
        planned(&broker.metadata.image(), &request)
    } else {
        let code = ErrorCode::ClusterAuthorizationFailed;
        let users = named(&request);
        users
            .map(|user| (user.to_owned(), Err((code, code.message().to_owned()))))
            .collect()
    };
    let records: Vec<MetadataRecord> = plan.values().flatten().cloned().collect();
    if let Err(refusal) = alter(broker, records).await {
        for outcome in plan.values_mut().filter(|outcome| outcome.is_ok()) {
            *outcome = Err(refusal.clone());
        }
    }
    let mut response = AlterUserScramCredentialsResponse::default();
    response.results = plan.into_iter().map(|(user, outcome)| answer(&user, outcome)).collect();
    response
}

/// The users of a request; one that it names twice comes twice.
fn named(request: &AlterUserScramCredentialsRequest) -> impl Iterator<Item = &str> {
    let removed = request.deletions.iter().map(|deletion| deletion.name.as_str());
    removed.chain(request.upsertions.iter().map(|upsertion| upsertion.name.as_str()))
}

fn planned(image: &MetadataImage, request: &AlterUserScramCredentialsRequest) -> Plan {
    let removals = request
        .deletions
        .iter()
        .map(|it| (it.name.to_string(), removed(image, it)));
    let settings = request.upsertions.iter().map(|it| (it.name.to_string(), set(it)));
    let mut plan: Plan = removals.chain(settings).collect();
    let mut seen = BTreeSet::new();
    for user in named(request) {
        if !seen.insert(user) {
            let message = "A user credential cannot be altered twice in the same request";
            plan.insert(user.to_owned(), Err((ErrorCode::DuplicateResource, message.to_owned())));
        }
    }
    plan
}

fn set(upsertion: &ScramCredentialUpsertion) -> Result<MetadataRecord, Refusal> {
    let (user, mechanism) = identified(&upsertion.name, upsertion.mechanism)?;
    let unacceptable = |message: &str| (ErrorCode::UnacceptableCredential, message.to_owned());
    if upsertion.iterations < *ITERATIONS.start() {
        return Err(unacceptable("Too few iterations"));
    }
    if upsertion.iterations > *ITERATIONS.end() {
        return Err(unacceptable("Too many iterations"));
    }
    let credential = ScramCredential::of_salted_password(
        mechanism,
        &upsertion.salt,
        upsertion.iterations.unsigned_abs(),
        &upsertion.salted_password,
    );
    Ok(MetadataRecord::ScramCredential {
        user,
        mechanism,
        salt: credential.salt,
        iterations: credential.iterations,
        stored_key: credential.stored_key,
        server_key: credential.server_key,
    })
}

fn removed(image: &MetadataImage, deletion: &ScramCredentialDeletion) -> Result<MetadataRecord, Refusal> {
    let (user, mechanism) = identified(&deletion.name, deletion.mechanism)?;
    if !image.scram.contains_key(&(user.clone(), mechanism)) {
        let message = "Attempt to delete a user credential that does not exist";
        return Err((ErrorCode::ResourceNotFound, message.to_owned()));
    }
    Ok(MetadataRecord::ScramCredentialRemoved { user, mechanism })
}

fn identified(user: &str, mechanism: i8) -> Result<(String, ScramMechanism), Refusal> {
    if user.is_empty() {
        let message = "Username must not be empty";
        return Err((ErrorCode::UnacceptableCredential, message.to_owned()));
    }
    // Kafka's `ScramMechanism`.
    let mechanism = match mechanism {
        1 => ScramMechanism::Sha256,
        2 => ScramMechanism::Sha512,
        _ => {
            return Err((
                ErrorCode::UnsupportedSaslMechanism,
                "Unknown SCRAM mechanism".to_owned(),
            ));
        }
    };
    Ok((user.to_owned(), mechanism))
}

async fn alter(broker: &Broker, records: Vec<MetadataRecord>) -> Result<(), Refusal> {
    if records.is_empty() {
        return Ok(());
    }
    let request = ControllerRequest::AlterScram {
        records: records.clone(),
    };
    match broker.controller.call_within(request, CONTROLLER_TIMEOUT).await {
        Ok(ControllerResponse::Done) => {}
        Ok(_) => return Err((ErrorCode::NotController, ErrorCode::NotController.message().to_owned())),
        Err(error) => return Err((controller_error_code(&error), error.to_string())),
    }
    broker
        .metadata
        .wait_for(APPLY_WAIT, |image| {
            records.iter().all(|record| is_in_force(image, record))
        })
        .await;
    Ok(())
}

fn is_in_force(image: &MetadataImage, record: &MetadataRecord) -> bool {
    match record {
        MetadataRecord::ScramCredential {
            user,
            mechanism,
            stored_key,
            ..
        } => {
            let known = image.scram.get(&(user.clone(), *mechanism));
            known.is_some_and(|known| known.stored_key == *stored_key)
        }
        MetadataRecord::ScramCredentialRemoved { user, mechanism } => {
            !image.scram.contains_key(&(user.clone(), *mechanism))
        }
        _ => true,
    }
}

fn answer(user: &str, outcome: Result<MetadataRecord, Refusal>) -> AlterUserScramCredentialsResult {
    let mut result = AlterUserScramCredentialsResult::default();
    result.user = StrBytes::from(user);
    result.error_message = None;
    if let Err((code, message)) = outcome {
        result.error_code = code.code();
        result.error_message = Some(StrBytes::from(message));
    }
    result
}
