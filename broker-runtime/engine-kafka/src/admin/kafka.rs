//! The brokers of a cluster as one, and what their error codes mean.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use clock::Clock;
use engine::TopicError;
use kafka_client::{AdminClient, ClientError, ConnectionOptions, TlsOptions};
use kafka_codec::{ErrorCode, StrBytes, messages::RequestResponsePair};
use parking_lot::Mutex;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

/// How long a call may take, unless it says so itself.
pub(crate) const LIMIT: Duration = Duration::from_secs(15);
/// How long brokers may take to act on a change.
const APPLY_LIMIT: Duration = Duration::from_secs(15);
/// How long to wait before they are asked again.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(30);
/// Largest response that is taken: metadata of very many partitions.
const RESPONSE_BYTES_MAX: usize = 256 << 20;

/// The brokers of a cluster.
pub(crate) struct Kafka {
    client: AdminClient,
    pub(super) brokers: Mutex<BTreeMap<i32, SocketAddr>>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Kafka {
    /// Brokers at these addresses, which take us for one of them by this certificate.
    pub(crate) fn new(
        brokers: BTreeMap<i32, SocketAddr>,
        authority: &[u8],
        identity: &[u8],
        clock: Arc<dyn Clock>,
    ) -> Result<Self, rustls::Error> {
        let options = ConnectionOptions {
            client_id: "openmsk".to_owned(),
            tls: Some(TlsOptions {
                config: tls(authority, identity)?.into(),
            }),
            source: None,
            connect_timeout: Duration::from_secs(5),
            response_bytes_max: RESPONSE_BYTES_MAX,
            receive_buffer_bytes: None,
        };
        Ok(Self {
            client: AdminClient::new(brokers.values().copied().collect(), options),
            brokers: Mutex::new(brokers),
            clock,
        })
    }

    /// From now on the cluster has these brokers.
    pub(crate) fn set_brokers(&self, brokers: BTreeMap<i32, SocketAddr>) {
        self.client.set_addresses(brokers.values().copied().collect());
        *self.brokers.lock() = brokers;
    }

    pub(super) async fn ask<R: RequestResponsePair>(
        &self,
        request: &R,
        version: i16,
    ) -> Result<R::Response, TopicError> {
        self.client.ask(request, version, LIMIT).await.map_err(unreachable)
    }

    pub(super) async fn order<R: RequestResponsePair>(
        &self,
        request: &R,
        version: i16,
    ) -> Result<R::Response, TopicError> {
        self.client.order(request, version, LIMIT).await.map_err(unreachable)
    }

    pub(super) async fn ask_at<R: RequestResponsePair>(
        &self,
        broker: SocketAddr,
        request: &R,
        version: i16,
    ) -> Result<R::Response, TopicError> {
        self.client
            .ask_at(broker, request, version, LIMIT)
            .await
            .map_err(unreachable)
    }

    /// Waits until all brokers that serve answer so. One that cannot be reached serves nobody.
    pub(super) async fn wait_everywhere<R: RequestResponsePair>(
        &self,
        what: &str,
        request: &R,
        version: i16,
        is_done: impl Fn(&R::Response) -> bool + Send,
    ) -> Result<(), TopicError> {
        let brokers: Vec<SocketAddr> = self.brokers.lock().values().copied().collect();
        let begun = self.clock.monotonic();
        for broker in brokers {
            loop {
                match self.ask_at(broker, request, version).await {
                    Ok(answer) if is_done(&answer) => break,
                    Err(_) => break,
                    Ok(_) => {}
                }
                if self.waited(begun) >= APPLY_LIMIT {
                    return Err(TopicError::Timeout(format!(
                        "{what}: broker {broker} does not act on it yet"
                    )));
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        }
        Ok(())
    }

    pub(super) fn waited(&self, begun: Instant) -> Duration {
        self.clock.monotonic().saturating_duration_since(begun)
    }
}

fn tls(authority: &[u8], identity: &[u8]) -> Result<ClientConfig, rustls::Error> {
    let broken = |_| rustls::Error::General("a certificate of the cluster cannot be read".to_owned());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority).map_err(broken)?)?;
    let certificate = CertificateDer::from_pem_slice(identity).map_err(broken)?;
    let key = PrivateKeyDer::from_pem_slice(identity).map_err(broken)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![certificate], key)
}

fn unreachable(error: ClientError) -> TopicError {
    match error {
        ClientError::TimedOut { .. } => TopicError::Timeout(error.to_string()),
        error => TopicError::ClusterConnectivity(engine::chain(&error)),
    }
}

/// What an error code of a response means; `None` for none.
fn refusal(code: i16, message: Option<&StrBytes>, topic: &str) -> Option<TopicError> {
    let Some(error) = ErrorCode::from_code(code) else {
        return Some(TopicError::InvalidRequest(format!("Kafka answers with error {code}")));
    };
    let text = message.map_or_else(|| error.message().to_owned(), ToString::to_string);
    Some(match error {
        ErrorCode::None => return None,
        ErrorCode::UnknownTopicOrPartition | ErrorCode::UnknownTopicId => TopicError::UnknownTopic(topic.to_owned()),
        ErrorCode::TopicAlreadyExists => TopicError::TopicExists(topic.to_owned()),
        ErrorCode::NotController => TopicError::NotController(text),
        ErrorCode::RequestTimedOut => TopicError::Timeout(text),
        ErrorCode::ReassignmentInProgress => TopicError::ReassignmentInProgress(text),
        ErrorCode::GroupSubscribedToTopic => TopicError::GroupSubscribedToTopic(text),
        error if error.is_retriable() => TopicError::ClusterConnectivity(text),
        _ => TopicError::InvalidRequest(text),
    })
}

pub(super) fn check(code: i16, message: Option<&StrBytes>, topic: &str) -> Result<(), TopicError> {
    refusal(code, message, topic).map_or(Ok(()), Err)
}

pub(super) fn text(text: &str) -> StrBytes {
    StrBytes::from(text.to_owned())
}
