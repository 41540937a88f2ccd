//! The listener of a page: HTTP/1.1, `GET /metrics`, nothing else.

use std::{convert::Infallible, fmt, io, net::SocketAddr, sync::Arc, time::Duration};

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
    net::{TcpListener, TcpSocket, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, info, warn};

/// Connections of one exporter; more wait.
const CONNECTIONS_MAX: usize = 16;
/// Connections that the kernel keeps for us until we accept them.
const BACKLOG: u32 = 128;
/// A request that takes longer to arrive ends the connection.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);
/// A connection lives so long at most, whatever its peer does.
const CONNECTION_LIMIT: Duration = Duration::from_secs(600);
/// An address that cannot be had is tried again after this.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// What fills a page. It may ask disks: it runs where it holds nobody up.
pub type Fill = Arc<dyn Fn() -> io::Result<String> + Send + Sync>;

/// A page, and where it is.
#[derive(Clone)]
pub struct Exporter {
    /// What it is of, for log lines.
    pub name: &'static str,
    /// Where it listens.
    pub address: SocketAddr,
    /// What fills it, each time that somebody asks.
    pub fill: Fill,
}

impl fmt::Debug for Exporter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Exporter({} at {})", self.name, self.address)
    }
}

impl Exporter {
    /// Answers until it is told to end. Its connections are among `tasks`.
    pub async fn serve(self, tasks: TaskTracker, until: CancellationToken) {
        let Some(listener) = self.bind(&until).await else {
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
                () = until.cancelled() => return,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let (exporter, until) = (self.clone(), until.clone());
                    tasks.spawn(async move {
                        let page = exporter.name;
                        let talk = tokio::time::timeout(CONNECTION_LIMIT, exporter.talk(stream));
                        tokio::select! {
                            ended = talk => if let Ok(Err(error)) = ended {
                                debug!(%peer, %error, page, "exporter connection failed");
                            },
                            () = until.cancelled() => {}
                        }
                        drop(permit);
                    });
                }
                Err(error) => {
                    warn!(address = %self.address, %error, "accept failed");
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
            }
        }
    }

    /// Binds the address. Whoever serves others goes on with that also while somebody else holds it, and says so in its log.
    async fn bind(&self, until: &CancellationToken) -> Option<TcpListener> {
        let (address, page) = (self.address, self.name);
        let mut told = None;
        loop {
            match listening_socket(address) {
                Ok(listener) => {
                    info!(%address, page, "exporting metrics");
                    return Some(listener);
                }
                Err(error) => {
                    if told != Some(error.kind()) {
                        warn!(%address, page, %error, "metrics cannot be exported yet: the address cannot be bound");
                        told = Some(error.kind());
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep(RETRY_PAUSE) => {}
                () = until.cancelled() => return None,
            }
        }
    }

    async fn talk(self, stream: TcpStream) -> hyper::Result<()> {
        let answer = service_fn(move |request| {
            let exporter = self.clone();
            async move { Ok::<_, Infallible>(exporter.answer(&request).await) }
        });
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(REQUEST_LIMIT)
            .serve_connection(TokioIo::new(stream), answer)
            .await
    }

    async fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return plain(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
        }
        if request.uri().path() != "/metrics" {
            return plain(StatusCode::NOT_FOUND, "metrics are at /metrics\n");
        }
        let fill = Arc::clone(&self.fill);
        // Disks are asked: that is not for a thread that serves others.
        match tokio::task::spawn_blocking(move || fill()).await {
            Ok(Ok(text)) => respond(StatusCode::OK, exposition::TEXT, text),
            Ok(Err(error)) => plain(StatusCode::SERVICE_UNAVAILABLE, &format!("{error}\n")),
            Err(error) => {
                warn!(%error, page = self.name, "metrics cannot be shown");
                plain(StatusCode::INTERNAL_SERVER_ERROR, "metrics cannot be shown\n")
            }
        }
    }
}

/// A socket that listens on the address, also while old connections to it linger.
fn listening_socket(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// How long anything may take.
    const LIMIT: Duration = Duration::from_secs(10);

    /// What is answered to a request.
    async fn ask(address: SocketAddr, request: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(address).await?;
        stream
            .write_all(format!("{request} HTTP/1.0\r\n\r\n").as_bytes())
            .await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn page_is_served_once_its_address_is_free_and_until_it_is_told_to_end() {
        let holder = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = holder.local_addr().unwrap();
        let (tasks, until) = (TaskTracker::new(), CancellationToken::new());
        let exporter = Exporter {
            name: "test",
            address,
            fill: Arc::new(|| Ok("up 1\n".to_owned())),
        };
        tasks.spawn(exporter.serve(tasks.clone(), until.clone()));
        // It tries, in vain.
        tokio::task::yield_now().await;
        drop(holder);
        let asking = async {
            loop {
                match ask(address, "GET /metrics").await {
                    Ok(answer) => return answer,
                    Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        };
        let page = tokio::time::timeout(LIMIT, asking).await.unwrap();
        assert!(
            page.starts_with("HTTP/1.0 200") && page.ends_with("\r\n\r\nup 1\n"),
            "{page}"
        );
        assert!(
            ask(address, "GET /")
                .await
                .unwrap()
                .ends_with("metrics are at /metrics\n")
        );
        assert!(ask(address, "PUT /metrics").await.unwrap().starts_with("HTTP/1.0 405"));
        until.cancel();
        tasks.close();
        tokio::time::timeout(LIMIT, tasks.wait()).await.unwrap();
        assert!(ask(address, "GET /metrics").await.is_err(), "nothing listens any more");
    }

    #[tokio::test]
    async fn page_that_cannot_be_filled_says_why() {
        let exporter = Exporter {
            name: "test",
            address: "127.0.0.1:0".parse().unwrap(),
            fill: Arc::new(|| Err(io::Error::other("there is no /proc"))),
        };
        let listener = TcpListener::bind(exporter.address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            exporter.talk(stream).await
        });
        let answer = ask(address, "GET /metrics").await.unwrap();
        assert!(
            answer.starts_with("HTTP/1.0 503") && answer.ends_with("there is no /proc\n"),
            "{answer}"
        );
        accepting.await.unwrap().unwrap();
    }
}
