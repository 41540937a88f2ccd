//! Why a broker cannot run.

use thiserror::Error;

use crate::{
    config::ConfigError,
    connection::{ListenerError, TlsError},
    partition::StoreError,
};

/// Failures of a whole broker. While it runs it deals with everything else itself.
#[derive(Debug, Error)]
pub enum BrokerError {
    /// The configuration is wrong: correct it.
    #[error("broker configuration cannot be used")]
    Config(#[from] ConfigError),
    /// Certificates or keys are missing or wrong: correct them.
    #[error("broker certificates cannot be used")]
    Tls(#[from] TlsError),
    /// A listener's address cannot be used.
    #[error("broker cannot listen")]
    Listener(#[from] ListenerError),
    /// A log directory cannot be used: it is locked, foreign, or the disk fails.
    #[error("broker logs cannot be opened")]
    Store(#[from] StoreError),
    /// The operating system refuses something basic.
    #[error("broker cannot start")]
    System(#[source] std::io::Error),
}
