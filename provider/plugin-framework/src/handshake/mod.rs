//! How a plugin host and a plugin meet: cookie, protocol version, socket, certificates, and the line that tells.

mod environment;
mod line;
mod meeting;
mod pinned_client;
mod socket;
mod tls;

pub use environment::{HandshakeError, HostEnvironment};
pub(crate) use meeting::Meeting;
pub(crate) use tls::ServerIdentity;
