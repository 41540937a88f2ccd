//! Connections: listeners, TLS, frames, and the loop that serves one connection.

mod frame;
mod listener;
mod own_certificate;
mod serve;
mod tls;
mod write;

pub use listener::ListenerError;
pub(crate) use listener::{BoundListener, listening_socket};
pub(crate) use own_certificate::OwnCertificate;
pub(crate) use serve::BUDGET_UNIT_BYTES;
pub use tls::TlsError;
pub(crate) use tls::TlsIdentity;
