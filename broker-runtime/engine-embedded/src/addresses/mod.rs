//! Loopback addresses: which block a cluster gets, whether its ports are free, and who holds them if not.

mod block;
mod holder;
mod ports;

pub use block::AddressBlock;
pub(crate) use block::{BROKERS_MAX, choose};
pub use holder::{PortHolder, holder_of};
pub use ports::{INTERNAL, PLAINTEXT, SASL_SCRAM, TLS, open_ports};
pub(crate) use ports::{PortTaken, probe};
