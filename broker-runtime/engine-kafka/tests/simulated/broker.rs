//! A process that answers as a broker of an idle cluster does, as far as the engine asks.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use clock::{Clock, SystemClock};
use kafka_codec::{
    RequestHeader, StrBytes, decode_limits, decode_request_header, encode_response,
    messages::{
        ApiVersionsResponse, DescribeClusterResponse, DescribeConfigsResponse, DescribeLogDirsResponse,
        DescribeQuorumResponse, DescribeUserScramCredentialsResponse, IncrementalAlterConfigsResponse,
        InitProducerIdResponse, KafkaResponse, ListPartitionReassignmentsResponse, MetadataResponse,
        UnregisterBrokerResponse,
        api_versions_response::FinalizedFeatureKey,
        describe_cluster_response::DescribeClusterBroker,
        describe_quorum_response::{PartitionData, ReplicaState, TopicData},
    },
    uuid_from_text, uuid_to_wire,
};
use parking_lot::Mutex;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

/// How long an address may stay taken.
const BIND_LIMIT: Duration = Duration::from_secs(10);

/// What the nodes of a cluster know of each other.
#[derive(Default)]
pub struct Cluster {
    brokers: Mutex<BTreeMap<i32, (SocketAddr, String)>>,
    /// Brokers and controllers that run.
    running: Mutex<BTreeSet<i32>>,
    voters: Mutex<BTreeMap<i32, Uuid>>,
}

impl Cluster {
    /// A member of the first quorum, and the id of its directory as a file has it.
    pub fn add_voter(&self, id: &str, directory: &str) {
        let (id, directory) = (id.parse().unwrap(), uuid_from_text(directory).unwrap());
        self.voters.lock().insert(id, directory);
    }
}

/// A process: it listens until it is dropped.
pub struct Node {
    cluster: Arc<Cluster>,
    id: i32,
    _until: DropGuard,
}

impl Node {
    pub async fn start(cluster: Arc<Cluster>, properties: &str, identity: &str) -> Self {
        let value = |name: &str| {
            let line = properties
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            line.unwrap_or_default().to_owned()
        };
        let id: i32 = value("node.id").parse().unwrap();
        cluster.running.lock().insert(id);
        let until = CancellationToken::new();
        let tls = TlsAcceptor::from(Arc::new(tls(identity)));
        for listener in value("listeners").split(',') {
            let (name, address) = listener.split_once("://").unwrap();
            let address: SocketAddr = address.parse().unwrap();
            if name == "REPLICATION" {
                cluster.brokers.lock().insert(id, (address, value("broker.rack")));
            }
            let socket = bind(address).await;
            tokio::spawn(serve(socket, tls.clone(), Arc::clone(&cluster), until.clone()));
        }
        Self {
            cluster,
            id,
            _until: until.drop_guard(),
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.cluster.brokers.lock().remove(&self.id);
        self.cluster.running.lock().remove(&self.id);
    }
}

fn tls(identity: &str) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certificate = CertificateDer::from_pem_slice(identity.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(identity.as_bytes()).unwrap();
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap()
}

/// The one that was started before at this address may not have let go of it yet.
pub async fn bind(address: SocketAddr) -> TcpListener {
    let deadline = Instant::now() + BIND_LIMIT;
    loop {
        match TcpListener::bind(address).await {
            Ok(socket) => return socket,
            Err(error) => assert!(Instant::now() < deadline, "{address}: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn serve(socket: TcpListener, tls: TlsAcceptor, cluster: Arc<Cluster>, until: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            () = until.cancelled() => return,
        };
        let Ok((stream, _)) = accepted else { return };
        let (tls, cluster, until) = (tls.clone(), Arc::clone(&cluster), until.clone());
        tokio::spawn(async move {
            tokio::select! {
                // Whoever hangs up has what it wanted.
                _ = talk(stream, tls, cluster) => (),
                () = until.cancelled() => (),
            }
        });
    }
}

async fn talk(stream: TcpStream, tls: TlsAcceptor, cluster: Arc<Cluster>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = tls.accept(stream).await?;
    loop {
        let mut frame = vec![0; usize::try_from(stream.read_u32().await?).unwrap()];
        stream.read_exact(&mut frame).await?;
        let (header, _) = decode_request_header(Bytes::from(frame), decode_limits()).unwrap();
        stream.write_all(&answer(&cluster, &header)).await?;
        stream.flush().await?;
    }
}

fn answer(cluster: &Cluster, header: &RequestHeader) -> Bytes {
    match header.api_key {
        3 => encoded(header, &MetadataResponse::default()),
        18 => encoded(header, &features()),
        22 => encoded(header, &InitProducerIdResponse::default()),
        32 => encoded(header, &DescribeConfigsResponse::default()),
        35 => encoded(header, &DescribeLogDirsResponse::default()),
        44 => encoded(header, &IncrementalAlterConfigsResponse::default()),
        46 => encoded(header, &ListPartitionReassignmentsResponse::default()),
        50 => encoded(header, &DescribeUserScramCredentialsResponse::default()),
        55 => encoded(header, &quorum(cluster)),
        60 => encoded(header, &brokers(cluster)),
        64 => encoded(header, &UnregisterBrokerResponse::default()),
        other => panic!("the engine asks for something that is not simulated: API {other}"),
    }
}

fn encoded<R: KafkaResponse>(header: &RequestHeader, response: &R) -> Bytes {
    encode_response(header.correlation_id, header.api_version, response).unwrap()
}

/// Nothing is left to be raised.
fn features() -> ApiVersionsResponse {
    let names = [
        "metadata.version",
        "transaction.version",
        "group.version",
        "eligible.leader.replicas.version",
        "share.version",
        "streams.version",
    ];
    let mut response = ApiVersionsResponse::default();
    response.finalized_features = names
        .map(|name| {
            let mut feature = FinalizedFeatureKey::default();
            feature.name = StrBytes::from(name);
            feature.max_version_level = i16::MAX;
            feature
        })
        .to_vec();
    response
}

fn brokers(cluster: &Cluster) -> DescribeClusterResponse {
    let mut response = DescribeClusterResponse::default();
    response.endpoint_type = 1;
    for (id, (address, rack)) in &*cluster.brokers.lock() {
        let mut broker = DescribeClusterBroker::default();
        broker.broker_id = *id;
        broker.host = StrBytes::from(address.ip().to_string());
        broker.port = i32::from(address.port());
        broker.rack = Some(StrBytes::from(rack.clone()));
        response.brokers.push(broker);
    }
    response
}

/// Whoever runs has all there is, and the first of them leads.
fn quorum(cluster: &Cluster) -> DescribeQuorumResponse {
    let mut partition = PartitionData::default();
    let running = cluster.running.lock();
    let voters = cluster.voters.lock();
    partition.leader_id = voters.keys().find(|id| running.contains(id)).copied().unwrap_or(-1);
    for (id, directory) in &*voters {
        let mut voter = ReplicaState::default();
        voter.last_caught_up_timestamp = if running.contains(id) { SystemClock.now_ms() } else { -1 };
        voter.replica_id = *id;
        voter.replica_directory_id = uuid_to_wire(*directory);
        partition.current_voters.push(voter);
    }
    let mut topic = TopicData::default();
    topic.partitions = vec![partition];
    let mut response = DescribeQuorumResponse::default();
    response.topics = vec![topic];
    response
}
