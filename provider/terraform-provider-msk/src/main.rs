//! The `terraform-provider-msk` plugin binary.

fn main() {}
