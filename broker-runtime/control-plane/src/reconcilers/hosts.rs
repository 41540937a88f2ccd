//! Asks hosts what they are, again and again, so that their state costs nothing to ask for; certificates that end before
//! long are replaced on the way. What follows from what they answer, or do not, is done here as well: what a dead host runs is
//! ended once it is back, the rule for dead hosts is looked at, and clusters are when hosts have come or are lost.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use control_plane_api::identities::AuditedCall;
use engine::chain;
use futures::future::join_all;
use host_link::{RemoteHost, Standing};
use hosts::{Host as _, HostState, UnitPhase};
use tokio_util::sync::CancellationToken;

use super::dead_hosts::{Seen, Verdict, judge};
use crate::{
    http::AuditLog,
    operations::declare_dead,
    queries::iso8601,
    services::Services,
    store::{HostRecord, StoreError},
};

/// How often.
const INTERVAL: Duration = Duration::from_secs(1);
/// How often clusters are looked at once more that were not what they should be although hosts are lost.
const AGAIN: Duration = Duration::from_secs(30);

/// Asks until it is told to end.
pub(crate) async fn run(services: Arc<Services>, audit: Arc<AuditLog>, until: CancellationToken) {
    let mut round = Round::new(services.clock.monotonic());
    loop {
        if let Err(error) = set_hosts(&services) {
            tracing::error!(error = chain(&error), "hosts cannot be read");
        }
        services.fleet.ask_all().await;
        let hosts = services.fleet.remote_hosts();
        join_all(hosts.iter().map(|host| fence(host))).await;
        round.declare(&services, &audit, &hosts);
        round.settle(&services, &hosts);
        tokio::select! {
            () = until.cancelled() => return,
            () = services.clock.sleep(INTERVAL) => (),
        }
    }
}

/// Gives the fleet the hosts that are kept.
pub(crate) fn set_hosts(services: &Services) -> Result<(), StoreError> {
    // Whoever writes them and whoever reads them here may be at it at the same time: the last word has the store.
    services.store.read_all(|hosts: Vec<HostRecord>| {
        let entries = hosts.into_iter().map(|host| host.entry);
        services.fleet.set(entries.collect());
    })
}

/// Ends what a host runs that was declared dead and is there all the same: it is made anew elsewhere. Files stay.
async fn fence(host: &RemoteHost) {
    if host.entry().standing != Standing::Dead || !host.answers() {
        return;
    }
    let name = host.entry().name.clone();
    // One that cannot be asked now is asked in the next round.
    for unit in host.units().await.unwrap_or_default() {
        if unit.phase == UnitPhase::Stopped {
            continue;
        }
        match host.stop(&unit.unit, true).await {
            Ok(()) => {
                tracing::warn!(host = name, unit = %unit.unit, "process of a host that was declared dead was ended")
            }
            Err(error) => {
                tracing::error!(host = name, unit = %unit.unit, %error, "process of a host that was declared dead goes on");
            }
        }
    }
}

/// What is remembered from one round to the next.
struct Round {
    begun: Instant,
    /// When the rule declared a host dead.
    declared: Option<Instant>,
    /// What the rule has said last.
    said: Verdict,
    /// Hosts that can be used, and those that are dead.
    known: BTreeMap<String, HostState>,
    /// When clusters were looked at.
    settled: Instant,
}

impl Round {
    fn new(now: Instant) -> Self {
        Self {
            begun: now,
            declared: None,
            said: Verdict::Nobody,
            known: BTreeMap::new(),
            settled: now,
        }
    }

    /// Declares a host dead, where there is a rule for that.
    fn declare(&mut self, services: &Services, audit: &AuditLog, hosts: &[Arc<RemoteHost>]) {
        let Some(limit) = services.host_dead_after else {
            return;
        };
        let now = services.clock.monotonic();
        let seen: Vec<Seen> = hosts.iter().filter_map(|host| self.seen(host, now)).collect();
        let since_last = self.declared.map(|at| now.saturating_duration_since(at));
        let verdict = judge(&seen, limit, since_last);
        let is_new = verdict != self.said;
        self.said = verdict.clone();
        match verdict {
            Verdict::Nobody => (),
            Verdict::Spared { host, why } if is_new => {
                tracing::warn!(host, why, "host has been away for long, and is not declared dead");
            }
            Verdict::Spared { .. } => (),
            Verdict::Dead(host) => {
                let reason = format!(
                    "declared dead by the rule of --host-dead-after: away for {} s",
                    limit.as_secs()
                );
                match declare_dead(services, &host, &reason) {
                    Ok(()) => {
                        self.declared = Some(now);
                        tracing::warn!(host, reason, "host is dead");
                        audit.record(&audited(services, &host));
                    }
                    Err(error) => tracing::error!(host, error = chain(&error), "host cannot be declared dead"),
                }
            }
        }
    }

    /// A host as far as the rule goes; `None` for one that was declared dead.
    fn seen(&self, host: &RemoteHost, now: Instant) -> Option<Seen> {
        let facts = host.facts();
        let away = match facts.state {
            HostState::Dead => return None,
            HostState::Active | HostState::Draining => None,
            // What was before this control plane began is not known to it.
            HostState::Unreachable => {
                Some(now.saturating_duration_since(host.last_seen().at.map_or(self.begun, |at| at.max(self.begun))))
            }
        };
        Some(Seen {
            name: facts.name,
            zone: facts.zone,
            away,
        })
    }

    /// Has clusters looked at when hosts have come or are lost: what was on dead hosts is made anew where there is a place.
    fn settle(&mut self, services: &Services, hosts: &[Arc<RemoteHost>]) {
        let facts = hosts.iter().map(|host| host.facts());
        let known: BTreeMap<String, HostState> = facts
            .filter(|facts| matches!(facts.state, HostState::Active | HostState::Dead))
            .map(|facts| (facts.name, facts.state))
            .collect();
        let now = services.clock.monotonic();
        let any_dead = known.values().any(|state| *state == HostState::Dead);
        let changed = self.known != known;
        let is_time = any_dead && now.saturating_duration_since(self.settled) >= AGAIN;
        if (changed && any_dead) || ((changed || is_time) && services.take_unsettled_again()) {
            self.settled = now;
            services.settle_all();
        }
        self.known = known;
    }
}

/// What the audit log says of the rule: nobody has called.
fn audited(services: &Services, host: &str) -> AuditedCall {
    AuditedCall {
        time: iso8601(services.clock.now_ms()),
        request_id: services.new_uuid().to_string(),
        source: "--host-dead-after".to_owned(),
        action: "openmsk:UpdateHost".to_owned(),
        resource: host.to_owned(),
        status: 200,
        ..AuditedCall::default()
    }
}
