//! Transactions over the wire: both protocols, every version, and producers that do what they should not.

use std::{
    ops::RangeInclusive,
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use kafka_client::Connection;
use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{
        AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, DescribeProducersRequest, DescribeTransactionsRequest,
        EndTxnRequest, FindCoordinatorRequest, InitProducerIdRequest, ListTransactionsRequest, TxnOffsetCommitRequest,
        WriteTxnMarkersRequest,
        add_partitions_to_txn_request::AddPartitionsToTxnTopic,
        describe_producers_request::TopicRequest,
        txn_offset_commit_request::{TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic},
    },
    record_batch::RecordBatchBuilder,
};

use crate::support::cluster::{
    TestCluster, batch, call, eventually, fetch_request, produce_request, read_values, values,
};

const PROPERTIES: &[(&str, &str)] = &[
    ("offsets.topic.num.partitions", "1"),
    ("transaction.state.log.num.partitions", "1"),
];
const ID: &str = "payments";
/// The last version of Produce without new epochs, and the first with them.
const PRODUCE: (i16, i16) = (11, 12);

fn text(text: &str) -> StrBytes {
    StrBytes::from(text)
}

/// A cluster of one broker, a topic, and a connection to what coordinates everything.
async fn one_broker() -> (TestCluster, Connection) {
    let cluster = TestCluster::start(1, PROPERTIES).await;
    cluster.create_topic("t", 1, 1, &[]).await;
    let connection = cluster.connect(1).await;
    (cluster, connection)
}

type Producer = (i64, i16);

