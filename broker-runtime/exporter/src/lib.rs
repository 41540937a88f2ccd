//! Open monitoring: pages for Prometheus, at `/metrics` of ports of their own. Which pages there are is the caller's; the one of the
//! machine, with the names of Prometheus' node exporter, is filled here, because brokers of both engines have it.
//!
//! Story: somebody scrapes → **`Exporter::serve`** accepts and answers → `Fill`, which is [`machine_text`] or the broker's own.

mod machine;
mod serve;

pub use crate::{
    machine::text as machine_text,
    serve::{Exporter, Fill},
};
