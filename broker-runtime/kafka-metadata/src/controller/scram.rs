//! SCRAM credentials (KIP-554). What changes nothing leaves no record, so the engine can set them again at every start.

use super::draft::Draft;
use crate::{
    MetadataRecord, ScramCredential, ScramMechanism,
    rpc::{ControllerError, ControllerResponse},
};

/// Bounds of the number of iterations, as in Kafka.
const ITERATIONS: std::ops::RangeInclusive<u32> = 4096..=16384;

/// Sets and removes credentials; all of them or none.
pub(super) fn alter(
    draft: &mut Draft<'_>,
    records: Vec<MetadataRecord>,
) -> Result<ControllerResponse, ControllerError> {
    let mut changes = Vec::new();
    for record in records {
        if changes_something(draft, &record)? {
            changes.push(record);
        }
    }
    for record in changes {
        draft.push(record);
    }
    Ok(ControllerResponse::Done)
}

fn changes_something(draft: &Draft<'_>, record: &MetadataRecord) -> Result<bool, ControllerError> {
    match record {
        MetadataRecord::ScramCredential {
            user,
            mechanism,
            salt,
            iterations,
            stored_key,
            server_key,
        } => {
            check_user(user)?;
            if !ITERATIONS.contains(iterations) {
                let (least, most) = (ITERATIONS.start(), ITERATIONS.end());
                let message = format!("user {user:?}: {iterations} iterations are not between {least} and {most}");
                return Err(ControllerError::InvalidRequest(message));
            }
            let credential = ScramCredential {
                salt: salt.clone(),
                iterations: *iterations,
                stored_key: stored_key.clone(),
                server_key: server_key.clone(),
            };
            Ok(known(draft, user, *mechanism) != Some(&credential))
        }
        MetadataRecord::ScramCredentialRemoved { user, mechanism } => Ok(known(draft, user, *mechanism).is_some()),
        _ => Err(ControllerError::InvalidRequest(
            "only SCRAM credentials are expected".to_owned(),
        )),
    }
}

fn known<'a>(draft: &'a Draft<'_>, user: &str, mechanism: ScramMechanism) -> Option<&'a ScramCredential> {
    draft.image().scram.get(&(user.to_owned(), mechanism))
}

fn check_user(user: &str) -> Result<(), ControllerError> {
    if user.is_empty() {
        return Err(ControllerError::InvalidRequest("a SCRAM user needs a name".to_owned()));
    }
    Ok(())
}
