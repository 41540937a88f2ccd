//! Loopback addresses: which block a cluster gets, whether its ports are free, and who holds them if not.

mod block;
mod endpoints;
mod holder;
mod ports;
mod shared;

pub use block::AddressBlock;
pub(crate) use block::{BROKERS_MAX, choose};
pub use endpoints::{BrokerEndpoint, Plan};
pub use holder::{PortHolder, holder_of};
pub use ports::{INTERNAL, JMX_EXPORTER, NODE_EXPORTER, PLAINTEXT, SASL_IAM, SASL_SCRAM, TLS, open_ports};
pub(crate) use ports::{PortTaken, probe};
pub use shared::SharedPorts;
pub(crate) use shared::{IPV6, SHARED_BROKERS_MAX, choose_shared};
