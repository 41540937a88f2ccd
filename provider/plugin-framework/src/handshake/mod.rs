//! How a plugin host and a plugin meet: cookie, protocol version, socket, certificates, and the line that tells.

mod environment;
mod line;
mod pinned_client;
mod socket;
mod tls;

pub use environment::{HandshakeError, HostEnvironment};
pub(crate) use line::handshake_line;
pub(crate) use socket::Socket;
pub(crate) use tls::{ServerIdentity, server_identity};
