//! Room for clusters: a plan asks for it before it lets logs grow.

use control_plane_api::extensions::RuntimeStorage;

use engine::chain;

use crate::{error::OperationError, services::Services};

/// What the disk of the engine has.
pub(crate) fn get_storage(services: &Services) -> Result<RuntimeStorage, OperationError> {
    let room = services.engine.storage();
    let room = room.map_err(|error| OperationError::Internal(chain(&error)))?;
    Ok(RuntimeStorage {
        free_bytes: room.free_bytes,
        total_bytes: room.total_bytes,
        free_bytes_min: room.free_bytes_min,
    })
}
