//! What clusters have left on hosts: it is looked for, and deleted when somebody says so.

use control_plane_api::hosts::{HostLeftover, HostLeftovers};
use engine::{Leftover, chain};

use crate::{error::OperationError, services::Services};

/// Finds what no cluster needs any more; with `remove` it is gone afterwards.
pub(crate) async fn host_leftovers(services: &Services, remove: bool) -> Result<HostLeftovers, OperationError> {
    let found = services.engine.leftovers(remove).await;
    let found = found.map_err(|error| OperationError::Internal(chain(&error)))?;
    Ok(HostLeftovers {
        leftovers: found.found.into_iter().map(leftover).collect(),
        left_out: found.left_out,
    })
}

fn leftover(leftover: Leftover) -> HostLeftover {
    HostLeftover {
        host: leftover.host,
        what: leftover.what,
        path: leftover.path.display().to_string(),
        bytes: leftover.bytes,
    }
}
