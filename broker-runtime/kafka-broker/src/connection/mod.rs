//! Connections: listeners, TLS, frames, and the loop that serves one connection.

mod frame;
mod limits;
mod listener;
mod memory;
mod own_certificate;
mod serve;
mod tls;
mod write;

pub(crate) use limits::ConnectionLimits;
pub(crate) use listener::BoundListener;
pub use listener::ListenerError;
pub(crate) use memory::{MemoryBudget, MemoryShare};
pub(crate) use own_certificate::OwnCertificate;
pub use tls::TlsError;
pub(crate) use tls::TlsIdentity;
