//! What requests are answered from.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::{audit::AuditLog, metrics::Metrics, paging::Pages};
use crate::{access::Identities, services::Services};

/// Calls that are answered at the same time; more are told to come back later.
const CALLS_MAX: usize = 512;

/// What every request is answered from.
pub(super) struct Api {
    pub(super) services: Arc<Services>,
    pub(super) pages: Pages,
    pub(super) identities: Arc<Identities>,
    pub(super) audit: Arc<AuditLog>,
    pub(super) metrics: Metrics,
    pub(super) calls: Arc<Semaphore>,
}

impl Api {
    pub(super) fn new(services: Arc<Services>, identities: Arc<Identities>, audit: Arc<AuditLog>) -> Self {
        Self {
            services,
            pages: Pages::new(identities.secret()),
            identities,
            audit,
            metrics: Metrics::default(),
            calls: Arc::new(Semaphore::new(CALLS_MAX)),
        }
    }
}
