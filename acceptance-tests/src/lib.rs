//! What the acceptance tests share: the tools that `cargo xtask` prepared, a runtime and a Terraform working directory
//! that clean up after themselves, waiting with a deadline, and the history checker.
//!
//! Each folder beside `src/` is one test binary with libtest's output. A test whose tool is missing is listed as
//! ignored, loudly; with `OPENMSK_REQUIRE_TOOLS=1`, as in CI, it fails instead.

pub mod apache_kafka;
pub mod archives;
pub mod binaries;
pub mod cluster;
pub mod copies;
pub mod folder;
pub mod genuine_cluster;
pub mod history;
pub mod interrupt;
pub mod java;
pub mod load;
pub mod outside;
pub mod processes;
pub mod program;
pub mod registry_docs;
pub mod runtime;
pub mod schedule;
pub mod suite;
pub mod terraform;
pub mod tools;
pub mod wait;
