//! The provider's one connection to a control plane, made when the first call needs it and not before.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::SystemTime,
};

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
        /// File with the certificates of authorities that it is believed by, PEM; `None`: those of the system.
        ca_file: Option<PathBuf>,
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
    #[error("{path:?} cannot be read: {source}")]
    CaFile {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
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

    /// The client, where somebody is there to talk to; no runtime is started for it.
    pub(crate) async fn client_if_running(&self) -> Option<&Client> {
        if let Target::Bundled { runtime, .. } = &self.target
            && self.client.get().is_none()
            && !runtime.is_running(&Unsigned(self.now)).await
        {
            return None;
        }
        self.client().await.ok()
    }

    async fn connect(&self) -> Result<Client, ConnectError> {
        let (endpoint, credentials, authorities) = match &self.target {
            Target::Endpoint {
                endpoint,
                credentials,
                ca_file,
            } => {
                // A variable that is set for others is none of the business of an endpoint without TLS.
                let ca_file = ca_file.as_deref().filter(|_| endpoint.starts_with("https:"));
                let authorities = ca_file.map(read).transpose()?;
                // Find out at once, and without the patience of later calls, whether anybody is there.
                let probe = self.new_client(endpoint, None, authorities.clone(), false)?;
                probe.describe_runtime().await?;
                (endpoint.clone(), credentials.clone(), authorities)
            }
            Target::Bundled { runtime, region } => {
                let access = runtime.connect(&Unsigned(self.now)).await?;
                let region = region.clone().or(access.region);
                let credentials = Credentials {
                    access_key: access.access_key,
                    secret_key: access.secret_key,
                    region: region.unwrap_or_else(|| REGION.to_owned()),
                };
                (access.endpoint, credentials, None)
            }
        };
        Ok(self.new_client(&endpoint, Some(credentials), authorities, true)?)
    }

    fn new_client(
        &self,
        endpoint: &str,
        credentials: Option<Credentials>,
        authorities_pem: Option<Vec<u8>>,
        patient: bool,
    ) -> Result<Client, Error> {
        Client::new(Settings {
            endpoint: endpoint.to_owned(),
            authorities_pem,
            credentials,
            now: self.now,
            patient,
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ConnectError> {
    std::fs::read(path).map_err(|source| ConnectError::CaFile {
        path: path.to_owned(),
        source,
    })
}

/// Asks for the version without credentials, which are read only once somebody answers.
struct Unsigned(fn() -> SystemTime);

impl Probe for Unsigned {
    async fn version(&self, endpoint: &str) -> Option<String> {
        let client = Client::new(Settings {
            endpoint: endpoint.to_owned(),
            authorities_pem: None,
            credentials: None,
            now: self.0,
            patient: false,
        });
        let runtime = client.ok()?.describe_runtime().await.ok()?;
        Some(runtime.version)
    }
}
