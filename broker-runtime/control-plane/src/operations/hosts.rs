//! Hosts: they join with a token, are drained, declared dead, and removed once nothing is on them.

use std::{net::IpAddr, path::PathBuf};

use control_plane_api::hosts::{JoinHostRequest, JoinHostResponse, UpdateHostRequest};
use engine::chain;
use host_link::{FleetAuthority, HostEntry, HostRequest, Standing, secret_hash};
use hosts::{Capacity, Host as _, HostError, HostFacts, HostState};
use uuid::Uuid;

use crate::{
    error::OperationError,
    queries::iso8601,
    reconcilers::set_hosts,
    services::Services,
    store::{HostRecord, HostTokenRecord, TokenUse, Transaction},
};

/// Units that are named of a host that cannot be removed.
const NAMED_MAX: usize = 3;
/// Longest name of a host and of a zone.
const NAME_CHARS_MAX: usize = 64;
/// By how much the clock of a host may differ when it joins.
const CLOCK_DIFFERENCE_MAX_MS: i64 = 5000;

/// Lets a host join: checks everything, then keeps the host and the use of its token in one transaction.
pub(crate) async fn join_host(
    services: &Services,
    request: JoinHostRequest,
) -> Result<JoinHostResponse, OperationError> {
    let now_ms = services.clock.now_ms();
    // Whoever has no token learns nothing else.
    let token = find_token(services, &request, now_ms)?;
    check_agent(services, &request, now_ms)?;
    let zone = zone_of(&token, &request)?;
    let entry = entry_of(&request, &zone)?;
    let certificate_request = HostRequest::from_pem(&request.certificate_request_pem)
        .map_err(|error| OperationError::invalid("certificateRequestPem", chain(&error)))?;
    let authority = services.fleet.authority().map_err(|error| internal(&error))?;
    let certificate_pem = sign(&authority, &entry, &certificate_request, now_ms)?;
    let usage = TokenUse {
        host_id: entry.host_id,
        host_name: entry.name.clone(),
        key_fingerprint: certificate_request.key_fingerprint(),
        used_ms: now_ms,
    };
    services
        .store
        .transaction(|transaction| keep(transaction, &token.token_id, entry, usage, now_ms))?;
    refresh(services)?;
    tracing::info!(host = request.name, zone, "host has joined");
    Ok(JoinHostResponse {
        zone,
        certificate_pem,
        authority_pem: authority.certificate_pem().to_owned(),
    })
}

fn find_token(services: &Services, request: &JoinHostRequest, now_ms: i64) -> Result<HostTokenRecord, OperationError> {
    let forbidden = |message: String| Err(OperationError::Forbidden(message));
    let found: Option<HostTokenRecord> = services.store.get(&request.token_id)?;
    match found {
        Some(token) if token.secret_hash == secret_hash(request.token_secret.expose()) => {
            if token.expires_ms <= now_ms {
                return forbidden(format!(
                    "the token has expired at {}: `broker-runtime token create` makes another one",
                    iso8601(token.expires_ms)
                ));
            }
            Ok(token)
        }
        _ => forbidden("the token is not known here: it was revoked, or another control plane has made it".to_owned()),
    }
}

fn check_agent(services: &Services, request: &JoinHostRequest, now_ms: i64) -> Result<(), OperationError> {
    if request.agent_version != services.version {
        return Err(OperationError::invalid(
            "agentVersion",
            format!(
                "the agent is version {}, the control plane is version {}: install the same version on both",
                request.agent_version, services.version
            ),
        ));
    }
    if (request.now_ms - now_ms).abs() > CLOCK_DIFFERENCE_MAX_MS {
        return Err(OperationError::invalid(
            "nowMs",
            format!(
                "the clocks are apart: it is {} on the host and {} on the control plane; have both follow a time server",
                iso8601(request.now_ms),
                iso8601(now_ms)
            ),
        ));
    }
    check_name(&request.name)
}

