//! Listens and reads requests in full, within limits: connections, time and size of heads and bodies.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::response::Response;
use http_body_util::{BodyExt, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::Semaphore,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{answer::answer, api::Api, audit::AuditLog, error, request::Request};
use crate::{access::Identities, services::Services};

/// Bytes of a request's body at most.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of its head at most.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Connections at the same time.
const CONNECTIONS_MAX: usize = 1024;
/// How long a client may take for a TLS handshake, for a head, and for a body.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
const HEAD_LIMIT: Duration = Duration::from_secs(30);
const BODY_LIMIT: Duration = Duration::from_secs(30);
/// How long calls under way may take once the end has come.
const GRACE: Duration = Duration::from_secs(2);
/// How long nobody is taken in when the system gives no more descriptors.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// Where calls come in.
pub(crate) struct Listening {
    /// The socket.
    pub(crate) listener: TcpListener,
    /// How connections are encrypted, if they are.
    pub(crate) tls: Option<TlsAcceptor>,
}

/// Answers the API until `until` is cancelled; calls under way are finished.
pub(crate) async fn serve(
    services: Arc<Services>,
    identities: Arc<Identities>,
    audit: Arc<AuditLog>,
    listening: Vec<Listening>,
    until: CancellationToken,
) -> io::Result<()> {
    let api = Arc::new(Api::new(services, identities, audit));
    let connections = TaskTracker::new();
    let free = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let accepting = listening
        .iter()
        .map(|one| accept(&api, one, &connections, &free, &until));
    let accepted = futures::future::try_join_all(accepting).await;
    connections.close();
    // Connections that are kept open but ask nothing must not hold the end up.
    let _ = tokio::time::timeout(GRACE, connections.wait()).await;
    accepted.map(drop)
}

/// Takes connections in until `until` is cancelled.
async fn accept(
    api: &Arc<Api>,
    listening: &Listening,
    connections: &TaskTracker,
    free: &Arc<Semaphore>,
    until: &CancellationToken,
) -> io::Result<()> {
    loop {
        let permit = tokio::select! {
            permit = Arc::clone(free).acquire_owned() => permit.map_err(io::Error::other)?,
            () = until.cancelled() => return Ok(()),
        };
        let accepted = tokio::select! {
            accepted = listening.listener.accept() => accepted,
            () = until.cancelled() => return Ok(()),
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "connection cannot be accepted");
                tokio::time::sleep(EXHAUSTED_PAUSE).await;
                continue;
            }
        };
        // Small answers go out at once; without it they only go out later.
        let _ = stream.set_nodelay(true);
        let (api, tls, until) = (Arc::clone(api), listening.tls.clone(), until.clone());
        connections.spawn(async move {
            let _permit = permit;
            match tls {
                None => talk(api, stream, peer, until).await,
                Some(tls) => match tokio::time::timeout(HANDSHAKE_LIMIT, tls.accept(stream)).await {
                    Ok(Ok(stream)) => talk(api, stream, peer, until).await,
                    Ok(Err(error)) => tracing::debug!(%peer, %error, "handshake failed"),
                    Err(_) => tracing::debug!(%peer, "handshake took too long"),
                },
            }
        });
    }
}

async fn talk(
    api: Arc<Api>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    until: CancellationToken,
) {
    let service = service_fn(move |request: http::Request<Incoming>| {
        let api = Arc::clone(&api);
        async move { Ok::<_, Infallible>(read_and_answer(&api, request, peer).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .max_buf_size(HEAD_BYTES_MAX)
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

async fn read_and_answer(api: &Arc<Api>, request: http::Request<Incoming>, peer: SocketAddr) -> Response {
    let (head, body) = request.into_parts();
    let body = tokio::time::timeout(BODY_LIMIT, Limited::new(body, BODY_BYTES_MAX).collect()).await;
    match body {
        Ok(Ok(body)) => {
            let body = body.to_bytes().to_vec();
            let request = Request::new(head.method, &head.uri, head.headers, body);
            answer(api, &request, peer).await
        }
        Ok(Err(problem)) if problem.is::<http_body_util::LengthLimitError>() => {
            error::of_size(format!("the body of a request has at most {BODY_BYTES_MAX} bytes"))
        }
        Ok(Err(_)) => error::of_size("the body of the request cannot be read".to_owned()),
        Err(_) => error::of_size(format!("the body did not come within {} seconds", BODY_LIMIT.as_secs())),
    }
}
