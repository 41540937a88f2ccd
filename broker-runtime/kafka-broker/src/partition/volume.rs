//! The declared size of a broker's volume: when its logs have so many bytes, producers are refused until retention, deletion or a
//! larger volume makes room. Reading, replication and what groups commit go on.

use std::{
    fmt,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use tracing::{info, warn};

/// No size is declared.
const UNLIMITED: u64 = u64::MAX;

/// The volume of a broker.
#[derive(Debug)]
pub(crate) struct Volume {
    size: AtomicU64,
    /// As last measured, and what producers have sent since.
    used: AtomicU64,
    full: AtomicBool,
}

/// Why records are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VolumeFull {
    used: u64,
    size: u64,
}

impl Default for Volume {
    fn default() -> Self {
        Self {
            size: AtomicU64::new(UNLIMITED),
            used: AtomicU64::new(0),
            full: AtomicBool::new(false),
        }
    }
}

impl Volume {
    /// Its size from now on, bytes.
    pub(crate) fn resize(&self, size: Option<u64>) {
        self.size.store(size.unwrap_or(UNLIMITED), Ordering::Release);
    }

    /// True when a size is declared.
    pub(crate) fn is_limited(&self) -> bool {
        self.size.load(Ordering::Acquire) != UNLIMITED
    }

    /// What logs have now, bytes.
    pub(crate) fn measured(&self, used: u64) {
        self.used.store(used, Ordering::Release);
        if used < self.size.load(Ordering::Acquire) && self.full.swap(false, Ordering::AcqRel) {
            info!(used, "the volume has room again");
        }
    }

    /// Makes room for what a producer has sent.
    pub(crate) fn admit(&self, bytes: usize) -> Result<(), VolumeFull> {
        let size = self.size.load(Ordering::Acquire);
        if size == UNLIMITED {
            return Ok(());
        }
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        // What is refused is never counted, not for a moment: the logs may be measured in between.
        let fits = |used: u64| used.checked_add(bytes).filter(|after| *after <= size);
        let Err(used) = self.used.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits) else {
            return Ok(());
        };
        if !self.full.swap(true, Ordering::AcqRel) {
            warn!(used, size, "the volume is full: producers are refused");
        }
        Err(VolumeFull { used, size })
    }
}

impl fmt::Display for VolumeFull {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "the volume of the broker is full: its logs have {} of {} bytes",
            self.used, self.size
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_until_there_is_room() {
        let volume = Volume::default();
        assert!(!volume.is_limited());
        assert_eq!(volume.admit(usize::MAX), Ok(()));
        volume.resize(Some(1000));
        volume.measured(600);
        assert_eq!(volume.admit(400), Ok(()));
        assert_eq!(volume.admit(1), Err(VolumeFull { used: 1000, size: 1000 }));
        volume.measured(300);
        assert_eq!(volume.admit(701), Err(VolumeFull { used: 300, size: 1000 }));
        assert_eq!(volume.admit(700), Ok(()), "what was refused takes no room");
        volume.resize(Some(2000));
        assert_eq!(volume.admit(1000), Ok(()));
        volume.resize(None);
        assert_eq!(volume.admit(usize::MAX), Ok(()));
    }
}
