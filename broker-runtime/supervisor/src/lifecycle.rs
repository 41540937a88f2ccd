//! What to do next with a process: a plain value with a function from event to new value plus command.
//!
//! ```text
//!            Wanted                Started                Exited
//!   Idle ─────────────► Starting ───────────► Running ─────────────► Waiting
//!    ▲                   ▲    │ StartFailed      │                    │  │
//!    │                   │    └──────────────────┼──────────► Waiting │  │
//!    │                   └─────── DelayElapsed ──┼────────────────────┘  │
//!    │ Exited                                    │ Unwanted              │ Unwanted
//!    └───────────────── Stopping ◄───────────────┘                       │
//!    └───────────────────────────────────────────────────────────────────┘
//! ```
//!
//! `Wanted` while it stops means that it is started again as soon as it has ended: that is a restart on request.

use std::time::Duration;

/// When a process that has ended is started again: at once the first time, then after delays that double, until it has
/// been running for `healthy_after`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartPolicy {
    /// Delay before the second start in a row.
    pub delay_min: Duration,
    /// Longest delay.
    pub delay_max: Duration,
    /// A process that has been running for this long is healthy: the next restart counts as the first.
    pub healthy_after: Duration,
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self {
            delay_min: Duration::from_millis(100),
            delay_max: Duration::from_secs(10),
            healthy_after: Duration::from_secs(10),
        }
    }
}

impl RestartPolicy {
    /// Delay before the restart with this number, counted from 0 since the process was last healthy.
    pub fn delay(&self, restart: u32) -> Duration {
        let Some(doublings) = restart.checked_sub(1) else {
            return Duration::ZERO;
        };
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        self.delay_min.saturating_mul(factor).min(self.delay_max)
    }
}

/// Where a process is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It does not run and should not.
    Idle,
    /// It is being started.
    Starting,
    /// It runs.
    Running,
    /// It does not run and will be started when a delay is over.
    Waiting,
    /// It was asked to end.
    Stopping,
}

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It should run.
    Wanted,
    /// It should not run.
    Unwanted,
    /// It runs now.
    Started,
    /// It could not be started.
    StartFailed,
    /// It has ended, for whatever reason.
    Exited,
    /// The delay before a restart is over.
    DelayElapsed,
}

/// Something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Nothing.
    Nothing,
    /// Start it.
    Start,
    /// Send `DelayElapsed` after this time.
    Wait(Duration),
    /// Make it end.
    Terminate,
}

/// Life of one process.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    policy: RestartPolicy,
    phase: Phase,
    wanted: bool,
    restarts: u32,
    started_at: Duration,
}

impl Lifecycle {
    /// A process that does not run and is not wanted.
    pub fn new(policy: RestartPolicy) -> Self {
        Self {
            policy,
            phase: Phase::Idle,
            wanted: false,
            restarts: 0,
            started_at: Duration::ZERO,
        }
    }

    /// Where it is.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Restarts since it was last seen healthy.
    pub fn restarts(&self, now: Duration) -> u32 {
        if self.is_healthy(now) { 0 } else { self.restarts }
    }

    /// Takes note of what happened at `now` (a monotonic time) and says what to do.
    pub fn apply(&mut self, event: Event, now: Duration) -> Command {
        match (event, self.phase) {
            (Event::Wanted, phase) => {
                self.wanted = true;
                if phase == Phase::Idle {
                    self.start()
                } else {
                    Command::Nothing
                }
            }
            (Event::Unwanted, phase) => {
                self.wanted = false;
                match phase {
                    Phase::Running => {
                        self.phase = Phase::Stopping;
                        Command::Terminate
                    }
                    Phase::Waiting => {
                        self.phase = Phase::Idle;
                        Command::Nothing
                    }
                    Phase::Idle | Phase::Starting | Phase::Stopping => Command::Nothing,
                }
            }
            (Event::Started, Phase::Starting) if self.wanted => {
                self.phase = Phase::Running;
                self.started_at = now;
                Command::Nothing
            }
            (Event::Started, Phase::Starting) => {
                self.phase = Phase::Stopping;
                Command::Terminate
            }
            (Event::StartFailed, Phase::Starting) | (Event::Exited, Phase::Running) if self.wanted => self.wait(now),
            (Event::StartFailed, Phase::Starting) => {
                self.phase = Phase::Idle;
                Command::Nothing
            }
            (Event::Exited, Phase::Stopping) => {
                self.restarts = 0;
                self.phase = Phase::Idle;
                if self.wanted { self.start() } else { Command::Nothing }
            }
            (Event::DelayElapsed, Phase::Waiting) => self.start(),
            (Event::Started | Event::StartFailed | Event::Exited | Event::DelayElapsed, _) => Command::Nothing,
        }
    }

