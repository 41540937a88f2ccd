//! The control plane as a whole: opened once, then served until it is told to end.

use std::{net::IpAddr, path::PathBuf, sync::Arc, time::Duration};

use clock::Clock;
use engine::Engine;
use host_link::RemoteFleet;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    access::{Credentials, Identities},
    http, reconcilers,
    services::{Entrance, Services},
    store::{SecretBox, Store},
    tls::TlsFiles,
};

/// What a control plane needs.
pub struct ControlPlaneConfig {
    /// Where its files are.
    pub data_dir: PathBuf,
    /// What runs brokers.
    pub engine: Arc<dyn Engine>,
    /// The hosts that join it; shared with an engine that uses them.
    pub fleet: Arc<RemoteFleet>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Version of the program.
    pub version: String,
    /// The address of this machine that others reach, for clusters with public access.
    pub public_address: Option<IpAddr>,
    /// How long a host may be away before it is declared dead; `None` leaves that to people.
    pub host_dead_after: Option<Duration>,
}

/// A socket of the API.
pub struct ApiListener {
    /// The socket.
    pub listener: TcpListener,
    /// Its TLS; without it the API is plain HTTP, which no other machine should reach.
    pub tls: Option<TlsFiles>,
}

/// Why a control plane cannot be opened.
#[derive(Debug, Error)]
#[error("{what}")]
pub struct OpenError {
    what: &'static str,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl OpenError {
    fn new(what: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            what,
            source: source.into(),
        }
    }
}

/// A control plane that is ready to serve.
pub struct ControlPlane {
    services: Arc<Services>,
    identities: Arc<Identities>,
    audit: Arc<http::AuditLog>,
}

impl ControlPlane {
    /// Opens the store, and makes keys where there are none. Nothing is served or changed yet.
    pub async fn open(config: ControlPlaneConfig) -> Result<Self, OpenError> {
        let data_dir = &config.data_dir;
        let secret_box = SecretBox::open(&data_dir.join("encryption.key"))
            .map_err(|error| OpenError::new("the encryption key cannot be used", error))?;
        let store = Store::open(&data_dir.join("state.db"))
            .map_err(|error| OpenError::new("the state database cannot be opened", error))?;
        let credentials = Credentials::open(&data_dir.join("credentials"))
            .map_err(|error| OpenError::new("the credentials cannot be used", error))?;
        let audit = http::AuditLog::open(&data_dir.join("logs/audit.jsonl"))
            .map_err(|error| OpenError::new("the audit log cannot be written", error))?;
        let mut services = Services::new(
            store,
            secret_box,
            config.engine,
            config.fleet,
            config.clock,
            config.version,
        );
        services.public_address = config.public_address;
        services.host_dead_after = config.host_dead_after;
        services.buckets = data_dir.join("buckets");
        // Engines find their hosts before they are asked for anything.
        reconcilers::set_hosts(&services).map_err(|error| OpenError::new("the hosts cannot be read", error))?;
        let (services, identities, audit) = (
            Arc::new(services),
            Arc::new(Identities::new(credentials)),
            Arc::new(audit),
        );
        let logins = http::SignedLogins::new(&services, Arc::clone(&identities), Arc::clone(&audit));
        services.engine.authenticate_with(Arc::new(logins));
        Ok(Self {
            services,
            identities,
            audit,
        })
    }

    /// Answers the API on `listeners` and reconciles, until `until` is cancelled. Brokers go on.
    pub async fn serve(self, listeners: Vec<ApiListener>, until: CancellationToken) -> std::io::Result<()> {
        let mut listening = Vec::new();
        for ApiListener { listener, tls } in listeners {
            if let Some(files) = &tls {
                let entrance = entrance(files, &listener).map_err(std::io::Error::other)?;
                // One listener has TLS; of several, hosts join at the first.
                let _ = self.services.entrance.set(entrance);
            }
            let tls = tls.as_ref().map(TlsFiles::acceptor).transpose();
            let tls = tls.map_err(std::io::Error::other)?;
            listening.push(http::Listening { listener, tls });
        }
        let reconciling = [
            tokio::spawn(reconcilers::run(Arc::clone(&self.services), until.clone())),
            tokio::spawn(reconcilers::observe(Arc::clone(&self.services), until.clone())),
            tokio::spawn(reconcilers::follow_load(Arc::clone(&self.services), until.clone())),
            tokio::spawn(reconcilers::rebalance(Arc::clone(&self.services), until.clone())),
            tokio::spawn(reconcilers::relocate(Arc::clone(&self.services), until.clone())),
            tokio::spawn(reconcilers::ask_hosts(
                Arc::clone(&self.services),
                Arc::clone(&self.audit),
                until.clone(),
            )),
            tokio::spawn(reconcilers::renew_certificates(
                Arc::clone(&self.services),
                until.clone(),
            )),
        ];
        let served = http::serve(self.services, self.identities, self.audit, listening, until.clone()).await;
        until.cancel();
        // A reconciler that was cut off is taken up by the next control plane.
        for task in reconciling {
            task.abort();
        }
        served
    }
}

fn entrance(files: &TlsFiles, listener: &TcpListener) -> Result<Entrance, Box<dyn std::error::Error + Send + Sync>> {
    let address = listener.local_addr()?;
    // Hosts elsewhere cannot know "this machine, under any address".
    let host = match address.ip() {
        ip if ip.is_unspecified() => files.host_name.clone(),
        IpAddr::V6(ip) => format!("[{ip}]"),
        ip => ip.to_string(),
    };
    Ok(Entrance {
        address: format!("{host}:{}", address.port()),
        fingerprint: files.fingerprint()?,
    })
}