fn zone_of(token: &HostTokenRecord, request: &JoinHostRequest) -> Result<String, OperationError> {
    let refuse = |message: String| Err(OperationError::invalid("zone", message));
    let zone = match (&token.zone, &request.zone) {
        (Some(zone), Some(wanted)) if zone != wanted => {
            return refuse(format!(
                "the token is for zone {zone:?}, and the host wants to stand in {wanted:?}"
            ));
        }
        (Some(zone), _) | (None, Some(zone)) => zone,
        (None, None) => {
            return refuse("neither the token nor the host names a zone: name one with --zone".to_owned());
        }
    };
    check_zone(zone)?;
    Ok(zone.clone())
}

fn entry_of(request: &JoinHostRequest, zone: &str) -> Result<HostEntry, OperationError> {
    let bad = |parameter: &str, text: &str| {
        OperationError::invalid(parameter, format!("{text:?} is nothing that others could connect to"))
    };
    let address: IpAddr = request.address.parse().map_err(|_| bad("address", &request.address))?;
    let agent_address: std::net::SocketAddr = request
        .agent_address
        .parse()
        .map_err(|_| bad("agentAddress", &request.agent_address))?;
    if address.is_unspecified() {
        return Err(bad("address", &request.address));
    }
    if agent_address.ip().is_unspecified() || agent_address.port() == 0 {
        return Err(bad("agentAddress", &request.agent_address));
    }
    let host_id: Uuid = request
        .host_id
        .parse()
        .map_err(|_| OperationError::invalid("hostId", "it is no UUID"))?;
    let facts = HostFacts {
        host_id,
        name: request.name.clone(),
        zone: zone.to_owned(),
        address,
        state: HostState::Unreachable,
        // It says so once it answers.
        capacity: Capacity::default(),
        agent_version: request.agent_version.clone(),
        clock_ahead_ms: 0,
        data_directory: PathBuf::from(&request.data_directory),
    };
    Ok(HostEntry {
        host_id,
        name: request.name.clone(),
        zone: zone.to_owned(),
        agent_address,
        standing: Standing::Active,
        facts,
    })
}

fn sign(
    authority: &FleetAuthority,
    entry: &HostEntry,
    request: &HostRequest,
    now_ms: i64,
) -> Result<String, OperationError> {
    let signed = authority.sign_host(entry.host_id, &entry.name, request, now_ms);
    signed.map_err(|error| internal(&error))
}

/// A token does once. The same host may ask again, for an answer that did not reach it; its key says that it is the same.
fn keep(
    transaction: &Transaction<'_>,
    token_id: &str,
    entry: HostEntry,
    usage: TokenUse,
    now_ms: i64,
) -> Result<(), OperationError> {
    let found: Option<HostTokenRecord> = transaction.get(token_id)?;
    // It may have been revoked since it was looked up.
    let mut token = found.ok_or_else(|| OperationError::Forbidden("the token was revoked".to_owned()))?;
    let is_own = |before: &TokenUse| before.host_id == usage.host_id && before.key_fingerprint == usage.key_fingerprint;
    if let Some(before) = token.used.as_ref().filter(|before| !is_own(before)) {
        return Err(OperationError::Forbidden(format!(
            "the token was used by host {:?} at {}: each host needs its own, which `broker-runtime token create` makes",
            before.host_name,
            iso8601(before.used_ms)
        )));
    }
    let host = HostRecord {
        entry,
        key_fingerprint: usage.key_fingerprint.clone(),
        created_ms: now_ms,
        dead_reason: None,
    };
    for other in transaction.all::<HostRecord>()? {
        let is_same = other.entry.host_id == host.entry.host_id && other.key_fingerprint == host.key_fingerprint;
        if is_same {
            transaction.delete::<HostRecord>(&other.entry.name)?;
        } else if let Some(message) = collision(&other.entry, &host.entry) {
            return Err(OperationError::Conflict(message));
        }
    }
    token.used = Some(usage);
    transaction.put(&token)?;
    transaction.put(&host)?;
    Ok(())
}

