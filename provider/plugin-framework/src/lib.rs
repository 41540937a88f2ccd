//! Terraform plugin protocol 6 in Rust: handshake, values, schemas, planning, guards and a conformance client.
