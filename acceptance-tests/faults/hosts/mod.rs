//! Several hosts under fire: agents, brokers, controllers, whole hosts and zones die, links are cut, and the control plane with
//! them, while a producer writes down what was acknowledged.

mod control_plane;
mod fire;
mod machine;
mod network;

pub use fire::add;
