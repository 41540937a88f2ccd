//! The hosts that have joined, each behind its agent.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use clock::Clock;
use futures::StreamExt;
use hosts::{Fleet, Host, HostFacts};
use parking_lot::{Mutex, RwLock};
use rustls::ClientConfig;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{AuthorityError, FleetAuthority, HostRequest, RemoteHost, client_tls};

/// Time before the end of a certificate at which it is replaced.
const RENEWAL_LEAD: Duration = Duration::from_secs(30 * 24 * 3600);
/// Age of the control plane's certificate from which it is replaced; it is valid for 90 days.
pub(crate) const CLIENT_AGE_MAX_MS: i64 = 30 * 24 * 3600 * 1000;
/// Hosts that are asked at the same time: so many that those which do not answer do not keep the others from being asked.
const ASKED_MAX: usize = 1024;

/// What a person has said of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Standing {
    /// It is used.
    Active,
    /// It is to become empty.
    Draining,
    /// It does not come back.
    Dead,
}

/// A host, as the control plane keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostEntry {
    /// Identity.
    pub host_id: Uuid,
    /// Name.
    pub name: String,
    /// Zone.
    pub zone: String,
    /// Where its agent answers.
    pub agent_address: SocketAddr,
    /// What was said of it.
    pub standing: Standing,
    /// What it said of itself when it joined.
    pub facts: HostFacts,
}

/// The authority of the fleet, made when it is first needed, and what is signed by it.
pub(crate) struct Keys {
    directory: PathBuf,
    authority: Mutex<Option<Arc<FleetAuthority>>>,
    /// When it was made, and TLS with the control plane's certificate, one for all hosts.
    client: Mutex<Option<(i64, ClientConfig)>>,
    renewal_lead: Duration,
    clock: Arc<dyn Clock>,
}

impl Keys {
    fn authority(&self) -> Result<Arc<FleetAuthority>, AuthorityError> {
        let mut kept = self.authority.lock();
        if let Some(authority) = &*kept {
            return Ok(Arc::clone(authority));
        }
        let authority = Arc::new(FleetAuthority::open(&self.directory, self.clock.now_ms())?);
        *kept = Some(Arc::clone(&authority));
        Ok(authority)
    }

    /// TLS to agents. It is made anew before the certificate in it ends.
    pub(crate) fn client_tls(&self, now_ms: i64) -> Result<ClientConfig, String> {
        let mut kept = self.client.lock();
        if let Some((made_ms, config)) = &*kept
            && now_ms.saturating_sub(*made_ms) < CLIENT_AGE_MAX_MS
        {
            return Ok(config.clone());
        }
        let authority = self.authority().map_err(|error| chain(&error))?;
        let identity = authority.sign_client(now_ms).map_err(|error| chain(&error))?;
        let config = client_tls(&identity, authority.certificate_pem()).map_err(|error| chain(&error))?;
        *kept = Some((now_ms, config.clone()));
        Ok(config)
    }

    pub(crate) fn sign(&self, entry: &HostEntry, request: &str) -> Result<String, String> {
        let authority = self.authority().map_err(|error| chain(&error))?;
        let request = HostRequest::from_pem(request).map_err(|error| chain(&error))?;
        let signed = authority.sign_host(entry.host_id, &entry.name, &request, self.clock.now_ms());
        signed.map_err(|error| chain(&error))
    }

    pub(crate) fn is_due(&self, not_after_ms: i64, now_ms: i64) -> bool {
        let lead_ms = i64::try_from(self.renewal_lead.as_millis()).unwrap_or(i64::MAX);
        not_after_ms.saturating_sub(now_ms) < lead_ms
    }
}

/// The hosts that have joined. Who keeps them says so with [`RemoteFleet::set`], and has them asked again and again.
pub struct RemoteFleet {
    keys: Arc<Keys>,
    clock: Arc<dyn Clock>,
    hosts: RwLock<BTreeMap<String, Arc<RemoteHost>>>,
}

impl RemoteFleet {
    /// Without hosts. The authority is in `directory`, or comes there when it is needed.
    pub fn new(directory: PathBuf, clock: Arc<dyn Clock>) -> Self {
        Self::with_renewal_lead(directory, clock, RENEWAL_LEAD)
    }

    /// The same, with another time before the end of certificates at which they are replaced.
    pub fn with_renewal_lead(directory: PathBuf, clock: Arc<dyn Clock>, renewal_lead: Duration) -> Self {
        let keys = Keys {
            directory,
            authority: Mutex::default(),
            client: Mutex::default(),
            renewal_lead,
            clock: Arc::clone(&clock),
        };
        Self {
            keys: Arc::new(keys),
            clock,
            hosts: RwLock::default(),
        }
    }

