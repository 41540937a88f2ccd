//! Planning: what a change will look like, and the rules that Terraform holds every answer to. Pure functions.

mod guards;
mod nested_elements;
mod propose;
mod validate;

pub use guards::{check_applied, check_looked_up, check_planned, check_read};
pub(crate) use nested_elements::map_elements;
pub use propose::{Proposal, propose};
pub(crate) use propose::{spelled_as_before, without_write_only};
pub use validate::validate;
