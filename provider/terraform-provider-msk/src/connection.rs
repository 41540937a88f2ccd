//! The provider's one connection to a control plane, made when the first call needs it and not before.

use std::{fmt, time::SystemTime};

use control_plane_client::{Client, Credentials, Error, Settings};
use tokio::sync::OnceCell;

use crate::bundled_runtime::{BundledRuntime, BundledRuntimeError, Probe};

/// Region of a runtime that does not name another.
pub(crate) const REGION: &str = "us-east-1";

/// Where the control plane is, as the provider block and the environment say.
pub(crate) enum Target {
    /// A control plane somebody else runs.
    Endpoint {
        /// Its address.
        endpoint: String,
        /// The key to sign with.
        credentials: Credentials,
    },
    /// The runtime that is shipped with the provider.
    Bundled {
        /// Where it is found and keeps its state.
        runtime: BundledRuntime,
        /// Region to sign for, if not the one in the runtime's credentials file.
        region: Option<String>,
    },
}

/// Why there is no control plane to talk to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error(transparent)]
    Bundled(#[from] BundledRuntimeError),
    #[error(transparent)]
    Call(#[from] Error),
}

/// A connection that comes about at its first use and is shared by all resources.
pub(crate) struct Connection {
    target: Target,
    now: fn() -> SystemTime,
    client: OnceCell<Client>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl Connection {
    /// A connection to `target`. Nothing is started or sent yet.
    pub(crate) fn new(target: Target, now: fn() -> SystemTime) -> Self {
        Self {
            target,
            now,
            client: OnceCell::new(),
        }
    }

    /// The client. The first caller connects, the others wait for it; after a failure the next caller tries again.
    pub(crate) async fn client(&self) -> Result<&Client, ConnectError> {
        self.client.get_or_try_init(|| self.connect()).await
    }

    async fn connect(&self) -> Result<Client, ConnectError> {
        let (endpoint, credentials) = match &self.target {
            Target::Endpoint { endpoint, credentials } => {
                // Find out at once, and without the patience of later calls, whether anybody is there.
                let probe = self.new_client(endpoint, None, false)?;
                probe.describe_runtime().await?;
                (endpoint.clone(), credentials.clone())
            }
            Target::Bundled { runtime, region } => {
                let access = runtime.connect(&Unsigned(self.now)).await?;
                let region = region.clone().or(access.region);
                let credentials = Credentials {
                    access_key: access.access_key,
                    secret_key: access.secret_key,
                    region: region.unwrap_or_else(|| REGION.to_owned()),
                };
                (access.endpoint, credentials)
            }
        };
        Ok(self.new_client(&endpoint, Some(credentials), true)?)
    }

    fn new_client(&self, endpoint: &str, credentials: Option<Credentials>, patient: bool) -> Result<Client, Error> {
        Client::new(Settings {
            endpoint: endpoint.to_owned(),
            credentials,
            now: self.now,
            patient,
        })
    }
}

/// Asks for the version without credentials, which are read only once somebody answers.
struct Unsigned(fn() -> SystemTime);

impl Probe for Unsigned {
    async fn version(&self, endpoint: &str) -> Option<String> {
        let client = Client::new(Settings {
            endpoint: endpoint.to_owned(),
            credentials: None,
            now: self.0,
            patient: false,
        });
        let runtime = client.ok()?.describe_runtime().await.ok()?;
        Some(runtime.version)
    }
}
