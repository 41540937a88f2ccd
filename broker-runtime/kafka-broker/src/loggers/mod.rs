//! The loggers of this process, whose levels may change while it runs (KIP-412).

mod level;
mod levels;
mod loggers;

pub use level::LogLevel;
pub use levels::{Levels, ROOT_LOGGER};
pub use loggers::{ApplyFilter, Loggers};
