//! Access keys, as they are reported: never with their secrets.

use control_plane_api::identities::{AccessKey, ListAccessKeysResponse};

use super::iso8601;
use crate::{access::principal_arn, error::OperationError, services::Services, store::AccessKeyRecord};

/// `GET /openmsk/v1/access-keys`: oldest first. The key of the credentials file is not among them.
pub(crate) fn list_access_keys(services: &Services) -> Result<ListAccessKeysResponse, OperationError> {
    let mut all: Vec<AccessKeyRecord> = services.store.all()?;
    all.sort_by_key(|key| key.created_ms);
    Ok(ListAccessKeysResponse {
        access_keys: all.iter().map(access_key).collect(),
    })
}

/// One key.
pub(crate) fn access_key(key: &AccessKeyRecord) -> AccessKey {
    AccessKey {
        access_key_id: key.access_key.clone(),
        principal_arn: principal_arn(&key.account, key.principal.as_deref()),
        creation_time: iso8601(key.created_ms),
        status: if key.enabled { "ACTIVE" } else { "DISABLED" }.to_owned(),
    }
}
