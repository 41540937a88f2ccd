//! A cluster comes to another engine. Not one of MSK's operations.

use control_plane_api::{extensions::UpdateEngineRequest, updates::UpdateClusterResponse};

use super::{checks, updates::begin};
use crate::{
    error::OperationError,
    queries,
    services::Services,
    store::{ClusterSettings, OperationKind},
};

/// Begins to have another engine take a cluster over. With `validate_only` it says whether that is possible, and changes nothing.
pub(crate) async fn update_engine(
    services: &Services,
    arn: &str,
    request: UpdateEngineRequest,
    validate_only: bool,
) -> Result<Option<UpdateClusterResponse>, OperationError> {
    let change = |settings: &mut ClusterSettings| {
        checks::check_provisioned(settings)?;
        if settings.engine == request.engine {
            let message = format!("engine {} runs the cluster already", settings.engine);
            return Err(OperationError::invalid("engine", message));
        }
        settings.engine.clone_from(&request.engine);
        Ok(())
    };
    if validate_only {
        let found = queries::cluster_record(services, arn)?;
        let mut wanted = found.settings.clone();
        change(&mut wanted)?;
        checks::check_with_engine(services, &found, &wanted)?;
        return Ok(None);
    }
    let version = Some(request.current_version.as_str());
    begin(services, arn, version, OperationKind::UpdateEngine, change).map(Some)
}
