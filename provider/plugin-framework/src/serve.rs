//! Runs a provider as a plugin: handshake, services, and an end that the host does not have to wait for.

use std::{
    io::{self, Write},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::Stream;
use tfplugin_proto::{plugin_host, tfplugin6::provider_server::ProviderServer};
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{UnixListener, UnixStream},
    signal::unix::{SignalKind, signal},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::sync::CancellationToken;
use tonic::transport::{Server as GrpcServer, server::Connected};

use crate::{
    handshake::{HandshakeError, HostEnvironment, Meeting, ServerIdentity},
    host_services::{Broker, Controller, Stdio},
    logs, panics,
    protocol::Server,
    provider::Provider,
};

/// Largest message in either direction: what HashiCorp's own library allows.
const MESSAGE_BYTES_MAX: usize = 256 << 20;
/// How long a client may take for the TLS handshake.
const ACCEPT_LIMIT: Duration = Duration::from_secs(10);
/// How long open calls may take after the host asked us to end; it kills us after two seconds.
const DRAIN_LIMIT: Duration = Duration::from_millis(1000);

/// How to serve.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Name in log lines, such as `msk`.
    pub name: &'static str,
    /// What the host said.
    pub environment: HostEnvironment,
}

/// Why serving ended.
#[derive(Debug, Error)]
pub enum ServeError {
    /// No handshake.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// Input or output failed.
    #[error("cannot serve the plugin")]
    Io(#[from] io::Error),
    /// The transport failed.
    #[error("cannot serve the plugin")]
    Transport(#[from] tonic::transport::Error),
}

/// Serves until the host asks us to end, or is gone.
pub async fn serve(provider: Arc<dyn Provider>, options: ServeOptions) -> Result<(), ServeError> {
    let environment = &options.environment;
    environment.check()?;
    logs::install(options.name, logs::level(environment.log_level.as_deref()));
    panics::install();
    let Meeting {
        mut socket,
        identity,
        line,
    } = Meeting::new(environment)?;
    let listener = UnixListener::from_std(socket.take().ok_or_else(|| io::Error::other("the socket was taken"))?)?;
    write_line(&line)?;
    let shutdown = CancellationToken::new();
    tokio::spawn(watch_host(shutdown.clone()));
    let result = run(provider, listener, identity, &shutdown).await;
    drop(socket);
    result
}

/// The first line on standard output belongs to the handshake, and nothing else ever does.
fn write_line(line: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(line.as_bytes())?;
    output.flush()
}

/// Ctrl-C reaches the whole process group: Terraform handles it, we ignore it. SIGTERM and a dead parent end us.
async fn watch_host(shutdown: CancellationToken) {
    end_with_parent();
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    loop {
        tokio::select! {
            _ = interrupt.recv() => tracing::debug!("interrupt is left to the host"),
            _ = terminate.recv() => {
                shutdown.cancel();
                return;
            }
        }
    }
}

fn end_with_parent() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM)) {
        tracing::debug!(%error, "the end of the host will not be noticed");
    }
}

async fn run(
    provider: Arc<dyn Provider>,
    listener: UnixListener,
    identity: Option<ServerIdentity>,
    shutdown: &CancellationToken,
) -> Result<(), ServeError> {
    let (health, health_service) = tonic_health::server::health_reporter();
    health
        .set_service_status("plugin", tonic_health::ServingStatus::Serving)
        .await;
    let provider = ProviderServer::new(Server::new(provider))
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let controller = Controller {
        shutdown: shutdown.clone(),
    };
    let router = GrpcServer::builder()
        .add_service(provider)
        .add_service(plugin_host::grpc_controller_server::GrpcControllerServer::new(
            controller,
        ))
        .add_service(plugin_host::grpc_stdio_server::GrpcStdioServer::new(Stdio {
            shutdown: shutdown.clone(),
        }))
        .add_service(plugin_host::grpc_broker_server::GrpcBrokerServer::new(Broker {
            shutdown: shutdown.clone(),
        }))
        .add_service(health_service);
    let connections = connections(
        listener,
        identity.map(|it| TlsAcceptor::from(it.config)),
        shutdown.clone(),
    );
    let serving = router.serve_with_incoming_shutdown(connections, shutdown.clone().cancelled_owned());
    tokio::pin!(serving);
    tokio::select! {
        result = &mut serving => return Ok(result?),
        () = shutdown.cancelled() => {}
    }
    // Calls that take longer than this are cut off: the host kills us otherwise.
    match timeout(DRAIN_LIMIT, serving).await {
        Ok(result) => Ok(result?),
        Err(_) => Ok(()),
    }
}

/// Accepted connections. The host connects once; when that connection ends, so do we.
fn connections(
    listener: UnixListener,
    tls: Option<TlsAcceptor>,
    shutdown: CancellationToken,
) -> impl Stream<Item = io::Result<Connection>> {
    futures::stream::unfold((listener, tls), move |(listener, tls)| {
        let shutdown = shutdown.clone();
        async move {
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = shutdown.cancelled() => return None,
                };
                let connection = match accepted {
                    Ok((stream, _)) => secure(stream, tls.as_ref(), shutdown.clone()).await,
                    Err(error) => Err(error),
                };
                match connection {
                    Ok(connection) => return Some((Ok(connection), (listener, tls))),
                    // Whoever it was is not our host.
                    Err(error) => tracing::warn!(%error, "a connection was refused"),
                }
            }
        }
    })
}

async fn secure(stream: UnixStream, tls: Option<&TlsAcceptor>, end: CancellationToken) -> io::Result<Connection> {
    let Some(tls) = tls else {
        return Ok(Connection {
            stream: Either::Plain(stream),
            end,
        });
    };
    match timeout(ACCEPT_LIMIT, tls.accept(stream)).await {
        Ok(stream) => Ok(Connection {
            stream: Either::Tls(Box::new(stream?)),
            end,
        }),
        Err(_) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the TLS handshake took too long",
        )),
    }
}

/// The host's connection; its end is the end of the process.
struct Connection {
    stream: Either,
    end: CancellationToken,
}

enum Either {
    Plain(UnixStream),
    Tls(Box<TlsStream<UnixStream>>),
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) -> Self::ConnectInfo {}
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Either::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Either::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Either::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Either::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Either::Plain(stream) => Pin::new(stream).poll_flush(context),
            Either::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Either::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Either::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