/// What a host cannot have because another one has it.
fn collision(other: &HostEntry, entry: &HostEntry) -> Option<String> {
    if other.name == entry.name {
        return Some(format!(
            "there is a host {:?} already, at {}: name this one otherwise with --name, or remove that one",
            other.name, other.facts.address
        ));
    }
    if other.agent_address == entry.agent_address {
        let address = other.agent_address;
        return Some(format!("the agent of host {:?} is at {address} already", other.name));
    }
    (other.host_id == entry.host_id).then(|| {
        format!(
            "host {:?} has this identity already: its data directory was copied; delete the folder agent in the copy",
            other.name
        )
    })
}

/// Has a host emptied, used again, or taken for lost.
pub(crate) async fn update_host(
    services: &Services,
    name: &str,
    request: UpdateHostRequest,
) -> Result<(), OperationError> {
    let standing = match request.state.as_str() {
        "ACTIVE" => Standing::Active,
        "DRAINING" => Standing::Draining,
        "DEAD" => Standing::Dead,
        _ => return Err(OperationError::invalid("state", "state is ACTIVE, DRAINING or DEAD")),
    };
    set_standing(services, name, standing, None)
}

/// Takes a host for lost because a rule says so.
pub(crate) fn declare_dead(services: &Services, name: &str, reason: &str) -> Result<(), OperationError> {
    set_standing(services, name, Standing::Dead, Some(reason))
}

fn set_standing(
    services: &Services,
    name: &str,
    standing: Standing,
    dead_reason: Option<&str>,
) -> Result<(), OperationError> {
    if standing == Standing::Dead
        && let Some(host) = services.fleet.named(name)
        && matches!(host.facts().state, HostState::Active | HostState::Draining)
    {
        return Err(OperationError::Conflict(format!(
            "host {name:?} answers, so it is not dead: drain it, or end its agent and its processes first"
        )));
    }
    services.store.transaction(|transaction| {
        let mut host = find(transaction, name)?;
        if host.entry.standing == Standing::Dead && standing != Standing::Dead {
            return Err(OperationError::Conflict(format!(
                "host {name:?} was declared dead, and what was on it is made anew elsewhere: remove it, and let it join again"
            )));
        }
        host.entry.standing = standing;
        host.dead_reason = dead_reason.map(str::to_owned);
        transaction.put(&host)?;
        Ok(())
    })?;
    refresh(services)?;
    services.wake();
    Ok(())
}

/// Forgets a host that has no units, or is dead.
pub(crate) async fn remove_host(services: &Services, name: &str) -> Result<(), OperationError> {
    let record: HostRecord = services.store.get(name)?.ok_or_else(|| unknown(name))?;
    if record.entry.standing == Standing::Dead {
        empty_the_dead(services, name).await?;
    } else {
        let host = services.fleet.named(name).ok_or_else(|| unknown(name))?;
        let units = host.units().await.map_err(|error| {
            OperationError::Conflict(format!(
                "it cannot be seen whether something is on it: {error}. When it does not come back, declare it dead first: \
                 `broker-runtime hosts dead {name}`"
            ))
        })?;
        if !units.is_empty() {
            let names: Vec<&str> = units.iter().take(NAMED_MAX).map(|unit| unit.unit.as_str()).collect();
            let more = if units.len() > names.len() { " and others" } else { "" };
            return Err(OperationError::Conflict(format!(
                "on host {name:?} there is {}{more}: drain it first",
                names.join(", ")
            )));
        }
    }
    services.store.transaction(|transaction| {
        let found = find(transaction, name)?;
        if found.entry.host_id != record.entry.host_id {
            return Err(OperationError::Conflict(format!("host {name:?} is another one by now")));
        }
        transaction.delete::<HostRecord>(name)?;
        Ok(())
    })?;
    refresh(services)?;
    services.wake();
    Ok(())
}

