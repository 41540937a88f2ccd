//! The small internal Kafka client: follower fetch and admin calls.
//!
//! One [`Connection`] is one TCP or TLS connection to one broker, with requests answered one after the other. It knows
//! nothing of metadata, retries or consumer groups; followers and tests need none of that. [`AdminClient`] makes calls to
//! whichever broker of a cluster answers; [`shows`] looks at the certificate of one listener. [`ReadAhead`] is what both ends of a
//! TLS connection read from.

mod admin;
mod connection;
mod error;
mod read_ahead;
mod shown;

pub use admin::AdminClient;
pub use connection::{Connection, ConnectionOptions, TlsOptions};
pub use error::ClientError;
pub use read_ahead::ReadAhead;
pub use shown::shows;
