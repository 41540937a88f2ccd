//! What engines keep of a cluster on the machine of the control plane: files that are there in full or not at all
//! ([`durable_file`]), what has to be known of it ([`description`]), and the authority of the cluster with the certificates that it signs ([`certificates`]).

pub mod certificates;
pub mod description;
pub mod durable_file;