/// Removes what is left on a dead host that is there all the same: once it is forgotten, nobody would.
async fn empty_the_dead(services: &Services, name: &str) -> Result<(), OperationError> {
    let Some(host) = services.fleet.named(name).filter(|host| host.answers()) else {
        return Ok(());
    };
    let left = |error: &HostError| {
        OperationError::Conflict(format!(
            "host {name:?} is there again, and what is left on it cannot be removed: {error}"
        ))
    };
    for unit in host.units().await.map_err(|error| left(&error))? {
        host.remove(&unit.unit).await.map_err(|error| left(&error))?;
    }
    Ok(())
}

/// What is kept is what the fleet has, at once and not only a second later.
fn refresh(services: &Services) -> Result<(), OperationError> {
    Ok(set_hosts(services)?)
}

fn find(transaction: &Transaction<'_>, name: &str) -> Result<HostRecord, OperationError> {
    let found: Option<HostRecord> = transaction.get(name)?;
    found.ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> OperationError {
    OperationError::NotFound(format!("there is no host {name:?}"))
}

fn internal(error: &dyn std::error::Error) -> OperationError {
    OperationError::Internal(chain(error))
}

/// A zone that hosts may stand in.
pub(super) fn check_zone(zone: &str) -> Result<(), OperationError> {
    check(zone).map_err(|message| OperationError::invalid("zone", message))
}

fn check_name(name: &str) -> Result<(), OperationError> {
    check(name).map_err(|message| OperationError::invalid("name", message))
}

fn check(text: &str) -> Result<(), String> {
    let is_good = |it: char| it.is_ascii_alphanumeric() || "-._".contains(it);
    let starts_well = text.starts_with(|first: char| first.is_ascii_alphanumeric());
    if !starts_well || text.chars().count() > NAME_CHARS_MAX || !text.chars().all(is_good) {
        return Err(format!(
            "{text:?} will not do: it has 1 to {NAME_CHARS_MAX} letters, digits and -._, the first a letter or a digit"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use clock::{Clock, ManualClock};
    use control_plane_api::{SecretText, hosts::CreateHostTokenRequest};
    use host_link::{HostKey, JoinToken, RemoteFleet};

    use super::*;
    use crate::{
        operations::create_host_token,
        queries::{list_host_tokens, list_hosts},
        services::Entrance,
        store::{SecretBox, Store},
        tests::ScriptedEngine,
    };

    struct Stage {
        services: Services,
        clock: ManualClock,
        _folder: tempfile::TempDir,
    }

    impl Stage {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let clock = ManualClock::new(1_900_000_000_000);
            let shared: Arc<dyn Clock> = Arc::new(clock.clone());
            let services = Services::new(
                Store::open(&folder.path().join("state.db")).unwrap(),
                SecretBox::open(&folder.path().join("encryption.key")).unwrap(),
                Arc::new(ScriptedEngine::default()),
                Arc::new(RemoteFleet::new(folder.path().join("fleet"), Arc::clone(&shared))),
                shared,
                "2".to_owned(),
            );
            let entrance = Entrance {
                address: "192.0.2.1:8443".to_owned(),
                fingerprint: "ab".repeat(32),
            };
            services.entrance.set(entrance).unwrap();
            Self {
                services,
                clock,
                _folder: folder,
            }
        }

        async fn token(&self) -> JoinToken {
            let request = CreateHostTokenRequest {
                zone: Some("a".to_owned()),
                ttl_seconds: Some(60),
            };
            let made = create_host_token(&self.services, request).await.unwrap();
            made.token.expose().parse().unwrap()
        }

        /// What a host of this name sends.
        fn request(&self, name: &str, token: &JoinToken, key: &HostKey) -> JoinHostRequest {
            JoinHostRequest {
                token_id: token.id.clone(),
                token_secret: SecretText::new(token.secret()),
                host_id: Uuid::from_u128(7).to_string(),
                name: name.to_owned(),
                zone: None,
                address: "192.0.2.7".to_owned(),
                agent_address: "192.0.2.7:8480".to_owned(),
                agent_version: "2".to_owned(),
                now_ms: self.clock.now_ms(),
                data_directory: "/data".to_owned(),
                certificate_request_pem: key.request().unwrap(),
            }
        }

        async fn refusal(&self, request: JoinHostRequest) -> String {
            join_host(&self.services, request).await.unwrap_err().to_string()
        }
    }

    #[tokio::test]
    async fn agent_of_another_version_and_clocks_that_are_apart_are_refused() {
        let stage = Stage::new();
        let (token, key) = (stage.token().await, HostKey::new().unwrap());
        let good = stage.request("one", &token, &key);
        let bad = |change: fn(&mut JoinHostRequest)| {
            let mut request = good.clone();
            change(&mut request);
            stage.refusal(request)
        };
        let said = bad(|it| it.agent_version = "1".to_owned()).await;
        assert!(
            said.starts_with("the agent is version 1, the control plane is version 2"),
            "{said}"
        );
        let said = bad(|it| it.now_ms += 5001).await;
        let expected = "it is 2030-03-17T17:46:45.001Z on the host and 2030-03-17T17:46:40.000Z on the control plane";
        assert!(said.contains(expected), "{said}");
        assert!(bad(|it| it.now_ms -= 5001).await.contains("the clocks are apart"));
        assert!(
            bad(|it| it.agent_address = "0.0.0.0:1".to_owned())
                .await
                .contains("0.0.0.0:1")
        );
        assert!(
            bad(|it| it.certificate_request_pem.clear())
                .await
                .contains("cannot be read")
        );
        assert!(
            bad(|it| it.token_secret = SecretText::new("0"))
                .await
                .contains("is not known here")
        );
        assert!(list_hosts(&stage.services).unwrap().hosts.is_empty());
        assert_eq!(
            list_host_tokens(&stage.services).unwrap().host_tokens[0].status,
            "UNUSED"
        );
        let mut late = good.clone();
        late.now_ms += 5000;
        join_host(&stage.services, late).await.expect("five seconds are fine");
        stage.clock.advance(Duration::from_secs(60));
        let said = stage.refusal(stage.request("one", &token, &key)).await;
        assert!(said.contains("the token has expired"), "{said}");
    }

    #[tokio::test]
    async fn host_whose_answer_was_lost_joins_again_and_nobody_else_with_its_token() {
        let stage = Stage::new();
        let (token, key) = (stage.token().await, HostKey::new().unwrap());
        join_host(&stage.services, stage.request("one", &token, &key))
            .await
            .unwrap();
        // It may have thought better of its name meanwhile.
        let again = join_host(&stage.services, stage.request("two", &token, &key))
            .await
            .unwrap();
        assert!(key.fits(&again.certificate_pem));
        assert_eq!(again.zone, "a");
        let hosts = list_hosts(&stage.services).unwrap().hosts;
        assert_eq!(hosts.iter().map(|host| host.name.as_str()).collect::<Vec<_>>(), ["two"]);
        assert_eq!(stage.services.fleet.remote_hosts().len(), 1);
        let other = stage.request("three", &token, &HostKey::new().unwrap());
        let said = stage.refusal(other).await;
        assert!(said.contains("the token was used by host \"two\""), "{said}");
        // The same host with a token that it was given later.
        let later = stage.token().await;
        join_host(&stage.services, stage.request("one", &later, &key))
            .await
            .unwrap();
        assert_eq!(list_hosts(&stage.services).unwrap().hosts.len(), 1);
        // Another one with a token of its own needs an address of its own, too.
        let other = stage.request("three", &stage.token().await, &HostKey::new().unwrap());
        let said = stage.refusal(other).await;
        assert!(
            said.contains("the agent of host \"one\" is at 192.0.2.7:8480 already"),
            "{said}"
        );
    }
}