async fn init(connection: &mut Connection) -> Producer {
    let mut request = FindCoordinatorRequest::default();
    (request.key_type, request.coordinator_keys) = (1, vec![text(ID)]);
    let found = call(connection, &request, 4).await.unwrap();
    assert_eq!(found.coordinators[0].error_code, 0);
    let mut request = InitProducerIdRequest::default();
    request.transactional_id = Some(text(ID));
    request.transaction_timeout_ms = 60_000;
    (request.producer_id, request.producer_epoch) = (-1, -1);
    for _ in 0..200 {
        let answer = call(connection, &request, 4).await.unwrap();
        if answer.error_code == 0 {
            return (answer.producer_id, answer.producer_epoch);
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the producer was not let in");
}

fn records(producer: Producer, sequence: i32, value: &str) -> Bytes {
    let mut batch = RecordBatchBuilder::new()
        .producer(producer.0, producer.1, sequence)
        .transactional();
    // As new as the markers: else they would be in another segment.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    batch.append(i64::try_from(now).unwrap(), None, Some(value.as_bytes()), &[]);
    batch.build().unwrap().freeze()
}

async fn produce(connection: &mut Connection, version: i16, id: Option<&str>, records: Bytes) -> Option<ErrorCode> {
    let mut request = produce_request("t", 0, records, -1);
    request.transactional_id = id.map(text);
    let answer = call(connection, &request, version).await.unwrap();
    ErrorCode::from_code(answer.responses[0].partition_responses[0].error_code)
}

async fn add_partition(connection: &mut Connection, producer: Producer) -> i16 {
    let mut topic = AddPartitionsToTxnTopic::default();
    (topic.name, topic.partitions) = (text("t"), vec![0]);
    let mut request = AddPartitionsToTxnRequest::default();
    request.v3_and_below_transactional_id = text(ID);
    (request.v3_and_below_producer_id, request.v3_and_below_producer_epoch) = producer;
    request.v3_and_below_topics = vec![topic];
    let answer = call(connection, &request, 3).await.unwrap();
    answer.results_by_topic_v3_and_below[0].results_by_partition[0].partition_error_code
}

fn end_request(producer: Producer, commit: bool) -> EndTxnRequest {
    let mut request = EndTxnRequest::default();
    request.transactional_id = text(ID);
    (request.producer_id, request.producer_epoch) = producer;
    request.committed = commit;
    request
}

/// What readers of committed records see, once there is `count` of it.
async fn committed(cluster: &TestCluster, count: usize) -> Vec<String> {
    eventually(|| async {
        let mut connection = cluster.connect(1).await;
        let mut request = fetch_request("t", 0, 0);
        request.isolation_level = 1;
        let answer = call(&mut connection, &request, 12).await.unwrap();
        let data = &answer.responses[0].partitions[0];
        let mut values = Vec::new();
        read_values(data.records.as_deref().unwrap(), 0, &mut values);
        // Markers have values too.
        values.retain(|value| !value.starts_with('\0'));
        (values.len() >= count).then_some(values)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_that_nobody_was_told_of_are_refused() {
    let (_cluster, mut connection) = one_broker().await;
    let producer = init(&mut connection).await;
    let lone = produce(&mut connection, PRODUCE.0, None, records(producer, 0, "x")).await;
    assert_eq!(lone, Some(ErrorCode::TransactionalIdAuthorizationFailed));
    let unknown = produce(&mut connection, PRODUCE.0, Some("other"), records(producer, 0, "x")).await;
    assert_eq!(unknown, Some(ErrorCode::InvalidProducerIdMapping));
    let hasty = produce(&mut connection, PRODUCE.0, Some(ID), records(producer, 0, "x")).await;
    assert_eq!(hasty, Some(ErrorCode::TransactionAbortable));
    let old = produce(&mut connection, 10, Some(ID), records(producer, 0, "x")).await;
    assert_eq!(old, Some(ErrorCode::InvalidTxnState));
    assert_eq!(add_partition(&mut connection, producer).await, 0);
    let told = produce(&mut connection, PRODUCE.0, Some(ID), records(producer, 0, "x")).await;
    assert_eq!(told, Some(ErrorCode::None));
    let mut request = produce_request("__transaction_state", 0, batch(&values(0..1)), -1);
    request.timeout_ms = 1_000;
    let answer = call(&mut connection, &request, PRODUCE.0).await.unwrap();
    assert_eq!(
        answer.responses[0].partition_responses[0].error_code,
        ErrorCode::InvalidTopicException.code()
    );
    let again = produce(&mut connection, PRODUCE.0, Some(ID), records(producer, 0, "x")).await;
    assert_eq!(again, Some(ErrorCode::None), "it is a duplicate");
    let mut fenced = producer;
    fenced.1 -= 1;
    assert_eq!(
        add_partition(&mut connection, (producer.0 + 1, 0)).await,
        ErrorCode::InvalidProducerIdMapping.code()
    );
    assert_eq!(
        add_partition(&mut connection, fenced).await,
        ErrorCode::ProducerFenced.code()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_end_of_one_transaction_does_not_end_the_next() {
    let (cluster, mut connection) = one_broker().await;
    let mut producer = init(&mut connection).await;
    let first = producer;
    for (round, value) in [(0_i16, "a"), (1, "b")] {
        let written = produce(&mut connection, PRODUCE.1, Some(ID), records(producer, 0, value)).await;
        assert_eq!(written, Some(ErrorCode::None), "{round}");
        if round == 0 {
            let answer = call(&mut connection, &end_request(producer, true), 5).await.unwrap();
            assert_eq!((answer.error_code, answer.producer_epoch), (0, producer.1 + 1));
            producer = (answer.producer_id, answer.producer_epoch);
        }
    }
    let late = call(&mut connection, &end_request(first, true), 5).await.unwrap();
    assert_eq!(late.error_code, ErrorCode::ProducerFenced.code());
    assert_eq!(committed(&cluster, 1).await, ["a"]);
    let answer = call(&mut connection, &end_request(producer, true), 5).await.unwrap();
    assert_eq!(answer.error_code, 0);
    assert_eq!(committed(&cluster, 2).await, ["a", "b"]);
}

/// Calls a request in all these versions: an answer that cannot be expressed in one of them would end the connection.
macro_rules! answered {
    ($connection:expr, $versions:expr, $request:expr) => {
        let versions: RangeInclusive<i16> = $versions;
        for version in versions {
            let request = $request(version);
            let answer = call(&mut $connection, &request, version).await;
            assert!(answer.is_ok(), "version {version} of {request:?}: {answer:?}");
        }
    };
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_version_is_answered() {
    let (_cluster, mut connection) = one_broker().await;
    let producer = init(&mut connection).await;
    answered!(connection, 0..=5, |version| {
        let mut request = InitProducerIdRequest::default();
        request.transactional_id = Some(text(ID));
        request.transaction_timeout_ms = 1_000;
        if version >= 3 {
            (request.producer_id, request.producer_epoch) = (producer.0, 9);
        }
        request
    });
    answered!(connection, 0..=3, |_| {
        let mut request = AddPartitionsToTxnRequest::default();
        request.v3_and_below_transactional_id = text(ID);
        request.v3_and_below_topics = vec![AddPartitionsToTxnTopic::default()];
        request
    });
    answered!(connection, 4..=5, |_| AddPartitionsToTxnRequest::default());
    answered!(connection, 0..=4, |_| AddOffsetsToTxnRequest::default());
    answered!(connection, 0..=5, |_| end_request(producer, true));
    answered!(connection, 1..=1, |_| WriteTxnMarkersRequest::default());
    answered!(connection, 0..=5, |_| {
        let mut topic = TxnOffsetCommitRequestTopic::default();
        topic.name = text("t");
        topic.partitions = vec![TxnOffsetCommitRequestPartition::default()];
        let mut request = TxnOffsetCommitRequest::default();
        (request.transactional_id, request.group_id) = (text(ID), text("g"));
        request.topics = vec![topic];
        request
    });
    answered!(connection, 0..=0, |_| {
        let mut topic = TopicRequest::default();
        (topic.name, topic.partition_indexes) = (text("t"), vec![0, 7]);
        let mut request = DescribeProducersRequest::default();
        request.topics = vec![topic];
        request
    });
    answered!(connection, 0..=0, |_| {
        let mut request = DescribeTransactionsRequest::default();
        request.transactional_ids = vec![text(ID), text("unknown"), text("")];
        request
    });
    answered!(connection, 0..=2, |version| {
        let mut request = ListTransactionsRequest::default();
        request.state_filters = vec![text("Empty"), text("Nonsense")];
        request.transactional_id_pattern = (version >= 2).then(|| text("pay.*("));
        request
    });
}
