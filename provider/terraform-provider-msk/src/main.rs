//! The provider for Terraform and OpenTofu.

mod arn;
mod bundled_runtime;
mod timeouts;

fn main() {}
