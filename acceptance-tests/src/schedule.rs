//! Faults in an order that a seed decides: what a nemesis does to a cluster, and when. Pure, so that a run can be printed before it
//! begins and had again.

use std::fmt;

use rand::{RngExt, SeedableRng, rngs::StdRng};

/// What there is to do harm with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Means {
    /// Links to a broker can be cut.
    pub links: bool,
    /// Links to a broker can be made slow.
    pub rates: bool,
    /// The disk is small enough to be filled.
    pub disk: bool,
    /// The wall clock of brokers and control plane can be set.
    pub clock: bool,
}

/// Ports of a broker that are hard to reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// That of other brokers: they cannot follow it.
    Brokers,
    /// That of clients.
    Clients,
    /// All.
    All,
}

/// One fault. Brokers are named by their place among those that run, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `kill -9` of a broker.
    KillBroker(usize),
    /// `kill -9` of all brokers at once.
    KillAllBrokers,
    /// `kill -9` of the control plane, which has the controller in it.
    KillServe,
    /// `kill -9` of everything at once: brokers, control plane and its guard.
    KillEverything,
    /// A broker stands still.
    PauseBroker(usize),
    /// The control plane stands still.
    PauseServe,
    /// A broker is not reached any more.
    Cut(usize, Link),
    /// Two brokers do not reach each other; the second is so many places after the first. Clients and the controller reach both.
    CutBetween(usize, usize),
    /// What goes to a broker and comes from it is held up: so many kbit/s are let through.
    Slow(usize, Link, u32),
    /// There is no room on the disk.
    FillDisk,
    /// Another number of brokers, while everything goes on.
    Scale,
    /// Somebody sets the wall clock of the machine, so many seconds ahead of the right time or behind it, and then sets it right.
    SetClock(i64),
}

/// What happens together: it begins at once and ends together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strike {
    /// One fault or two.
    pub faults: Vec<Fault>,
    /// How long it lasts.
    pub lasts_ms: u64,
    /// How long nothing happens before it.
    pub rest_ms: u64,
}

impl fmt::Display for Strike {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "after {} ms {:?} for {} ms",
            self.rest_ms, self.faults, self.lasts_ms
        )
    }
}

/// Strikes with `count` faults in all.
pub fn draw(seed: u64, count: usize, means: Means) -> Vec<Strike> {
    let mut rng = StdRng::seed_from_u64(seed);
    let (mut strikes, mut left) = (Vec::new(), count);
    while left > 0 {
        let mut faults = vec![fault(&mut rng, means)];
        if left > 1 && rng.random_bool(0.3) {
            let second = fault(&mut rng, means);
            if !excludes(faults[0], second) {
                faults.push(second);
            }
        }
        left -= faults.len();
        strikes.push(Strike {
            faults,
            lasts_ms: rng.random_range(100..3_500),
            rest_ms: rng.random_range(0..1_500),
        });
    }
    strikes
}

/// Two changes of the number of brokers would undo each other, and a link can be cut once.
fn excludes(first: Fault, second: Fault) -> bool {
    let cut = |fault| matches!(fault, Fault::Cut(..));
    let cut_between = |fault| matches!(fault, Fault::CutBetween(..));
    first == second || (cut(first) && cut(second)) || (cut_between(first) && cut_between(second))
}

/// What a wall clock may be off by, seconds: more than sessions, transactions and deleted files wait for, and less than the hour by
/// which a record's time may be ahead of a broker's (`log.message.timestamp.after.max.ms`), as clients keep the right time.
const CLOCK_OFFSETS_S: [i64; 6] = [-3_400, -400, -40, 40, 400, 3_400];

fn fault(rng: &mut StdRng, means: Means) -> Fault {
    let broker = rng.random_range(0..4);
    loop {
        return match rng.random_range(0..104) {
            0..26 => Fault::KillBroker(broker),
            26..34 => Fault::KillAllBrokers,
            34..44 => Fault::KillServe,
            44..48 => Fault::KillEverything,
            48..64 => Fault::PauseBroker(broker),
            64..69 => Fault::PauseServe,
            69..78 if means.links => Fault::Cut(broker, link(rng)),
            78..82 if means.links => Fault::CutBetween(broker, rng.random_range(1..3)),
            82..90 if means.rates => {
                let rate = [60, 250, 1_000][rng.random_range(0..3)];
                Fault::Slow(broker, link(rng), rate)
            }
            90..97 if means.disk => Fault::FillDisk,
            97..100 => Fault::Scale,
            100.. if means.clock => Fault::SetClock(CLOCK_OFFSETS_S[rng.random_range(0..CLOCK_OFFSETS_S.len())]),
            _ => continue,
        };
    }
}

fn link(rng: &mut StdRng) -> Link {
    [Link::Brokers, Link::Clients, Link::All][rng.random_range(0..3)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Means = Means {
        links: true,
        rates: true,
        disk: true,
        clock: true,
    };

    #[test]
    fn one_seed_is_one_schedule_with_as_many_faults_as_asked_for() {
        assert_eq!(draw(7, 100, ALL), draw(7, 100, ALL));
        assert_ne!(draw(7, 100, ALL), draw(8, 100, ALL));
        let count: usize = draw(7, 100, ALL).iter().map(|strike| strike.faults.len()).sum();
        assert_eq!(count, 100);
    }

    #[test]
    fn no_link_is_cut_twice_at_once() {
        let cuts = |strike: &Strike| {
            let cut = strike.faults.iter().filter(|it| matches!(it, Fault::Cut(..)));
            cut.count()
        };
        assert!(draw(77, 2_000, ALL).iter().all(|strike| cuts(strike) < 2));
    }

    #[test]
    fn means_that_are_not_there_are_not_used() {
        let means = Means {
            links: false,
            rates: false,
            disk: false,
            clock: false,
        };
        let faults: Vec<Fault> = draw(7, 500, means).into_iter().flat_map(|it| it.faults).collect();
        let unavailable = |it: &Fault| {
            matches!(
                it,
                Fault::Cut(..) | Fault::CutBetween(..) | Fault::Slow(..) | Fault::FillDisk | Fault::SetClock(_)
            )
        };
        assert!(!faults.iter().any(unavailable));
        assert!(faults.contains(&Fault::KillEverything) && faults.contains(&Fault::Scale));
    }
}
