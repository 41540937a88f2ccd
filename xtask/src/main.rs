//! `cargo xtask`: the one way in.

fn main() {}
