//! The services of the plugin host that we serve beside the provider: shutdown, standard streams, broker, health.

mod broker;
mod controller;
mod stdio;

pub(crate) use broker::Broker;
pub(crate) use controller::Controller;
pub(crate) use stdio::Stdio;
