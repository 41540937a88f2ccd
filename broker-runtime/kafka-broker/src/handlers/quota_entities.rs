//! Whom a client quota is for, between Kafka's names on the wire and ours.

use std::net::IpAddr;

use kafka_codec::StrBytes;
use kafka_metadata::quota::{QuotaEntity, QuotaName};

pub(super) const USER: &str = "user";
pub(super) const CLIENT_ID: &str = "client-id";
pub(super) const IP: &str = "ip";

/// The parts of an entity.
pub(super) fn parts(entity: &QuotaEntity) -> impl Iterator<Item = (&'static str, &QuotaName)> {
    let user = entity.user.as_ref().map(|name| (USER, name));
    user.into_iter()
        .chain(entity.client_id.as_ref().map(|name| (CLIENT_ID, name)))
        .chain(entity.ip.as_ref().map(|name| (IP, name)))
}

/// The entity of these parts; no name means the default.
pub(super) fn entity<'a>(
    parts: impl Iterator<Item = (&'a StrBytes, Option<&'a StrBytes>)>,
) -> Result<QuotaEntity, String> {
    let mut entity = QuotaEntity::default();
    for (kind, name) in parts {
        let name = match name {
            Some(name) if name.is_empty() => return Err(format!("Empty {kind} not supported")),
            Some(name) => QuotaName::Named(name.to_string()),
            None => QuotaName::Default,
        };
        let part = match kind.as_str() {
            USER => &mut entity.user,
            CLIENT_ID => &mut entity.client_id,
            IP => &mut entity.ip,
            "" => return Err("Invalid empty entity type".to_owned()),
            other => return Err(format!("Unhandled client quota entity type: {other}")),
        };
        if part.replace(name).is_some() {
            return Err(format!("Entity type {kind} cannot appear more than once"));
        }
    }
    entity.check()?;
    match &entity.ip {
        Some(QuotaName::Named(address)) if address.parse::<IpAddr>().is_err() => {
            Err(format!("{address} is not a valid IP address."))
        }
        _ => Ok(entity),
    }
}
