//! Connections: listeners, TLS, frames, and the loop that serves one connection.

mod frame;
mod listener;
mod serve;
mod tls;
mod write;

pub(crate) use listener::BoundListener;
pub use listener::ListenerError;
pub(crate) use serve::BUDGET_UNIT_BYTES;
pub use tls::TlsError;
pub(crate) use tls::TlsIdentity;
