//! Planning: what a change will look like, and the rules that Terraform holds every answer to. Pure functions.

mod guards;
mod nested_elements;
mod propose;
mod validate;

pub use guards::{check_applied, check_looked_up, check_planned, check_read};
pub use propose::{Proposal, propose};
pub use validate::validate;
