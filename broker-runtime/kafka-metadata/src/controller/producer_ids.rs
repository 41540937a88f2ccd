//! Blocks of producer ids (KIP-730).

use super::draft::Draft;
use crate::{
    MetadataRecord,
    rpc::{ControllerError, ControllerResponse},
};

/// Length of a block, as in Kafka.
const BLOCK: i32 = 1000;

/// Gives out the next block; no id is ever given out twice.
pub(super) fn allocate(draft: &mut Draft<'_>) -> Result<ControllerResponse, ControllerError> {
    let first = draft.image().next_producer_id;
    let Some(next_producer_id) = first.checked_add(BLOCK.into()) else {
        return Err(ControllerError::PolicyViolation(
            "all producer ids have been given out".to_owned(),
        ));
    };
    draft.push(MetadataRecord::ProducerIds { next_producer_id });
    Ok(ControllerResponse::ProducerIds { first, count: BLOCK })
}
