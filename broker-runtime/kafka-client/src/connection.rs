//! A connection to a broker.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::{Buf, BytesMut};
use kafka_codec::{DecodeLimits, decode_limits, decode_response, encode_request, messages::RequestResponsePair};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpSocket, TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{ClientError, ReadAhead};

/// Bytes of the length prefix of a frame.
const PREFIX_BYTES: usize = 4;

/// How to connect.
#[derive(Clone, Debug)]
pub struct ConnectionOptions {
    /// Sent with every request.
    pub client_id: String,
    /// TLS, if the listener speaks it.
    pub tls: Option<TlsOptions>,
    /// Address of this machine that connections come from; `None` leaves it to the system.
    pub source: Option<IpAddr>,
    /// Limit for connecting, handshake included.
    pub connect_timeout: Duration,
    /// Largest response that is accepted.
    pub response_bytes_max: usize,
    /// Receive buffer of the socket; `None` leaves it to the system.
    pub receive_buffer_bytes: Option<u32>,
}

/// TLS of a connection.
#[derive(Clone, Debug)]
pub struct TlsOptions {
    /// Authorities and, for mutual TLS, our certificate.
    pub config: Arc<ClientConfig>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// One connection. Calls are made one after the other.
pub struct Connection {
    address: String,
    stream: Box<dyn Stream>,
    client_id: String,
    limits: DecodeLimits,
    response_bytes_max: usize,
    next_correlation_id: i32,
    input: BytesMut,
}

impl Connection {
    /// Connects to `host`:`port`.
    pub async fn open(host: &str, port: u16, options: &ConnectionOptions) -> Result<Self, ClientError> {
        let address = format!("{host}:{port}");
        let connecting = connect(host, port, &address, options);
        let stream = timeout(options.connect_timeout, connecting)
            .await
            .map_err(|_| ClientError::TimedOut {
                address: address.clone(),
            })??;
        Ok(Self {
            address,
            stream,
            client_id: options.client_id.clone(),
            limits: decode_limits(),
            response_bytes_max: options.response_bytes_max,
            next_correlation_id: 0,
            input: BytesMut::new(),
        })
    }

    /// Sends `request` in `version` and waits for the answer, at most `limit`.
    pub async fn call<R: RequestResponsePair>(
        &mut self,
        request: &R,
        version: i16,
        limit: Duration,
    ) -> Result<R::Response, ClientError> {
        let correlation_id = self.next_correlation_id;
        self.next_correlation_id = correlation_id.wrapping_add(1);
        let frame = encode_request(correlation_id, Some(&self.client_id), version, request)?;
        let exchange = async {
            self.stream.write_all(&frame).await?;
            self.stream.flush().await?;
            self.read_frame().await
        };
        let outcome = timeout(limit, exchange).await;
        let frame = match outcome {
            Ok(Ok(Some(frame))) => frame,
            Ok(Ok(None)) => return Err(ClientError::Protocol("response length out of bounds")),
            Ok(Err(source)) => {
                return Err(ClientError::Io {
                    address: self.address.clone(),
                    source,
                });
            }
            Err(_) => {
                return Err(ClientError::TimedOut {
                    address: self.address.clone(),
                });
            }
        };
        let (answered, response) = decode_response::<R>(version, frame.freeze(), self.limits)?;
        if answered != correlation_id {
            return Err(ClientError::Protocol("response to another request"));
        }
        Ok(response)
    }

    async fn read_frame(&mut self) -> io::Result<Option<BytesMut>> {
        loop {
            if let Some(prefix) = self.input.first_chunk::<PREFIX_BYTES>() {
                let Ok(length) = usize::try_from(i32::from_be_bytes(*prefix)) else {
                    return Ok(None);
                };
                if length > self.response_bytes_max {
                    return Ok(None);
                }
                let missing = (PREFIX_BYTES + length).saturating_sub(self.input.len());
                if missing == 0 {
                    self.input.advance(PREFIX_BYTES);
                    let frame = self.input.split_to(length);
                    if self.input.is_empty() {
                        // Nothing is held between calls.
                        self.input = BytesMut::new();
                    }
                    return Ok(Some(frame));
                }
                self.input.reserve(missing);
            }
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

async fn connect(
    host: &str,
    port: u16,
    address: &str,
    options: &ConnectionOptions,
) -> Result<Box<dyn Stream>, ClientError> {
    let failed = |source| ClientError::Io {
        address: address.to_owned(),
        source,
    };
    let stream = connect_tcp(host, port, options).await.map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    let Some(tls) = &options.tls else {
        return Ok(Box::new(stream));
    };
    let name = ServerName::try_from(host.to_owned()).map_err(|_| ClientError::InvalidName(host.to_owned()))?;
    let stream = TlsConnector::from(Arc::clone(&tls.config))
        .connect(name, ReadAhead::new(stream))
        .await
        .map_err(failed)?;
    Ok(Box::new(stream))
}

/// Tries the addresses of the host one after the other.
async fn connect_tcp(host: &str, port: u16, options: &ConnectionOptions) -> io::Result<TcpStream> {
    let addresses: Vec<SocketAddr> = match host.parse() {
        Ok(ip) => vec![SocketAddr::new(ip, port)],
        Err(_) => lookup_host((host, port)).await?.collect(),
    };
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match connect_to(address, options).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The size of the buffer is said before the handshake, where the window's scale is agreed upon.
async fn connect_to(address: SocketAddr, options: &ConnectionOptions) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    if let Some(source) = options.source.filter(|source| source.is_ipv4() == address.is_ipv4()) {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    if let Some(bytes) = options.receive_buffer_bytes {
        socket.set_recv_buffer_size(bytes)?;
    }
    socket.connect(address).await
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    fn options() -> ConnectionOptions {
        ConnectionOptions {
            client_id: "test".to_owned(),
            tls: None,
            source: None,
            connect_timeout: Duration::from_secs(5),
            response_bytes_max: 1024,
            receive_buffer_bytes: None,
        }
    }

    #[tokio::test]
    async fn a_connection_has_the_buffer_that_is_asked_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let of = |bytes| async move {
            let options = ConnectionOptions {
                receive_buffer_bytes: Some(bytes),
                ..options()
            };
            let stream = connect_tcp("localhost", port, &options).await.unwrap();
            socket2::SockRef::from(&stream).recv_buffer_size().unwrap()
        };
        // The kernel doubles what it is told, for its own needs.
        let (small, large) = (of(8_192).await, of(65_536).await);
        assert!((8_192..=16_384).contains(&small), "{small}");
        assert!((65_536..=131_072).contains(&large), "{large}");
        let refused = connect_tcp("127.0.0.1", 1, &options()).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[tokio::test]
    async fn connections_come_from_the_address_that_is_asked_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        for source in [None, Some("127.9.8.7"), Some("::1")] {
            let options = ConnectionOptions {
                source: source.map(|it| it.parse().unwrap()),
                ..options()
            };
            let _connection = Connection::open("127.0.0.1", port, &options).await.unwrap();
            let (_, peer) = listener.accept().await.unwrap();
            let expected = source.filter(|it| *it != "::1").unwrap_or("127.0.0.1");
            assert_eq!(peer.ip().to_string(), expected);
        }
    }
}
