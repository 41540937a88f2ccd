//! `broker-runtime node-exporter`: the page of metrics of this machine, until it is told to end. Brokers of the embedded engine serve
//! theirs themselves; those of Apache Kafka are Java, and have this process beside them.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use exporter::Exporter;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{logging, serve};

/// Threads that read `/proc` and ask file systems, at most, and how long an idle one is kept. A file system that does not answer
/// holds one up.
const BLOCKING_THREADS_MAX: usize = 4;
const BLOCKING_THREAD_IDLE: Duration = Duration::from_secs(2);
/// How long whoever is being answered may take when it ends.
const END_LIMIT: Duration = Duration::from_secs(1);

/// Serves the page at `listen`.
pub(crate) fn run(listen: SocketAddr, log_file: Option<&Path>, log_filter: &str) -> Result<()> {
    match log_file {
        Some(path) => logging::to_file(log_filter, path)?,
        None => logging::to_stderr(log_filter),
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_keep_alive(BLOCKING_THREAD_IDLE)
        .enable_all()
        .build()
        .context("the exporter cannot start")?;
    runtime.block_on(async {
        let ended = serve::termination()?;
        let (tasks, until) = (TaskTracker::new(), CancellationToken::new());
        let exporter = Exporter {
            name: "node",
            address: listen,
            fill: Arc::new(exporter::machine_text),
        };
        tasks.spawn(exporter.serve(tasks.clone(), until.clone()));
        ended.await;
        until.cancel();
        tasks.close();
        tasks.wait().await;
        anyhow::Ok(())
    })?;
    runtime.shutdown_timeout(END_LIMIT);
    Ok(())
}
