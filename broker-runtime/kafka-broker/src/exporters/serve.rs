//! The exporters' listeners: HTTP/1.1, `GET /metrics`, nothing else.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use super::{beans::Beans, health, load, node};
use crate::{broker::Broker, connection::listening_socket, settings::SocketSettings};

/// Connections of one exporter; more wait.
const CONNECTIONS_MAX: usize = 16;
/// A request that takes longer to arrive ends the connection.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);
/// A connection lives so long at most, whatever its peer does.
const CONNECTION_LIMIT: Duration = Duration::from_secs(600);
/// An address that cannot be had is tried again after this.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// A page.
#[derive(Clone, Copy, Debug)]
enum Page {
    /// Of the broker.
    Jmx,
    /// Of the machine.
    Node,
}

/// Starts the exporters that the configuration names; they end with the broker.
pub(crate) fn start(broker: &Arc<Broker>, tasks: &TaskTracker) {
    let (jmx, node) = (broker.config.jmx_exporter, broker.config.node_exporter);
    for (page, address) in [(Page::Jmx, jmx), (Page::Node, node)] {
        if let Some(address) = address {
            tasks.spawn(serve(Arc::clone(broker), tasks.clone(), page, address));
        }
    }
}

async fn serve(broker: Arc<Broker>, tasks: TaskTracker, page: Page, address: SocketAddr) {
    let Some(listener) = bind(&broker, page, address).await else {
        return;
    };
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let next = async {
            // The semaphore is never closed.
            let permit = Arc::clone(&room).acquire_owned().await.ok();
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            next = next => next,
            () = broker.shutdown.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                let broker = Arc::clone(&broker);
                tasks.spawn(async move {
                    let shutdown = broker.shutdown.clone();
                    let talk = tokio::time::timeout(CONNECTION_LIMIT, talk(broker, page, stream));
                    tokio::select! {
                        ended = talk => if let Ok(Err(error)) = ended {
                            debug!(%peer, %error, ?page, "exporter connection failed");
                        },
                        () = shutdown.cancelled() => {}
                    }
                    drop(permit);
                });
            }
            Err(error) => {
                warn!(%address, %error, "accept failed");
                tokio::time::sleep(RETRY_PAUSE).await;
            }
        }
    }
}

/// Binds the address. A broker serves its clients also while somebody else holds it; they learn it from the log.
async fn bind(broker: &Broker, page: Page, address: SocketAddr) -> Option<TcpListener> {
    let mut told = None;
    loop {
        match listening_socket(address, &SocketSettings::default()) {
            Ok(listener) => {
                info!(%address, ?page, "exporting metrics");
                return Some(listener);
            }
            Err(error) => {
                if told != Some(error.kind()) {
                    warn!(%address, ?page, %error, "metrics cannot be exported yet: the address cannot be bound");
                    told = Some(error.kind());
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY_PAUSE) => {}
            () = broker.shutdown.cancelled() => return None,
        }
    }
}

async fn talk(broker: Arc<Broker>, page: Page, stream: TcpStream) -> hyper::Result<()> {
    let answer = service_fn(move |request| {
        let broker = Arc::clone(&broker);
        async move { Ok::<_, Infallible>(answer(&broker, page, &request).await) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_LIMIT)
        .serve_connection(TokioIo::new(stream), answer)
        .await
}

async fn answer(broker: &Arc<Broker>, page: Page, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
    }
    if request.uri().path() != "/metrics" {
        return plain(StatusCode::NOT_FOUND, "metrics are at /metrics\n");
    }
    let broker = Arc::clone(broker);
    // Logs are asked for their sizes: that is not for a thread that serves clients.
    match tokio::task::spawn_blocking(move || fill(&broker, page)).await {
        Ok(Ok(text)) => respond(StatusCode::OK, exposition::TEXT, text),
        Ok(Err(error)) => plain(StatusCode::SERVICE_UNAVAILABLE, &format!("{error}\n")),
        Err(error) => {
            warn!(%error, ?page, "metrics cannot be shown");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "metrics cannot be shown\n")
        }
    }
}

fn fill(broker: &Broker, page: Page) -> io::Result<String> {
    match page {
        Page::Jmx => {
            let mut beans = Beans::new(broker.uptime_ms());
            load::show(&mut beans, broker);
            health::show(&mut beans, broker);
            Ok(beans.text())
        }
        Page::Node => node::text(),
    }
}

fn plain(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    respond(status, "text/plain; charset=utf-8", text.to_owned())
}

fn respond(status: StatusCode, content_type: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
