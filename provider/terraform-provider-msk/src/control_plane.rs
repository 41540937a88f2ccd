//! The way from a resource to the control plane: set up by the provider block, connected at the first call.

use std::sync::{Arc, Mutex, PoisonError};

use control_plane_client::Client;
use plugin_framework::Diagnostics;

use crate::{connection::Connection, diagnostics};

/// What the provider block has said so far.
#[derive(Debug, Default)]
enum Configured {
    /// Nothing yet.
    #[default]
    NotYet,
    /// Something in it is only known after apply.
    Unknown,
    /// Everything.
    Ready(Arc<Connection>),
}

/// Shared by the provider and its resources.
#[derive(Debug, Default)]
pub(crate) struct ControlPlane(Mutex<Configured>);

impl ControlPlane {
    /// The provider block is known.
    pub(crate) fn configure(&self, connection: Connection) {
        self.set(Configured::Ready(Arc::new(connection)));
    }

    /// The provider block has values that are only known after apply.
    pub(crate) fn configure_later(&self) {
        self.set(Configured::Unknown);
    }

    /// The provider block has values that are only known after apply.
    pub(crate) fn is_configured_later(&self) -> bool {
        matches!(
            *self.0.lock().unwrap_or_else(PoisonError::into_inner),
            Configured::Unknown
        )
    }

    fn set(&self, configured: Configured) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = configured;
    }

    /// A client, where there is somebody to talk to by now. Starts nothing.
    pub(crate) async fn client_if_running(&self) -> Option<Client> {
        let connection = match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Configured::Ready(connection) => connection.clone(),
            Configured::Unknown | Configured::NotYet => return None,
        };
        connection.client_if_running().await.cloned()
    }

    /// A client that is connected. Starts the bundled runtime if it has to.
    pub(crate) async fn client(&self) -> Result<Client, Diagnostics> {
        let connection = match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Configured::Ready(connection) => connection.clone(),
            Configured::Unknown => {
                return Err(Diagnostics::from_error(
                    "The control plane is not known yet",
                    "The provider block has a value that is only known after apply, so what exists cannot be read. Apply \
                     what the value comes from first, with -target, or use a value that is known.",
                ));
            }
            Configured::NotYet => {
                return Err(Diagnostics::from_error(
                    "The provider is not configured",
                    "Terraform asked for a resource before it sent the provider block. Please report it.",
                ));
            }
        };
        let client = connection.client().await;
        client.cloned().map_err(|error| diagnostics::of_connecting(&error))
    }
}
