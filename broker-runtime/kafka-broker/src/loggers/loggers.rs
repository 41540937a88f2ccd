//! The levels that hold, and the way to whoever writes the lines. They are kept in memory only: a process that starts again has
//! those that it is started with.

use std::fmt;

use parking_lot::Mutex;

use super::{Levels, LogLevel};

/// Has lines written as a filter of `tracing` says from now on; else says why it cannot.
pub type ApplyFilter = Box<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// The loggers of this process.
pub struct Loggers {
    levels: Mutex<Levels>,
    apply: ApplyFilter,
}

impl fmt::Debug for Loggers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Loggers")
            .field("levels", &self.levels)
            .finish_non_exhaustive()
    }
}

impl Loggers {
    /// Those that have these levels now.
    pub fn new(levels: Levels, apply: ApplyFilter) -> Self {
        Self {
            levels: Mutex::new(levels),
            apply,
        }
    }

    /// Of a process whose lines nobody writes: there is the root, and it says nothing.
    pub fn silent() -> Self {
        Self::new(Levels::read("off", []), Box::new(|_| Ok(())))
    }

    /// Levels as they are now.
    pub fn levels(&self) -> Levels {
        self.levels.lock().clone()
    }

    /// Makes the changes, all of them or, where the filter cannot be applied, none. No level: that of the loggers around it.
    pub(crate) fn alter(&self, changes: &[(&str, Option<LogLevel>)]) -> Result<(), String> {
        let mut levels = self.levels.lock();
        let mut altered = levels.clone();
        for (name, level) in changes {
            match level {
                Some(level) => altered.set(name, *level),
                None => altered.unset(name),
            }
        }
        (self.apply)(&altered.filter())?;
        *levels = altered;
        Ok(())
    }
}
