//! Authorities whose certificates Kafka clients may show.

use control_plane_api::client_authorities::{ClientAuthority, ListClientAuthoritiesResponse};

use super::iso8601;
use crate::{arn::Scope, error::OperationError, services::Services, store::ClientAuthorityRecord};

/// Those of the caller's account, oldest first.
pub(crate) fn list_client_authorities(
    services: &Services,
    world: &Scope,
) -> Result<ListClientAuthoritiesResponse, OperationError> {
    let mut all: Vec<ClientAuthorityRecord> = services.store.all()?;
    all.retain(|authority| world.same_account(&authority.arn));
    all.sort_by_key(|authority| authority.created_ms);
    Ok(ListClientAuthoritiesResponse {
        client_authorities: all.iter().map(client_authority).collect(),
    })
}

/// One of them.
pub(crate) fn client_authority(authority: &ClientAuthorityRecord) -> ClientAuthority {
    ClientAuthority {
        arn: authority.arn.clone(),
        name: authority.name.clone(),
        subject: authority.subject.clone(),
        not_after: iso8601(authority.not_after_ms),
        creation_time: iso8601(authority.created_ms),
    }
}