    /// The authority of the fleet.
    pub fn authority(&self) -> Result<Arc<FleetAuthority>, AuthorityError> {
        self.keys.authority()
    }

    /// Makes these the hosts. Those that were there before stay the same to whoever has them.
    pub fn set(&self, entries: Vec<HostEntry>) {
        let mut hosts = self.hosts.write();
        let mut before = std::mem::take(&mut *hosts);
        for entry in entries {
            let name = entry.name.clone();
            let same = before
                .remove(&name)
                .filter(|host| host.entry().host_id == entry.host_id);
            let host = match same {
                Some(host) => {
                    host.update(entry);
                    host
                }
                None => {
                    let (keys, clock) = (Arc::clone(&self.keys), Arc::clone(&self.clock));
                    Arc::new(RemoteHost::new(entry, keys, clock))
                }
            };
            hosts.insert(name, host);
        }
    }

    /// Asks all hosts what they are.
    pub async fn ask_all(&self) {
        let hosts: Vec<Arc<RemoteHost>> = self.remote_hosts();
        futures::stream::iter(hosts)
            .for_each_concurrent(ASKED_MAX, |host| async move { host.ask().await })
            .await;
    }

    /// The hosts, by name.
    pub fn remote_hosts(&self) -> Vec<Arc<RemoteHost>> {
        self.hosts.read().values().cloned().collect()
    }

    /// The host of this name.
    pub fn named(&self, name: &str) -> Option<Arc<RemoteHost>> {
        self.hosts.read().get(name).cloned()
    }
}

impl Fleet for RemoteFleet {
    fn hosts(&self) -> Vec<Arc<dyn Host>> {
        self.remote_hosts()
            .into_iter()
            .map(|host| host as Arc<dyn Host>)
            .collect()
    }

    fn host(&self, host_id: Uuid) -> Option<Arc<dyn Host>> {
        let hosts = self.hosts.read();
        let found = hosts.values().find(|host| host.entry().host_id == host_id);
        found.map(|host| Arc::clone(host) as Arc<dyn Host>)
    }
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clock::ManualClock;
    use hosts::{Capacity, HostError, HostState};

    use super::*;

    fn entry(name: &str, host_id: u128, standing: Standing) -> HostEntry {
        let facts = HostFacts {
            host_id: Uuid::from_u128(host_id),
            name: name.to_owned(),
            zone: "a".to_owned(),
            address: [127, 0, 0, 1].into(),
            state: HostState::Active,
            capacity: Capacity::default(),
            agent_version: "1".to_owned(),
            clock_ahead_ms: 0,
            data_directory: Path::new("/data").to_owned(),
        };
        HostEntry {
            host_id: facts.host_id,
            name: facts.name.clone(),
            zone: facts.zone.clone(),
            // Nothing listens on port 1 of this address.
            agent_address: ([127, 0, 0, 1], 1).into(),
            standing,
            facts,
        }
    }

    #[tokio::test]
    async fn hosts_stay_the_same_while_what_is_said_of_them_changes() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(1_900_000_000_000));
        let fleet = RemoteFleet::new(folder.path().join("fleet"), clock);
        fleet.set(vec![entry("b", 2, Standing::Active), entry("a", 1, Standing::Active)]);
        let names: Vec<String> = fleet.hosts().iter().map(|host| host.facts().name).collect();
        assert_eq!(names, ["a", "b"]);
        assert!(
            !folder.path().join("fleet").exists(),
            "no authority before it is needed"
        );
        fleet.ask_all().await;
        let host = fleet.named("a").unwrap();
        assert_eq!(host.facts().state, HostState::Unreachable);
        let problem = host.last_seen().problem.unwrap();
        assert!(problem.contains("its agent at 127.0.0.1:1: "), "{problem}");
        fleet.set(vec![entry("a", 1, Standing::Dead)]);
        assert_eq!(host.facts().state, HostState::Dead, "whoever has it knows");
        let error = host.units().await.unwrap_err();
        let HostError::Unreachable { reason, .. } = error else {
            panic!("{error}")
        };
        assert_eq!(reason, "it was declared dead");
        assert!(fleet.host(Uuid::from_u128(2)).is_none());
        fleet.set(vec![entry("a", 3, Standing::Active)]);
        assert_eq!(
            host.facts().state,
            HostState::Dead,
            "another host of that name is another host"
        );
        assert_eq!(
            fleet.host(Uuid::from_u128(3)).unwrap().facts().state,
            HostState::Unreachable
        );
    }
}
