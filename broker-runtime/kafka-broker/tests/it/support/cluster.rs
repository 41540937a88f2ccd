//! Brokers of a test cluster.

use std::{
    collections::BTreeMap,
    future::Future,
    net::{IpAddr, Ipv4Addr, TcpListener},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use clock::SystemClock;
use kafka_broker::{
    BrokerConfig,
    config::{ListenerConfig, ListenerName},
    loggers::Loggers,
};
use kafka_client::{ClientError, Connection, ConnectionOptions};
use kafka_codec::{
    ErrorCode,
    messages::{
        FetchRequest, FetchResponse, ListOffsetsRequest, MetadataRequest, ProduceRequest, RequestResponsePair,
        fetch_request::{FetchPartition, FetchTopic},
        list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
        metadata_request::MetadataRequestTopic,
        metadata_response::MetadataResponseTopic,
        produce_request::{PartitionProduceData, TopicProduceData},
        produce_response::PartitionProduceResponse,
    },
    record_batch::{RecordBatchBuilder, batches},
    uuid_to_wire,
};
use kafka_metadata::{
    BrokerId, ConfigResource, PartitionState,
    controller::ControllerDefaults,
    rpc::{AlterConfigResource, ConfigChange, ControllerRequest, ControllerResponse, NewTopic},
};
use tokio::{runtime::Runtime, sync::oneshot};

use super::controller::{CLUSTER_ID, TestController};

/// Nothing in these tests takes longer.
pub const DEADLINE: Duration = Duration::from_secs(20);

pub struct TestBroker {
    pub config: BrokerConfig,
    running: Option<(Runtime, oneshot::Sender<()>, tokio::task::JoinHandle<()>)>,
}

impl Drop for TestBroker {
    fn drop(&mut self) {
        if let Some((runtime, ..)) = self.running.take() {
            runtime.shutdown_background();
        }
    }
}

pub struct TestCluster {
    pub controller: TestController,
    pub brokers: BTreeMap<i32, TestBroker>,
    directory: tempfile::TempDir,
}

impl TestCluster {
    /// Starts `count` brokers and waits until all are alive.
    pub async fn start(count: i32, properties: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let properties: BTreeMap<String, String> = properties
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let defaults = ControllerDefaults {
            properties: properties.clone(),
        };
        let controller = TestController::start(&directory.path().join("controller.sock"), defaults).unwrap();
        let mut cluster = Self {
            controller,
            brokers: BTreeMap::new(),
            directory,
        };
        for id in 1..=count {
            let config = cluster.config(id, &properties);
            cluster.brokers.insert(id, TestBroker { config, running: None });
            cluster.start_broker(id);
        }
        cluster
            .until("all brokers are alive", |cluster| {
                let image = cluster.controller.image();
                i32::try_from(image.brokers.values().filter(|broker| !broker.fenced).count()).unwrap() == count
            })
            .await;
        cluster
    }

    fn config(&self, id: i32, properties: &BTreeMap<String, String>) -> BrokerConfig {
        let host = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let listener = |name: ListenerName| ListenerConfig {
            name,
            host,
            port: free_port(),
            advertised_host: None,
            tls: false,
            sasl: name.is_iam(),
            mutual_tls: false,
            client_certificates: None,
        };
        BrokerConfig {
            cluster_id: CLUSTER_ID.to_owned(),
            broker_id: BrokerId(id),
            rack: Some(format!("zone-{id}")),
            log_dirs: vec![self.log_dir(id)],
            encryption: None,
            listeners: [ListenerName::Internal, ListenerName::Plaintext, ListenerName::SaslIam]
                .map(listener)
                .to_vec(),
            tls: None,
            controller_socket: self.controller.socket.clone(),
            server_properties: server_properties(properties),
            version: "4.1.x.kraft".to_owned(),
            vcpus: None,
            memory_bytes: None,
            jmx_exporter: Some((host, free_port()).into()),
            node_exporter: Some((host, free_port()).into()),
            reboots: 0,
            runtime_restart: None,
        }
    }

    pub fn log_dir(&self, id: i32) -> PathBuf {
        self.directory.path().join(format!("broker-{id}"))
    }

    pub fn start_broker(&mut self, id: i32) {
        let broker = self.brokers.get_mut(&id).unwrap();
        assert!(broker.running.is_none());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let config = broker.config.clone();
        let task = runtime.spawn(async move {
            let asked = async move {
                let _ = stopped.await;
            };
            kafka_broker::run_until(config, Arc::new(SystemClock), Arc::new(Loggers::silent()), asked)
                .await
                .unwrap();
        });
        broker.running = Some((runtime, stop, task));
    }

    /// Takes a broker away without a word.
    pub fn kill_broker(&mut self, id: i32) {
        let (runtime, stop, _) = self.brokers.get_mut(&id).unwrap().running.take().unwrap();
        // From inside of a runtime only another thread may wait; sockets and locks are free once all tasks have ended.
        thread::spawn(move || runtime.shutdown_timeout(DEADLINE))
            .join()
            .unwrap();
        drop(stop);
    }

    /// Stops a broker in order.
    pub async fn stop_broker(&mut self, id: i32) {
        let (runtime, stop, task) = self.brokers.get_mut(&id).unwrap().running.take().unwrap();
        stop.send(()).unwrap();
        task.await.unwrap();
        runtime.shutdown_background();
    }

    /// Waits for a condition.
    pub async fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !condition(self) {
            assert!(start.elapsed() < DEADLINE, "in vain: {what}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    pub async fn create_topic(&self, name: &str, partitions: i32, replication_factor: i16, configs: &[(&str, &str)]) {
        let topic = NewTopic {
            name: name.to_owned(),
            partitions: Some(partitions),
            replication_factor: Some(replication_factor),
            assignments: None,
            configs: configs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        };
        let request = ControllerRequest::CreateTopics {
            topics: vec![topic],
            validate_only: false,
        };
        match self.controller.ask(request) {
            Ok(ControllerResponse::CreateTopics(results)) => {
                results.into_iter().next().unwrap().unwrap();
            }
            other => panic!("{other:?}"),
        }
    }

    /// Sets a property of all brokers while they run.
    pub fn set(&self, name: &str, value: &str) {
        let request = ControllerRequest::AlterConfigs {
            resources: vec![AlterConfigResource {
                resource: ConfigResource::Brokers,
                changes: vec![(name.to_owned(), ConfigChange::Set(value.to_owned()))],
            }],
            validate_only: false,
        };
        self.controller.ask(request).unwrap();
    }

    pub fn partition(&self, topic: &str, index: i32) -> PartitionState {
        self.controller.image().partition(topic, index).unwrap().clone()
    }

    pub fn leader(&self, topic: &str, index: i32) -> i32 {
        self.partition(topic, index).leader.map_or(-1, |id| id.0)
    }

    pub fn port(&self, id: i32, listener: ListenerName) -> u16 {
        self.brokers[&id].config.listener(listener).unwrap().port
    }

    pub async fn connect(&self, id: i32) -> Connection {
        connect(self.port(id, ListenerName::Plaintext)).await
    }

    /// Waits until a broker knows a topic as the controller has it now.
    pub async fn until_known(&self, id: i32, topic: &str) {
        let topic_id = uuid_to_wire(self.controller.image().topics[topic].topic_id.0);
        eventually(|| async {
            let told = metadata(&mut self.connect(id).await, topic).await;
            (told.topic_id == topic_id).then_some(())
        })
        .await;
    }

    /// Produces to the leader, again and again until it is acknowledged.
    pub async fn produce(&self, topic: &str, index: i32, values: &[String]) -> i64 {
        let batch = batch(values);
        eventually(|| async {
            let leader = self.leader(topic, index);
            if leader < 0 {
                return None;
            }
            let mut connection = try_connect(self.port(leader, ListenerName::Plaintext)).await.ok()?;
            let answer = produce(&mut connection, topic, index, batch.clone(), -1).await.ok()?;
            (answer.error_code == 0).then_some(answer.base_offset)
        })
        .await
    }

    /// All values of a partition, read from its leader.
    pub async fn consume(&self, topic: &str, index: i32) -> Vec<String> {
        eventually(|| async {
            let leader = self.leader(topic, index);
            if leader < 0 {
                return None;
            }
            let mut connection = try_connect(self.port(leader, ListenerName::Plaintext)).await.ok()?;
            let (error_code, end) = list_offset(&mut connection, topic, index, -1).await.ok()?;
            if error_code != 0 {
                // A new leader does not know yet how far its predecessor came (KIP-207).
                return None;
            }
            let mut values = Vec::new();
            let mut offset = 0;
            while offset < end {
                let (records, _) = fetch(&mut connection, topic, index, offset).await.ok()??;
                offset = read_values(&records, offset, &mut values);
            }
            Some(values)
        })
        .await
    }
}

/// What a test sets, and nobody is kept out unless it says so.
fn server_properties(set: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let open = ("allow.everyone.if.no.acl.found".to_owned(), "true".to_owned());
    std::iter::once(open)
        .chain(set.iter().map(|(name, value)| (name.clone(), value.clone())))
        .collect()
}

/// Calls `attempt` until it gives something.
pub async fn eventually<T, F: Future<Output = Option<T>>>(attempt: impl Fn() -> F) -> T {
    let start = Instant::now();
    loop {
        if let Some(result) = attempt().await {
            return result;
        }
        assert!(start.elapsed() < DEADLINE, "in vain");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A port of which this process has not heard yet, outside of those that the system hands to clients: none of the
/// tests beside this one can take it before the broker does, nor while the broker is away.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let count = NEXT.fetch_add(1, Ordering::Relaxed);
        let start = u16::try_from(std::process::id() % 100).unwrap() * 150;
        let port = 12_000 + (start + count) % 20_000;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

pub fn options() -> ConnectionOptions {
    ConnectionOptions {
        client_id: "test".to_owned(),
        tls: None,
        source: None,
        connect_timeout: Duration::from_secs(5),
        response_bytes_max: 100 * 1024 * 1024,
        receive_buffer_bytes: None,
    }
}

pub async fn try_connect(port: u16) -> Result<Connection, ClientError> {
    Connection::open("127.0.0.1", port, &options()).await
}

pub async fn connect(port: u16) -> Connection {
    try_connect(port).await.unwrap()
}

pub async fn call<R: RequestResponsePair>(
    connection: &mut Connection,
    request: &R,
    version: i16,
) -> Result<R::Response, ClientError> {
    connection.call(request, version, DEADLINE).await
}

/// What a broker tells of a topic.
pub async fn metadata(connection: &mut Connection, topic: &str) -> MetadataResponseTopic {
    let mut request = MetadataRequest::default();
    let mut wanted = MetadataRequestTopic::default();
    wanted.name = Some(topic.to_owned().into());
    request.topics = Some(vec![wanted]);
    call(connection, &request, 12).await.unwrap().topics.remove(0)
}

/// One batch of values.
pub fn batch(values: &[String]) -> Bytes {
    let mut builder = RecordBatchBuilder::new();
    for value in values {
        builder.append(1_700_000_000_000, None, Some(value.as_bytes()), &[]);
    }
    builder.build().unwrap().freeze()
}

pub fn values(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| format!("value-{number}")).collect()
}

pub fn produce_request(topic: &str, index: i32, records: Bytes, acks: i16) -> ProduceRequest {
    let mut partition = PartitionProduceData::default();
    partition.index = index;
    partition.records = Some(records);
    let mut data = TopicProduceData::default();
    data.name = topic.into();
    data.partition_data = vec![partition];
    let mut request = ProduceRequest::default();
    request.acks = acks;
    request.timeout_ms = 5_000;
    request.topic_data = vec![data];
    request
}

pub async fn produce(
    connection: &mut Connection,
    topic: &str,
    index: i32,
    records: Bytes,
    acks: i16,
) -> Result<PartitionProduceResponse, ClientError> {
    let mut response = call(connection, &produce_request(topic, index, records, acks), 10).await?;
    Ok(response.responses.remove(0).partition_responses.remove(0))
}

pub fn fetch_request(topic: &str, index: i32, offset: i64) -> FetchRequest {
    let mut partition = FetchPartition::default();
    partition.partition = index;
    partition.fetch_offset = offset;
    partition.partition_max_bytes = 1 << 20;
    let mut wanted = FetchTopic::default();
    wanted.topic = topic.into();
    wanted.partitions = vec![partition];
    let mut request = FetchRequest::default();
    request.max_wait_ms = 500;
    request.min_bytes = 1;
    request.topics = vec![wanted];
    request
}

/// Records and high watermark; `None` when the partition answers with an error.
pub async fn fetch(
    connection: &mut Connection,
    topic: &str,
    index: i32,
    offset: i64,
) -> Result<Option<(Bytes, i64)>, ClientError> {
    let response: FetchResponse = call(connection, &fetch_request(topic, index, offset), 12).await?;
    assert_eq!(response.error_code, 0);
    let data = &response.responses[0].partitions[0];
    if data.error_code != ErrorCode::None.code() {
        return Ok(None);
    }
    Ok(Some((data.records.clone().unwrap_or_default(), data.high_watermark)))
}

/// Error code and offset.
pub async fn list_offset(
    connection: &mut Connection,
    topic: &str,
    index: i32,
    timestamp: i64,
) -> Result<(i16, i64), ClientError> {
    let mut partition = ListOffsetsPartition::default();
    partition.partition_index = index;
    partition.timestamp = timestamp;
    let mut wanted = ListOffsetsTopic::default();
    wanted.name = topic.into();
    wanted.partitions = vec![partition];
    let mut request = ListOffsetsRequest::default();
    request.topics = vec![wanted];
    let response = call(connection, &request, 7).await?;
    let answer = &response.topics[0].partitions[0];
    Ok((answer.error_code, answer.offset))
}

/// Appends the values of `records` from `offset` on; gives the next offset.
pub fn read_values(records: &[u8], mut offset: i64, values: &mut Vec<String>) -> i64 {
    for batch in batches(records) {
        let batch = batch.unwrap();
        batch.verify_crc().unwrap();
        let header = *batch.header();
        let content = batch.records(1 << 26).unwrap();
        for record in content.iter() {
            let record = record.unwrap();
            let at = record.offset;
            if at >= offset {
                values.push(String::from_utf8(record.value.unwrap().to_vec()).unwrap());
            }
        }
        offset = offset.max(header.next_offset());
    }
    offset
}
