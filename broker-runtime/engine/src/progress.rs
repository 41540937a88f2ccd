//! How far a change of a cluster has come.

use std::fmt;

/// What is being done, in the order of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Brokers have ended, and another engine takes what they have stored.
    TakeOver,
    /// Processes are started, and join.
    StartBrokers,
    /// Properties and users that need no restart are put in force.
    ApplySettings,
    /// Brokers are restarted, one after the other.
    RestartBrokers,
    /// Brokers take up new certificates, without a restart.
    RenewCertificates,
    /// Replicas are moved, and leaderships with them.
    MoveData,
    /// Brokers that hold nothing any more are stopped.
    StopBrokers,
    /// What only brokers of the new version can read may be written from now on.
    FinalizeVersion,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::TakeOver,
        Self::StartBrokers,
        Self::ApplySettings,
        Self::RestartBrokers,
        Self::RenewCertificates,
        Self::MoveData,
        Self::StopBrokers,
        Self::FinalizeVersion,
    ];

    /// Name, as operations show it.
    pub fn name(self) -> &'static str {
        match self {
            Self::TakeOver => "TAKE_OVER",
            Self::StartBrokers => "START_BROKERS",
            Self::ApplySettings => "APPLY_SETTINGS",
            Self::RestartBrokers => "RESTART_BROKERS",
            Self::RenewCertificates => "RENEW_CERTIFICATES",
            Self::MoveData => "MOVE_DATA",
            Self::StopBrokers => "STOP_BROKERS",
            Self::FinalizeVersion => "FINALIZE_VERSION",
        }
    }
}

/// The step that a change has come to, and how much of it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The step.
    pub step: Step,
    /// Brokers or partitions that are done, and all of them; nothing is counted when there are none.
    pub done: u64,
    /// See `done`.
    pub total: u64,
    /// Bytes that have been moved, and all that are to be, as far as that is known.
    pub bytes_done: u64,
    /// See `bytes_done`.
    pub bytes_total: u64,
    /// How long the rest will take at this pace, seconds.
    pub left_s: Option<u64>,
}

impl Progress {
    /// At the beginning of a step.
    pub fn begun(step: Step) -> Self {
        Self {
            step,
            done: 0,
            total: 0,
            bytes_done: 0,
            bytes_total: 0,
            left_s: None,
        }
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MIB: u64 = 1024 * 1024;
        if self.total == 0 {
            return formatter.write_str("begun");
        }
        let what = match self.step {
            Step::MoveData => "partitions",
            _ => "brokers",
        };
        write!(formatter, "{} of {} {what}", self.done, self.total)?;
        if self.bytes_total > 0 {
            write!(
                formatter,
                ", {} of {} MiB",
                self.bytes_done / MIB,
                self.bytes_total.div_ceil(MIB)
            )?;
        }
        if let Some(left_s) = self.left_s {
            write!(formatter, ", about {left_s} s left")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_is_said() {
        let mut progress = Progress::begun(Step::MoveData);
        assert_eq!(progress.to_string(), "begun");
        (progress.done, progress.total) = (3, 12);
        assert_eq!(progress.to_string(), "3 of 12 partitions");
        (progress.bytes_done, progress.bytes_total) = (3 << 20, 10 << 20);
        progress.left_s = Some(7);
        assert_eq!(progress.to_string(), "3 of 12 partitions, 3 of 10 MiB, about 7 s left");
    }
}
