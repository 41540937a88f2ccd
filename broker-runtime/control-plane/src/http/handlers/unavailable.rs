//! Operations on things of which there are none yet: lists are empty, and whatever is named does not exist. And those
//! that nothing answers.

use std::collections::BTreeMap;

use crate::{
    error::OperationError,
    http::call::{Answer, Call, json},
    model::{Availability, availability, list_of},
    queries,
};

pub(super) fn answer(call: &Call<'_>) -> Answer {
    if !call.cluster().is_empty() {
        queries::cluster_record(call.services(), call.cluster())?;
    }
    match list_of(call.operation) {
        Some(name) if call.operation.method == "GET" && call.operation.name.starts_with("List") => {
            // Nobody was given a token, so there is none to go on from.
            call.api.pages.cut(call.request, Vec::<()>::new(), |()| String::new())?;
            json(&BTreeMap::from([(name, [(); 0])]))
        }
        _ => {
            let named = ["channelArn", "replicatorArn", "arn"].map(|label| call.label(label));
            let named = named.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
            let why = match availability(call.operation.name) {
                Availability::Empty(why) => why,
                _ => "",
            };
            Err(OperationError::NotFound(format!("{named} does not exist. {why}")))
        }
    }
}

/// An operation of the model that no handler knows: a defect, which a test looks for.
pub(super) fn unknown(call: &Call<'_>) -> Answer {
    Err(OperationError::Internal(format!(
        "nothing answers {}",
        call.operation.name
    )))
}
