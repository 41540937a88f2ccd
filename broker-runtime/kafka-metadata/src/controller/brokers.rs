//! Life of a broker's registration (KIP-631).
//!
//! ```text
//!              register                applied ≥ own registration
//!   (unknown) ──────────► fenced ──────────────────────────────────► active
//!                           ▲  ▲                                       │ wants to stop
//!                           │  └─────── silent or gone ────────────────┤
//!                           └────────── silent or gone ──── shutting down
//! ```
//!
//! Difference from Kafka: a process that registers while another one of the same broker is alive is refused until that
//! one is fenced; one with another boot id proves that the machine, and so the old process, is gone.

use super::{draft::Draft, elections, eligible};
use crate::{
    BrokerEpoch, BrokerId, MetadataImage, MetadataOffset, MetadataRecord,
    rpc::{ControllerError, ControllerRequest, ControllerResponse},
};

/// Every request of a broker names the registration it was sent under.
pub(super) fn check_epoch(
    image: &MetadataImage,
    broker_id: BrokerId,
    broker_epoch: BrokerEpoch,
) -> Result<(), ControllerError> {
    match image.brokers.get(&broker_id) {
        Some(broker) if broker.broker_epoch == broker_epoch => Ok(()),
        _ => Err(ControllerError::StaleBrokerEpoch(broker_epoch)),
    }
}

/// Registers a process, or attaches the registered one again without a new epoch.
pub(super) fn register(
    draft: &mut Draft<'_>,
    request: ControllerRequest,
) -> Result<ControllerResponse, ControllerError> {
    let ControllerRequest::Register {
        broker_id,
        cluster_id,
        incarnation_id,
        boot_id,
        log_dirs,
        rack,
        endpoints,
        ..
    } = request
    else {
        return Err(ControllerError::InvalidRequest("a registration is expected".to_owned()));
    };
    if cluster_id != draft.image().cluster_id {
        return Err(ControllerError::InconsistentClusterId(cluster_id));
    }
    if broker_id.0 < 0 {
        return Err(ControllerError::InvalidRequest(format!(
            "broker id {broker_id} is negative"
        )));
    }
    if let Some(known) = draft.image().brokers.get(&broker_id).cloned() {
        if known.incarnation_id == incarnation_id {
            return Ok(ControllerResponse::Registered {
                broker_epoch: known.broker_epoch,
            });
        }
        if !known.fenced && known.boot_id == boot_id {
            return Err(ControllerError::DuplicateBrokerRegistration(broker_id));
        }
        fence(draft, broker_id);
        // Versions that do not tell their directories come with those they had.
        if !log_dirs.is_empty() && known.log_dirs.iter().any(|had| !log_dirs.contains(had)) {
            eligible::without_its_disk(draft, broker_id);
        }
    }
    let broker_epoch = BrokerEpoch(draft.next_offset().0);
    draft.push(MetadataRecord::BrokerRegistered {
        broker_id,
        broker_epoch,
        incarnation_id,
        boot_id,
        log_dirs,
        rack,
        endpoints,
    });
    Ok(ControllerResponse::Registered { broker_epoch })
}

/// Unfences a broker that has caught up with its registration; begins a controlled shutdown when it wants one.
pub(super) fn heartbeat(
    draft: &mut Draft<'_>,
    broker_id: BrokerId,
    applied: Option<MetadataOffset>,
    want_shutdown: bool,
) -> ControllerResponse {
    let Some(broker) = draft.image().brokers.get(&broker_id).cloned() else {
        return ControllerResponse::Heartbeat {
            fenced: true,
            should_shutdown: want_shutdown,
        };
    };
    if want_shutdown {
        if !broker.fenced && !broker.shutting_down {
            draft.push(MetadataRecord::BrokerShuttingDown { broker_id });
            elections::remove_broker(draft, broker_id);
        }
        return ControllerResponse::Heartbeat {
            fenced: broker.fenced,
            should_shutdown: true,
        };
    }
    let has_caught_up = applied.is_some_and(|applied| applied.0 >= broker.broker_epoch.0);
    if broker.fenced && !broker.shutting_down && has_caught_up {
        draft.push(MetadataRecord::BrokerUnfenced { broker_id });
        elections::elect_returned(draft, broker_id);
    }
    let fenced = broker.fenced && !has_caught_up;
    ControllerResponse::Heartbeat {
        fenced,
        should_shutdown: false,
    }
}

/// Takes a broker out of service: it leads nothing and is in no ISR.
pub(super) fn fence(draft: &mut Draft<'_>, broker_id: BrokerId) {
    if draft.image().brokers.get(&broker_id).is_none_or(|broker| broker.fenced) {
        return;
    }
    draft.push(MetadataRecord::BrokerFenced { broker_id });
    elections::remove_broker(draft, broker_id);
}
