//! The ephemeral resources that there are.

use std::sync::Arc;

use plugin_framework::EphemeralResource;

use super::{client_configuration::ClientConfiguration, scram_password::ScramPassword};
use crate::control_plane::ControlPlane;

/// All of them.
pub(crate) fn all(control_plane: &Arc<ControlPlane>) -> Vec<Arc<dyn EphemeralResource>> {
    vec![
        Arc::new(ScramPassword::new()),
        Arc::new(ClientConfiguration::new(Arc::clone(control_plane))),
    ]
}
