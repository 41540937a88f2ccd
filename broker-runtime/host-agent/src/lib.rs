//! A machine as a host: [`LocalHost`] keeps files and runs processes of units on this machine, over the supervisor, and the
//! agent ([`run`]) takes orders for it from a control plane elsewhere. Neither knows anything of what the processes do.

mod agent;
mod local;

pub use agent::{AgentConfig, AgentError, AgentFolder, FolderError, Joining, Membership, run};
pub use local::{LocalHost, LocalHostConfig, unwant_all};
