//! What a peer that means no good can send: the connection ends or gets an error, the broker goes on.

use std::time::Duration;

use crate::support::cluster::{DEADLINE, TestCluster, call, connect};
use kafka_broker::config::ListenerName;
use kafka_codec::messages::{ApiVersionsRequest, MetadataRequest};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

async fn raw(cluster: &TestCluster) -> TcpStream {
    TcpStream::connect(("127.0.0.1", cluster.port(1, ListenerName::Plaintext)))
        .await
        .unwrap()
}

fn frame(body: &[u8]) -> Vec<u8> {
    let mut frame = i32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
    frame.extend_from_slice(body);
    frame
}

/// Header version 1: key, version, correlation id 7, client id "x".
fn header(key: i16, version: i16) -> Vec<u8> {
    let mut bytes = key.to_be_bytes().to_vec();
    bytes.extend(version.to_be_bytes());
    bytes.extend(7i32.to_be_bytes());
    bytes.extend([0, 1, b'x']);
    bytes
}

async fn answer(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    tokio::time::timeout(DEADLINE, stream.read_to_end(&mut bytes))
        .await
        .unwrap()
        .unwrap_or(0);
    bytes
}

async fn assert_alive(cluster: &TestCluster) {
    let mut connection = connect(cluster.port(1, ListenerName::Plaintext)).await;
    let response = call(&mut connection, &MetadataRequest::default(), 9).await.unwrap();
    assert_eq!(response.brokers.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_frames_end_the_connection_and_nothing_else() {
    let cluster = TestCluster::start(1, &[]).await;
    let mut metadata_with_huge_array = header(3, 1);
    metadata_with_huge_array.extend(i32::MAX.to_be_bytes());
    let mut truncated_produce = header(0, 7);
    truncated_produce.extend([0xff, 0xff, 0xff]);
    let mut huge_fetch = header(1, 4);
    huge_fetch.extend([0; 17]);
    huge_fetch.extend(i32::MAX.to_be_bytes());
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("negative length", vec![0xff; 64]),
        ("huge length", vec![0x7f, 0xff, 0xff, 0xff, 0, 0]),
        (
            "tls hello on a plaintext port",
            vec![0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00],
        ),
        ("http", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        ("empty frame", frame(&[])),
        ("short header", frame(&[0, 3])),
        ("unknown key", frame(&header(9999, 0))),
        ("negative key", frame(&header(-1, 0))),
        ("unknown version", frame(&header(3, 99))),
        ("negative version", frame(&header(3, -5))),
        ("array of 2^31-1", frame(&metadata_with_huge_array)),
        ("fetch array of 2^31-1", frame(&huge_fetch)),
        ("truncated body", frame(&truncated_produce)),
    ];
    for (name, bytes) in cases {
        let mut stream = raw(&cluster).await;
        stream.write_all(&bytes).await.unwrap();
        let reply = answer(&mut stream).await;
        assert!(reply.is_empty(), "{name}: {reply:?}");
        assert_alive(&cluster).await;
    }
}

/// As Apache Kafka does, which reads what it knows and leaves the rest of the frame alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_after_a_request_are_left_alone() {
    let cluster = TestCluster::start(1, &[]).await;
    let mut stream = raw(&cluster).await;
    for trailing in [&[][..], &[1, 2, 3], &[0xff; 400]] {
        let request = [header(18, 0), trailing.to_vec()].concat();
        stream.write_all(&frame(&request)).await.unwrap();
        let length = usize::try_from(stream.read_i32().await.unwrap()).unwrap();
        let mut reply = vec![0; length];
        stream.read_exact(&mut reply).await.unwrap();
        assert_eq!(reply[..6], [0, 0, 0, 7, 0, 0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frame_that_never_ends_is_not_waited_for_with_memory() {
    let cluster = TestCluster::start(1, &[]).await;
    let mut streams = Vec::new();
    for _ in 0..50 {
        let mut stream = raw(&cluster).await;
        stream.write_all(&[0x05, 0, 0, 0, 0]).await.unwrap();
        streams.push(stream);
    }
    assert_alive(&cluster).await;
}

/// Peers that announce large frames and send nothing of them hold the memory that there is for requests; others wait for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn announced_frames_that_do_not_come_do_not_keep_others_waiting() {
    let properties = [
        ("socket.request.max.bytes", "1048576"),
        ("queued.max.request.bytes", "1048576"),
    ];
    let cluster = TestCluster::start(1, &properties).await;
    cluster.create_topic("t", 1, 1, &[]).await;
    let mut stream = raw(&cluster).await;
    stream.write_all(&[0x00, 0x10, 0, 0, 0]).await.unwrap();
    let large = vec!["x".repeat(100_000)];
    assert_eq!(cluster.produce("t", 0, &large).await, 0);
    assert!(answer(&mut stream).await.is_empty(), "the slow peer is still there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_api_versions_version_is_answered_in_version_0() {
    let cluster = TestCluster::start(1, &[]).await;
    let mut stream = raw(&cluster).await;
    let mut request = header(18, 42);
    request.push(0);
    stream.write_all(&frame(&request)).await.unwrap();
    let mut reply = [0; 4 + 4 + 2 + 4 + 6];
    tokio::time::timeout(Duration::from_secs(5), stream.read_exact(&mut reply))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(reply[4..8], 7i32.to_be_bytes());
    assert_eq!(reply[8..10], 35i16.to_be_bytes(), "UNSUPPORTED_VERSION");
    assert_eq!(reply[10..14], 1i32.to_be_bytes());
    assert_eq!(reply[14..20], [0, 18, 0, 0, 0, 4]);
    // The same connection asks again.
    stream.write_all(&frame(&header(18, 0))).await.unwrap();
    let mut reply = [0; 10];
    stream.read_exact(&mut reply).await.unwrap();
    assert_eq!(reply[8..10], [0, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipelined_requests_are_answered_in_order() {
    let cluster = TestCluster::start(1, &[]).await;
    let mut stream = raw(&cluster).await;
    let mut bytes = Vec::new();
    for correlation_id in 0..100i32 {
        let mut request = header(if correlation_id % 2 == 0 { 18 } else { 3 }, 0);
        request[4..8].copy_from_slice(&correlation_id.to_be_bytes());
        if correlation_id % 2 == 1 {
            request.extend(0i32.to_be_bytes());
        }
        bytes.extend(frame(&request));
    }
    stream.write_all(&bytes).await.unwrap();
    for correlation_id in 0..100i32 {
        let length = usize::try_from(stream.read_i32().await.unwrap()).unwrap();
        let mut reply = vec![0; length];
        stream.read_exact(&mut reply).await.unwrap();
        assert_eq!(reply[..4], correlation_id.to_be_bytes());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn produce_is_advertised_from_0_and_all_versions_are_those_of_the_table() {
    let cluster = TestCluster::start(1, &[]).await;
    let mut connection = connect(cluster.port(1, ListenerName::Plaintext)).await;
    let mut request = ApiVersionsRequest::default();
    request.client_software_name = "test".into();
    request.client_software_version = "1".into();
    let response = call(&mut connection, &request, 4).await.unwrap();
    let range = |key| {
        let api = response.api_keys.iter().find(|api| api.api_key == key).unwrap();
        (api.min_version, api.max_version)
    };
    assert_eq!(
        (range(0), range(1), range(3), range(18)),
        ((0, 13), (4, 18), (0, 13), (0, 4))
    );
    let features: Vec<&str> = response
        .supported_features
        .iter()
        .map(|feature| feature.name.as_str())
        .collect();
    assert_eq!(
        features,
        [
            "metadata.version",
            "transaction.version",
            "group.version",
            "eligible.leader.replicas.version"
        ]
    );
}
