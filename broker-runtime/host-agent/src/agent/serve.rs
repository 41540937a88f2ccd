//! Listens for the control plane: TLS with certificates on both sides, one order a request.

use std::{convert::Infallible, fs, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use clock::Clock;
use host_link::wire::{Answer, BUNDLES_PATH, ORDER_BYTES_MAX, ORDERS_PATH, Order};
use hosts::{BundleDigest, Host, HostError};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode, body::Bytes, body::Incoming, server::conn::http1, service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use thiserror::Error;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    certificates::Certificates,
    folder::{AgentFolder, FolderError},
    orders::Agent,
};
use crate::{LocalHost, LocalHostConfig};

/// Connections at the same time; the control plane needs a few.
const CONNECTIONS_MAX: usize = 64;
/// How long a handshake, a head, and each part of a body may take.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
const HEAD_LIMIT: Duration = Duration::from_secs(60);
const BODY_LIMIT: Duration = Duration::from_secs(60);
/// How long orders under way may take once the end has come.
const GRACE: Duration = Duration::from_secs(2);
/// How long nobody is taken in when the system gives no more descriptors.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// What an agent needs to run.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// Data directory of the host; absolute.
    pub data_directory: PathBuf,
    /// Where programs are looked up.
    pub search_path: std::ffi::OsString,
    /// This program; absolute.
    pub own_program: PathBuf,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// Why an agent does not run.
#[derive(Debug, Error)]
pub enum AgentError {
    /// Let the host join.
    #[error("this host has not joined yet: `broker-runtime host-agent join` with a token of the control plane lets it")]
    NotJoined,
    /// Mend its folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Mend its certificate.
    #[error("the certificate of the agent cannot be used")]
    Certificate(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Mend the host.
    #[error(transparent)]
    Host(#[from] HostError),
    /// Free the address.
    #[error("the agent cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Runs the agent of a host that has joined, until `until` is cancelled. Processes go on.
pub async fn run(config: AgentConfig, until: CancellationToken) -> Result<(), AgentError> {
    let folder = AgentFolder::new(&config.data_directory);
    let _lock = folder.lock()?;
    let membership = folder.membership()?.ok_or(AgentError::NotJoined)?;
    let certificates = Certificates::open(folder).map_err(AgentError::Certificate)?;
    let address = membership.listen;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|source| AgentError::Listen { address, source })?;
    let host = LocalHost::open(LocalHostConfig {
        data_directory: config.data_directory,
        host_id: membership.host_id,
        name: membership.name.clone(),
        zone: membership.zone.clone(),
        address: membership.address,
        search_path: config.search_path,
        own_program: config.own_program,
        clock: Arc::clone(&config.clock),
    })
    .await?;
    tracing::info!(host = membership.name, zone = membership.zone, %address, "agent takes orders");
    let clock = config.clock;
    let agent = Arc::new(Agent {
        host,
        certificates,
        clock,
    });
    accept(&agent, &listener, &until).await;
    tracing::info!("agent ends; processes go on");
    Ok(())
}

async fn accept(agent: &Arc<Agent>, listener: &TcpListener, until: &CancellationToken) {
    let connections = TaskTracker::new();
    let free = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(permit) = Arc::clone(&free).acquire_owned().await else {
            break;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = until.cancelled() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "connection cannot be accepted");
                agent.clock.sleep(EXHAUSTED_PAUSE).await;
                continue;
            }
        };
        let (agent, until) = (Arc::clone(agent), until.clone());
        connections.spawn(async move {
            let _permit = permit;
            talk(agent, stream, peer, until).await;
        });
    }
    connections.close();
    // An order that is cut off is given again.
    let _ = tokio::time::timeout(GRACE, connections.wait()).await;
}

async fn talk(agent: Arc<Agent>, stream: TcpStream, peer: SocketAddr, until: CancellationToken) {
    // Small answers go out at once; without it they only go out later.
    let _ = stream.set_nodelay(true);
    let tls = TlsAcceptor::from(agent.certificates.tls());
    let stream = match tokio::time::timeout(HANDSHAKE_LIMIT, tls.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::info!(%peer, %error, "whoever connected is not let in");
            return;
        }
        Err(_) => {
            tracing::info!(%peer, "handshake took too long");
            return;
        }
    };
    let service = service_fn(move |request| {
        let agent = Arc::clone(&agent);
        async move { Ok::<_, Infallible>(answer(agent, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = until.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "connection ended early");
    }
}

async fn answer(agent: Arc<Agent>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let path = request.uri().path().to_owned();
    let answered = match (request.method(), path.as_str()) {
        (&Method::POST, ORDERS_PATH) => read(request.into_body()).await.map(|order| {
            // It is carried out to its end, also when whoever gave it hangs up.
            tokio::spawn(async move { agent.obey(order).await })
        }),
        (&Method::PUT, path) => match path.strip_prefix(BUNDLES_PATH).and_then(BundleDigest::new) {
            Some(digest) => Ok(tokio::spawn(async move {
                take_bundle(&agent, &digest, request.into_body()).await
            })),
            None => Err((StatusCode::NOT_FOUND, format!("{path} is no path of an agent"))),
        },
        _ => Err((StatusCode::NOT_FOUND, format!("{path} is no path of an agent"))),
    };
    let (status, body) = match answered {
        Ok(task) => match task.await {
            Ok(answer) => match serde_json::to_vec(&answer) {
                Ok(body) => (StatusCode::OK, body),
                Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string().into_bytes()),
            },
            Err(error) => {
                tracing::error!(%error, "order has no end");
                let text = "the agent failed; see its log".to_owned();
                (StatusCode::INTERNAL_SERVER_ERROR, text.into_bytes())
            }
        },
        Err((status, text)) => (status, text.into_bytes()),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
}

async fn read(body: Incoming) -> Result<Order, (StatusCode, String)> {
    let bad = |text: String| (StatusCode::BAD_REQUEST, text);
    let body = tokio::time::timeout(BODY_LIMIT, Limited::new(body, ORDER_BYTES_MAX).collect()).await;
    let body = body.map_err(|_| bad("the order did not come in time".to_owned()))?;
    let body = body.map_err(|error| bad(format!("the order cannot be read: {error}")))?;
    serde_json::from_slice(&body.to_bytes()).map_err(|error| bad(format!("the order is not understood: {error}")))
}

/// Takes an archive in and unpacks it.
async fn take_bundle(agent: &Agent, digest: &BundleDigest, body: Incoming) -> Answer {
    let path = agent.host.unfinished_bundle();
    let taken = async {
        store(&path, body).await.map_err(|error| HostError::Environment {
            host: agent.host.facts().name,
            problem: format!("the archive did not come in as a whole: {error}"),
            remedy: "send it again; if that does not help, look for room on the disk of the host".to_owned(),
        })?;
        agent.host.put_bundle(digest, &path).await
    };
    let answer = taken.await.map_or_else(Answer::Failed, |()| Answer::Done);
    // It may not have come to be.
    let _ = fs::remove_file(&path);
    answer
}

async fn store(path: &std::path::Path, mut body: Incoming) -> std::io::Result<()> {
    let mut file = tokio::fs::File::create_new(path).await?;
    loop {
        let frame = tokio::time::timeout(BODY_LIMIT, body.frame()).await;
        match frame.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))? {
            None => return file.flush().await,
            Some(frame) => {
                let frame = frame.map_err(std::io::Error::other)?;
                if let Some(data) = frame.data_ref() {
                    file.write_all(data).await?;
                }
            }
        }
    }
}