    fn start(&mut self) -> Command {
        self.phase = Phase::Starting;
        Command::Start
    }

    fn wait(&mut self, now: Duration) -> Command {
        if self.is_healthy(now) {
            self.restarts = 0;
        }
        let delay = self.policy.delay(self.restarts);
        self.restarts = self.restarts.saturating_add(1);
        if delay.is_zero() {
            return self.start();
        }
        self.phase = Phase::Waiting;
        Command::Wait(delay)
    }

    fn is_healthy(&self, now: Duration) -> bool {
        self.phase == Phase::Running && now.saturating_sub(self.started_at) >= self.policy.healthy_after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RestartPolicy = RestartPolicy {
        delay_min: Duration::from_millis(100),
        delay_max: Duration::from_millis(350),
        healthy_after: Duration::from_secs(10),
    };

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn running() -> Lifecycle {
        let mut life = Lifecycle::new(POLICY);
        assert_eq!(life.apply(Event::Wanted, at(0)), Command::Start);
        assert_eq!(life.apply(Event::Started, at(0)), Command::Nothing);
        life
    }

    #[test]
    fn first_restart_is_immediate_then_delays_double_up_to_the_bound() {
        let mut life = running();
        assert_eq!(life.apply(Event::Exited, at(1)), Command::Start);
        for expected in [100, 200, 350, 350] {
            life.apply(Event::Started, at(1));
            assert_eq!(
                life.apply(Event::Exited, at(1)),
                Command::Wait(Duration::from_millis(expected))
            );
            assert_eq!(life.apply(Event::DelayElapsed, at(2)), Command::Start);
        }
        assert_eq!(life.restarts(at(2)), 5);
    }

    #[test]
    fn healthy_time_resets_the_count() {
        let mut life = running();
        for _ in 0..3 {
            if life.apply(Event::Exited, at(1)) != Command::Start {
                life.apply(Event::DelayElapsed, at(1));
            }
            life.apply(Event::Started, at(1));
        }
        assert_eq!(life.restarts(at(2)), 3);
        assert_eq!(life.restarts(at(11)), 0);
        assert_eq!(life.apply(Event::Exited, at(11)), Command::Start);
        assert_eq!(life.restarts(at(11)), 1);
    }

    #[test]
    fn failed_start_is_repeated_with_delays() {
        let mut life = Lifecycle::new(POLICY);
        life.apply(Event::Wanted, at(0));
        assert_eq!(life.apply(Event::StartFailed, at(0)), Command::Start);
        assert_eq!(
            life.apply(Event::StartFailed, at(0)),
            Command::Wait(Duration::from_millis(100))
        );
    }

    #[test]
    fn stop_ends_it_and_nothing_starts_it_again() {
        let mut life = running();
        assert_eq!(life.apply(Event::Unwanted, at(1)), Command::Terminate);
        assert_eq!(life.apply(Event::Exited, at(2)), Command::Nothing);
        assert_eq!(life.phase(), Phase::Idle);
        assert_eq!(life.apply(Event::DelayElapsed, at(3)), Command::Nothing);
    }

    #[test]
    fn stop_during_a_delay_or_a_start_is_obeyed() {
        let mut life = running();
        life.apply(Event::Exited, at(1));
        assert_eq!(life.apply(Event::Unwanted, at(1)), Command::Nothing);
        assert_eq!(life.apply(Event::Started, at(1)), Command::Terminate);
        let mut life = running();
        life.apply(Event::Exited, at(1));
        life.apply(Event::StartFailed, at(1));
        assert_eq!(life.phase(), Phase::Waiting);
        assert_eq!(life.apply(Event::Unwanted, at(1)), Command::Nothing);
        assert_eq!(life.phase(), Phase::Idle);
    }

    #[test]
    fn wanted_while_it_stops_starts_it_again() {
        let mut life = running();
        life.apply(Event::Unwanted, at(1));
        assert_eq!(life.apply(Event::Wanted, at(1)), Command::Nothing);
        assert_eq!(life.apply(Event::Exited, at(2)), Command::Start);
    }
}
