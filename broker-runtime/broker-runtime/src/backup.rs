//! `broker-runtime backup` and `restore`: the state of the control plane, without the records of topics.

use std::path::Path;

use anyhow::{Result, bail};

use crate::{context::Context, output, serve_lock};

/// Copies the state into a new directory; the control plane may run.
pub(crate) fn backup(context: &Context, to: &Path) -> Result<()> {
    control_plane::backup(context.data_dir.root(), to)?;
    output::line(&format!(
        "clusters, configurations, secrets and keys are in {}; records of topics are not. It holds keys: keep it as safe as \
         the data directory",
        to.display()
    ));
    Ok(())
}

/// Puts the state of a backup into a data directory that has none.
pub(crate) fn restore(context: &Context, from: &Path) -> Result<()> {
    if let Some(holder) = serve_lock::holder(&context.data_dir) {
        bail!(
            "process {} serves {}: `broker-runtime stop` first",
            holder.pid,
            context.data_dir.root().display()
        );
    }
    control_plane::restore(from, context.data_dir.root())?;
    output::line(&format!(
        "{} has the state of the backup; the next start makes its clusters again, with empty topics where their files are \
         gone",
        context.data_dir.root().display()
    ));
    Ok(())
}
