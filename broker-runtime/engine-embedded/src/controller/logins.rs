//! Logins by signature: brokers ask over the connection they have to the controller, which does not decide itself and
//! keeps no record of it.

use std::{
    fmt,
    net::IpAddr,
    sync::{Arc, OnceLock},
};

use engine::{IamAuthenticator, IamLogin, Secret};
use kafka_metadata::rpc::{ControllerError, ControllerResponse, PresignedUrl};
use uuid::Uuid;

/// Decides on logins to one cluster.
#[derive(Clone)]
pub struct Logins {
    cluster_id: Uuid,
    authenticator: Arc<OnceLock<Arc<dyn IamAuthenticator>>>,
}

impl fmt::Debug for Logins {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Logins").finish_non_exhaustive()
    }
}

impl Logins {
    /// For the cluster with this id.
    pub fn new(cluster_id: Uuid, authenticator: Arc<OnceLock<Arc<dyn IamAuthenticator>>>) -> Self {
        Self {
            cluster_id,
            authenticator,
        }
    }

    /// Asks whoever knows the keys. It looks into a database: not for a thread that must not wait.
    pub(super) fn decide(&self, url: PresignedUrl, source: IpAddr) -> Result<ControllerResponse, ControllerError> {
        let Some(authenticator) = self.authenticator.get() else {
            return Err(ControllerError::NotController);
        };
        let login = IamLogin {
            url: Secret::new(url.0),
            source,
        };
        match authenticator.authenticate(self.cluster_id, &login) {
            Ok(principal) => Ok(ControllerResponse::Authenticated { principal }),
            Err(refusal) => Err(ControllerError::AuthenticationRefused(refusal.0)),
        }
    }
}
