//! Starts the pages that a broker is to have.

use std::sync::Arc;

use exporter::{Exporter, Fill};
use tokio_util::task::TaskTracker;

use super::{beans::Beans, health, load};
use crate::broker::Broker;

/// Starts the exporters that the configuration names; they end with the broker.
pub(crate) fn start(broker: &Arc<Broker>, tasks: &TaskTracker) {
    let told = Arc::clone(broker);
    let jmx: Fill = Arc::new(move || Ok(text(&told)));
    let node: Fill = Arc::new(exporter::machine_text);
    let pages = [
        ("jmx", broker.config.jmx_exporter, jmx),
        ("node", broker.config.node_exporter, node),
    ];
    for (name, address, fill) in pages {
        if let Some(address) = address {
            let exporter = Exporter { name, address, fill };
            tasks.spawn(exporter.serve(tasks.clone(), broker.shutdown.clone()));
        }
    }
}

/// The page of the broker.
fn text(broker: &Broker) -> String {
    let mut beans = Beans::new(broker.uptime_ms());
    load::show(&mut beans, broker);
    health::show(&mut beans, broker);
    beans.text()
}
