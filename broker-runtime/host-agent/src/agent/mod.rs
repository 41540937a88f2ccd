//! The agent: a [`crate::LocalHost`] that takes orders over the link, from its control plane alone.

mod certificates;
mod folder;
mod orders;
mod serve;

pub use folder::{AgentFolder, FolderError, Joining, Membership};
pub use serve::{AgentConfig, AgentError, run};
