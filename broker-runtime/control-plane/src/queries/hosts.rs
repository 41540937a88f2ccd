//! Hosts as they were last heard of, and the tokens that let others join.

use control_plane_api::hosts::{Host, HostToken, ListHostTokensResponse, ListHostsResponse};
use engine::chain;
use hosts::{Host as _, HostState};

use super::iso8601;
use crate::{
    error::OperationError,
    services::Services,
    store::{HostRecord, HostTokenRecord},
};

/// All hosts, by name.
pub(crate) fn list_hosts(services: &Services) -> Result<ListHostsResponse, OperationError> {
    let records: Vec<HostRecord> = services.store.all()?;
    let placed = services
        .engine
        .placed()
        .map_err(|error| OperationError::Internal(chain(&error)))?;
    let hosts = records.iter().map(|record| Host {
        node_count: placed.get(&record.entry.host_id).copied().unwrap_or_default(),
        ..host(services, record)
    });
    Ok(ListHostsResponse { hosts: hosts.collect() })
}

fn host(services: &Services, record: &HostRecord) -> Host {
    let entry = &record.entry;
    let remote = services.fleet.named(&entry.name);
    let facts = remote
        .as_ref()
        .map_or_else(|| entry.facts.clone(), |remote| remote.facts());
    let is_back = remote.as_ref().is_some_and(|remote| remote.answers());
    let seen = remote.map(|remote| remote.last_seen()).unwrap_or_default();
    let state_reason = match facts.state {
        HostState::Unreachable => Some(seen.problem.unwrap_or_else(|| "nobody has asked it yet".to_owned())),
        HostState::Draining => stuck(services),
        HostState::Dead => dead_reason(services, record, is_back),
        _ => None,
    };
    Host {
        host_id: entry.host_id.to_string(),
        name: entry.name.clone(),
        zone: facts.zone,
        state: state_name(facts.state).to_owned(),
        state_reason,
        address: facts.address.to_string(),
        agent_address: entry.agent_address.to_string(),
        agent_version: facts.agent_version,
        cores: facts.capacity.cores,
        memory_bytes: facts.capacity.memory_bytes,
        disk_bytes: facts.capacity.disk_bytes,
        disk_free_bytes: facts.capacity.disk_free_bytes,
        clock_ahead_ms: facts.clock_ahead_ms,
        node_count: 0,
        certificate_not_after: seen.facts.map(|facts| iso8601(facts.certificate_not_after_ms)),
        creation_time: iso8601(record.created_ms),
    }
}

/// What keeps hosts from being emptied, and dead ones from being replaced.
fn stuck(services: &Services) -> Option<String> {
    let reasons: Vec<String> = services.stuck.read().values().cloned().collect();
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

/// What is to be known of a host that was declared dead.
fn dead_reason(services: &Services, record: &HostRecord, is_back: bool) -> Option<String> {
    let back = is_back.then(|| "it answers all the same, and what it ran was ended: remove it".to_owned());
    let reasons: Vec<String> = record
        .dead_reason
        .iter()
        .cloned()
        .chain(back)
        .chain(stuck(services))
        .collect();
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

fn state_name(state: HostState) -> &'static str {
    match state {
        HostState::Active => "ACTIVE",
        HostState::Draining => "DRAINING",
        HostState::Unreachable => "UNREACHABLE",
        HostState::Dead => "DEAD",
    }
}

/// All tokens that are remembered, oldest first.
pub(crate) fn list_host_tokens(services: &Services) -> Result<ListHostTokensResponse, OperationError> {
    let mut tokens: Vec<HostTokenRecord> = services.store.all()?;
    tokens.sort_by_key(|token| token.created_ms);
    let now_ms = services.clock.now_ms();
    Ok(ListHostTokensResponse {
        host_tokens: tokens.iter().map(|token| host_token(token, now_ms)).collect(),
    })
}

/// One of them.
pub(crate) fn host_token(token: &HostTokenRecord, now_ms: i64) -> HostToken {
    let status = match &token.used {
        Some(_) => "USED",
        None if token.expires_ms <= now_ms => "EXPIRED",
        None => "UNUSED",
    };
    HostToken {
        token_id: token.token_id.clone(),
        zone: token.zone.clone(),
        creation_time: iso8601(token.created_ms),
        expiration_time: iso8601(token.expires_ms),
        status: status.to_owned(),
        used_by: token.used.as_ref().map(|usage| usage.host_name.clone()),
    }
}
