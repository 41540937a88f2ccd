//! The `broker-runtime` binary.

fn main() {}
