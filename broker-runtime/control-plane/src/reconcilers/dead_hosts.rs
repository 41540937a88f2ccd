//! The rule that declares hosts dead, for control planes that were given one: a pure function of what is seen.
//!
//! A host that is away may only be out of reach, and declaring it dead costs whatever has no other replica. So the rule holds
//! back wherever it looks as if something else than one host has failed.

use std::time::Duration;

/// A host, as far as the rule goes.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) name: String,
    pub(super) zone: String,
    /// How long it has been away; `None` when it answers.
    pub(super) away: Option<Duration>,
}

/// What the rule says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// All hosts answer, or have not been away for long enough.
    Nobody,
    /// This one is dead.
    Dead(String),
    /// This one has been away for long enough, and something speaks against saying so.
    Spared {
        /// The host.
        host: String,
        /// What speaks against it.
        why: String,
    },
}

/// Judges `hosts`, those that were not declared dead yet. `since_last` is how long ago the rule declared one dead.
pub(super) fn judge(hosts: &[Seen], limit: Duration, since_last: Option<Duration>) -> Verdict {
    let too_long = hosts.iter().filter(|host| host.away.is_some_and(|away| away >= limit));
    let Some(host) = too_long.max_by_key(|host| (host.away, host.name.clone())) else {
        return Verdict::Nobody;
    };
    let spared = |why: String| Verdict::Spared {
        host: host.name.clone(),
        why,
    };
    let answering = hosts.iter().filter(|host| host.away.is_none()).count();
    if answering * 2 <= hosts.len() {
        return spared(format!(
            "only {answering} of {} hosts answer: it may be the control plane that is cut off",
            hosts.len()
        ));
    }
    let beside = hosts
        .iter()
        .find(|other| other.name != host.name && other.zone == host.zone && other.away.is_some());
    if let Some(other) = beside {
        return spared(format!(
            "host {} of the same zone is away, too: it may be the zone that is cut off",
            other.name
        ));
    }
    match since_last {
        Some(ago) if ago < limit => spared(format!(
            "another host was declared dead less than {} s ago, and what was on it may still be on its way",
            limit.as_secs()
        )),
        _ => Verdict::Dead(host.name.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(600);

    fn seen(name: &str, zone: &str, away_s: Option<u64>) -> Seen {
        Seen {
            name: name.to_owned(),
            zone: zone.to_owned(),
            away: away_s.map(Duration::from_secs),
        }
    }

    fn spared(verdict: Verdict) -> String {
        match verdict {
            Verdict::Spared { host, why } => format!("{host}: {why}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_host_that_is_away_for_long_enough_is_dead() {
        let mut hosts = vec![seen("a1", "a", None), seen("b1", "b", Some(599)), seen("c1", "c", None)];
        assert_eq!(judge(&hosts, LIMIT, None), Verdict::Nobody);
        hosts[1].away = Some(LIMIT);
        assert_eq!(judge(&hosts, LIMIT, None), Verdict::Dead("b1".to_owned()));
        assert_eq!(judge(&hosts, LIMIT, Some(LIMIT)), Verdict::Dead("b1".to_owned()));
        assert_eq!(judge(&[], LIMIT, None), Verdict::Nobody);
    }

    #[test]
    fn control_plane_that_hears_too_few_declares_nobody_dead() {
        let hosts = [seen("a1", "a", None), seen("b1", "b", Some(700))];
        assert!(spared(judge(&hosts, LIMIT, None)).contains("only 1 of 2 hosts answer"));
        assert!(spared(judge(&hosts[1..], LIMIT, None)).contains("only 0 of 1 hosts answer"));
    }

    #[test]
    fn zone_that_is_away_is_spared() {
        let mut hosts = vec![
            seen("a1", "a", None),
            seen("a2", "a", None),
            seen("a3", "a", None),
            seen("c1", "c", Some(700)),
            seen("c2", "c", Some(1)),
        ];
        assert!(spared(judge(&hosts, LIMIT, None)).contains("c1: host c2 of the same zone"));
        hosts[4].away = None;
        assert_eq!(judge(&hosts, LIMIT, None), Verdict::Dead("c1".to_owned()));
    }

    #[test]
    fn one_host_at_a_time() {
        let hosts = [
            seen("a1", "a", None),
            seen("b1", "b", Some(900)),
            seen("c1", "c", Some(700)),
            seen("d1", "d", None),
            seen("e1", "e", None),
        ];
        assert_eq!(
            judge(&hosts, LIMIT, None),
            Verdict::Dead("b1".to_owned()),
            "longest first"
        );
        let again = judge(
            &[hosts[0].clone(), hosts[2].clone(), hosts[3].clone()],
            LIMIT,
            Some(LIMIT / 2),
        );
        assert!(spared(again).contains("declared dead less than 600 s ago"));
    }
}
