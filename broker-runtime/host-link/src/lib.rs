//! The link between a control plane and the agents of its hosts. Control planes ask and agents answer, never the other way
//! round but for the one call by which a host joins.
//!
//! [`wire`] is what goes over it. Both ends show certificates of the fleet's own [`FleetAuthority`]: an agent that of a host,
//! the control plane that of a client, so that neither can be taken for the other. A [`RemoteFleet`] is the hosts that joined,
//! as [`hosts::Fleet`]; a [`JoinToken`] is what lets one join, and [`Pinned`] how it knows whom it gives the token to.

mod authority;
mod fleet;
mod pinned;
mod remote_host;
mod tls;
mod token;
pub mod wire;

pub use authority::{AuthorityError, FleetAuthority, HostKey, HostRequest, not_after_ms};
pub use fleet::{HostEntry, RemoteFleet, Standing};
pub use pinned::{Pinned, fingerprint};
pub use remote_host::{LastSeen, RemoteHost};
pub use tls::{TlsError, agent_tls, client_tls, pinned_tls};
pub use token::{JoinToken, secret_hash};
