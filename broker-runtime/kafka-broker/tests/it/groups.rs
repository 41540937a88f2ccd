//! Groups and administration over the wire: every version of every request is answered, and a group survives its
//! coordinator.

use crate::support::cluster::{TestCluster, call, eventually, fetch, try_connect};
use kafka_broker::config::ListenerName;
use kafka_client::Connection;
use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{
        AlterConfigsRequest, CreatePartitionsRequest, CreateTopicsRequest, DeleteGroupsRequest, DeleteTopicsRequest,
        DescribeConfigsRequest, DescribeGroupsRequest, ElectLeadersRequest, FindCoordinatorRequest, HeartbeatRequest,
        IncrementalAlterConfigsRequest, InitProducerIdRequest, JoinGroupRequest, LeaveGroupRequest, ListGroupsRequest,
        OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest, SyncGroupRequest,
        create_partitions_request::CreatePartitionsTopic,
        create_topics_request::CreatableTopic,
        delete_topics_request::DeleteTopicState,
        describe_configs_request::DescribeConfigsResource,
        join_group_request::JoinGroupRequestProtocol,
        leave_group_request::MemberIdentity,
        offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
        offset_delete_request::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic},
        offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics},
        sync_group_request::SyncGroupRequestAssignment,
    },
    record_batch::{Compression, batches},
};

/// Few partitions of the offsets topic: the tests start faster.
const PROPERTIES: &[(&str, &str)] = &[
    ("offsets.topic.num.partitions", "3"),
    ("group.min.session.timeout.ms", "1000"),
];

fn text(text: &str) -> StrBytes {
    StrBytes::from(text)
}

/// A connection to the coordinator of `group`, once it answers as such.
async fn coordinator(cluster: &TestCluster, group: &str) -> (i32, Connection) {
    eventually(|| async {
        for id in cluster.brokers.keys() {
            let Ok(mut connection) = try_connect(cluster.port(*id, ListenerName::Plaintext)).await else {
                continue;
            };
            let mut request = FindCoordinatorRequest::default();
            request.coordinator_keys = vec![text(group)];
            let Ok(found) = call(&mut connection, &request, 4).await else {
                continue;
            };
            let found = &found.coordinators[0];
            if found.error_code != 0 {
                continue;
            }
            let port = u16::try_from(found.port).unwrap();
            let Ok(mut connection) = try_connect(port).await else {
                continue;
            };
            let mut request = DescribeGroupsRequest::default();
            request.groups = vec![text(group)];
            if let Ok(described) = call(&mut connection, &request, 5).await
                && described.groups[0].error_code == 0
            {
                return Some((found.node_id, connection));
            }
        }
        None
    })
    .await
}

fn join_request(group: &str, member: &str) -> JoinGroupRequest {
    let mut protocol = JoinGroupRequestProtocol::default();
    protocol.name = text("range");
    let mut request = JoinGroupRequest::default();
    request.group_id = text(group);
    request.member_id = text(member);
    request.session_timeout_ms = 10_000;
    request.rebalance_timeout_ms = 10_000;
    request.protocol_type = text("consumer");
    request.protocols = vec![protocol];
    request
}

fn commit_request(group: &str, member: &str, generation: i32, offset: i64) -> OffsetCommitRequest {
    let mut partition = OffsetCommitRequestPartition::default();
    partition.committed_offset = offset;
    partition.committed_metadata = Some(text("note"));
    let mut topic = OffsetCommitRequestTopic::default();
    topic.name = text("t");
    topic.partitions = vec![partition];
    let mut request = OffsetCommitRequest::default();
    request.group_id = text(group);
    request.member_id = text(member);
    request.generation_id_or_member_epoch = generation;
    request.topics = vec![topic];
    request
}

async fn committed_offset(connection: &mut Connection, group: &str) -> i64 {
    let mut topics = OffsetFetchRequestTopics::default();
    topics.name = text("t");
    topics.partition_indexes = vec![0];
    let mut wanted = OffsetFetchRequestGroup::default();
    wanted.group_id = text(group);
    wanted.topics = Some(vec![topics]);
    let mut request = OffsetFetchRequest::default();
    request.groups = vec![wanted];
    request.require_stable = true;
    let answer = call(connection, &request, 9).await.unwrap();
    assert_eq!(answer.groups[0].error_code, 0);
    answer.groups[0].topics[0].partitions[0].committed_offset
}

/// Joins as the only member: its id, in generation 1, with an assignment.
async fn enter(connection: &mut Connection, group: &str) -> String {
    let told = call(connection, &join_request(group, ""), 9).await.unwrap();
    assert_eq!(told.error_code, ErrorCode::MemberIdRequired.code());
    let member = told.member_id.as_str().to_owned();
    let joined = call(connection, &join_request(group, &member), 9).await.unwrap();
    assert_eq!((joined.error_code, joined.generation_id), (0, 1));
    assert_eq!((joined.leader.as_str(), joined.members.len()), (member.as_str(), 1));
    let mut assignment = SyncGroupRequestAssignment::default();
    assignment.member_id = text(&member);
    assignment.assignment = bytes::Bytes::from_static(b"everything");
    let mut request = SyncGroupRequest::default();
    request.group_id = text(group);
    request.member_id = text(&member);
    request.generation_id = 1;
    request.assignments = vec![assignment];
    let synced = call(connection, &request, 5).await.unwrap();
    assert_eq!((synced.error_code, &synced.assignment[..]), (0, &b"everything"[..]));
    member
}

async fn heartbeat(connection: &mut Connection, group: &str, member: &str) -> i16 {
    let mut request = HeartbeatRequest::default();
    request.group_id = text(group);
    request.member_id = text(member);
    request.generation_id = 1;
    call(connection, &request, 4).await.unwrap().error_code
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_survives_its_coordinator() {
    let mut cluster = TestCluster::start(3, PROPERTIES).await;
    cluster.create_topic("t", 1, 3, &[]).await;
    let (id, mut connection) = coordinator(&cluster, "g").await;
    let member = enter(&mut connection, "g").await;
    let committed = call(&mut connection, &commit_request("g", &member, 1, 7), 9)
        .await
        .unwrap();
    assert_eq!(committed.topics[0].partitions[0].error_code, 0);
    assert_eq!(committed_offset(&mut connection, "g").await, 7);

    cluster.kill_broker(id);
    let (next, mut connection) = coordinator(&cluster, "g").await;
    assert_ne!(next, id);
    assert_eq!(heartbeat(&mut connection, "g", &member).await, 0);
    assert_eq!(committed_offset(&mut connection, "g").await, 7);
    let committed = call(&mut connection, &commit_request("g", &member, 1, 9), 9)
        .await
        .unwrap();
    assert_eq!(committed.topics[0].partitions[0].error_code, 0);

    cluster.start_broker(id);
    let mut leaving = MemberIdentity::default();
    leaving.member_id = text(&member);
    let mut request = LeaveGroupRequest::default();
    request.group_id = text("g");
    request.members = vec![leaving];
    assert_eq!(
        call(&mut connection, &request, 5).await.unwrap().members[0].error_code,
        0
    );
    assert_eq!(
        heartbeat(&mut connection, "g", &member).await,
        ErrorCode::UnknownMemberId.code()
    );
    assert_eq!(committed_offset(&mut connection, "g").await, 9);
}

/// `offsets.topic.compression.codec` is 4 for zstd.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_groups_are_compressed_where_that_is_asked_for() {
    let properties = [PROPERTIES, &[("offsets.topic.compression.codec", "4")]].concat();
    let mut cluster = TestCluster::start(1, &properties).await;
    cluster.create_topic("t", 1, 1, &[]).await;
    let (_, mut connection) = coordinator(&cluster, "g").await;
    let member = enter(&mut connection, "g").await;
    call(&mut connection, &commit_request("g", &member, 1, 7), 9)
        .await
        .unwrap();
    let mut found = Vec::new();
    for index in 0..3 {
        let records = fetch(&mut connection, "__consumer_offsets", index, 0).await.unwrap();
        let (records, _) = records.unwrap();
        found.extend(batches(&records).map(|batch| batch.unwrap().header().compression()));
    }
    assert!(
        found.len() >= 2 && found.iter().all(|codec| *codec == Compression::Zstd),
        "{found:?}"
    );
    cluster.kill_broker(1);
    cluster.start_broker(1);
    let (_, mut connection) = coordinator(&cluster, "g").await;
    assert_eq!(heartbeat(&mut connection, "g", &member).await, 0);
    assert_eq!(committed_offset(&mut connection, "g").await, 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_does_not_coordinate_says_so() {
    let cluster = TestCluster::start(2, PROPERTIES).await;
    let (id, _) = coordinator(&cluster, "g").await;
    let mut connection = cluster.connect(3 - id).await;
    assert_eq!(
        heartbeat(&mut connection, "g", "m").await,
        ErrorCode::NotCoordinator.code()
    );
    let joined = call(&mut connection, &join_request("g", ""), 9).await.unwrap();
    assert_eq!(joined.error_code, ErrorCode::NotCoordinator.code());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offsets_of_a_deleted_topic_are_forgotten() {
    let cluster = TestCluster::start(1, PROPERTIES).await;
    cluster.create_topic("t", 1, 1, &[]).await;
    let (_, mut connection) = coordinator(&cluster, "g").await;
    call(&mut connection, &commit_request("g", "", -1, 5), 9).await.unwrap();
    assert_eq!(committed_offset(&mut connection, "g").await, 5);
    let mut request = DeleteTopicsRequest::default();
    request.topic_names = vec![text("t")];
    request.timeout_ms = 5_000;
    assert_eq!(
        call(&mut connection, &request, 5).await.unwrap().responses[0].error_code,
        0
    );
    cluster.create_topic("t", 1, 1, &[]).await;
    assert_eq!(
        committed_offset(&mut connection, "g").await,
        -1,
        "it was committed for another topic"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn producer_ids_are_never_given_twice() {
    let cluster = TestCluster::start(2, PROPERTIES).await;
    let mut given = std::collections::BTreeSet::new();
    for id in [1, 2, 1] {
        let mut connection = cluster.connect(id).await;
        let mut request = InitProducerIdRequest::default();
        request.transactional_id = None;
        let answer = call(&mut connection, &request, 4).await.unwrap();
        assert_eq!((answer.error_code, answer.producer_epoch), (0, 0));
        assert!(given.insert(answer.producer_id));
    }
}

/// Calls a request in all these versions: an answer that cannot be expressed in one of them would end the connection.
macro_rules! answered_in_all_versions {
    ($connection:expr, $versions:expr, $request:expr) => {
        for version in $versions {
            let request = $request(version);
            let answer = call($connection, &request, version).await;
            assert!(answer.is_ok(), "version {version} of {request:?}: {answer:?}");
        }
    };
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_version_of_the_group_requests_is_answered() {
    let cluster = TestCluster::start(1, PROPERTIES).await;
    cluster.create_topic("t", 1, 1, &[]).await;
    let (_, mut connection) = coordinator(&cluster, "g").await;
    let connection = &mut connection;
    answered_in_all_versions!(connection, 0..=6, |version: i16| {
        let mut request = FindCoordinatorRequest::default();
        request.key = if version < 4 { text("g") } else { text("") };
        request.coordinator_keys = if version < 4 {
            Vec::new()
        } else {
            vec![text("g"), text("h")]
        };
        request
    });
    answered_in_all_versions!(connection, 0..=9, |version: i16| {
        let mut request = join_request("versions", "");
        request.group_id = text(&format!("versions-{version}"));
        request
    });
    answered_in_all_versions!(connection, 0..=9, |_| join_request("", ""));
    answered_in_all_versions!(connection, 0..=5, |_| SyncGroupRequest::default());
    answered_in_all_versions!(connection, 0..=4, |_| HeartbeatRequest::default());
    answered_in_all_versions!(connection, 0..=5, |version: i16| {
        let mut request = LeaveGroupRequest::default();
        request.group_id = text("g");
        request.members = if version < 3 {
            Vec::new()
        } else {
            vec![MemberIdentity::default()]
        };
        request
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_version_of_the_requests_about_offsets_is_answered() {
    let cluster = TestCluster::start(1, PROPERTIES).await;
    cluster.create_topic("t", 1, 1, &[]).await;
    let (_, mut connection) = coordinator(&cluster, "g").await;
    let connection = &mut connection;
    answered_in_all_versions!(connection, 2..=9, |_| commit_request("g", "", -1, 1));
    answered_in_all_versions!(connection, 10..=10, |_| {
        let mut request = commit_request("g", "", -1, 1);
        request.topics[0].name = text("");
        request
    });
    answered_in_all_versions!(connection, 1..=10, |version: i16| {
        let mut request = OffsetFetchRequest::default();
        let mut group = OffsetFetchRequestGroup::default();
        group.group_id = text("g");
        group.topics = None;
        if version < 8 {
            request.group_id = text("g");
            request.topics = if version < 2 { Some(Vec::new()) } else { None };
        } else {
            request.groups = vec![group];
        }
        request
    });
    answered_in_all_versions!(connection, 0..=6, |_| {
        let mut request = DescribeGroupsRequest::default();
        request.groups = vec![text("g"), text("nobody")];
        request
    });
    answered_in_all_versions!(connection, 0..=5, |_| ListGroupsRequest::default());
    answered_in_all_versions!(connection, 0..=2, |_| {
        let mut request = DeleteGroupsRequest::default();
        request.groups_names = vec![text("g"), text("nobody")];
        request
    });
    answered_in_all_versions!(connection, 0..=0, |_| {
        let mut topic = OffsetDeleteRequestTopic::default();
        topic.name = text("t");
        topic.partitions = vec![OffsetDeleteRequestPartition::default()];
        let mut request = OffsetDeleteRequest::default();
        request.group_id = text("g");
        request.topics = vec![topic];
        request
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_version_of_the_admin_requests_is_answered() {
    let cluster = TestCluster::start(1, PROPERTIES).await;
    cluster.create_topic("t", 1, 1, &[]).await;
    let mut connection = cluster.connect(1).await;
    let connection = &mut connection;
    answered_in_all_versions!(connection, 2..=7, |version: i16| {
        let mut topic = CreatableTopic::default();
        topic.name = text(&format!("created-{version}"));
        topic.num_partitions = 1;
        topic.replication_factor = 1;
        let mut request = CreateTopicsRequest::default();
        request.topics = vec![topic.clone(), CreatableTopic::default()];
        request.timeout_ms = 5_000;
        request
    });
    answered_in_all_versions!(connection, 1..=6, |version: i16| {
        let mut state = DeleteTopicState::default();
        state.name = Some(text("created-6"));
        let mut request = DeleteTopicsRequest::default();
        request.topics = if version < 6 {
            Vec::new()
        } else {
            vec![state, DeleteTopicState::default()]
        };
        request.topic_names = if version < 6 {
            vec![text(&format!("created-{version}"))]
        } else {
            Vec::new()
        };
        request.timeout_ms = 5_000;
        request
    });
    answered_in_all_versions!(connection, 0..=3, |version: i16| {
        let mut topic = CreatePartitionsTopic::default();
        topic.name = text("t");
        topic.count = i32::from(version) + 2;
        let mut request = CreatePartitionsRequest::default();
        request.topics = vec![topic, CreatePartitionsTopic::default()];
        request.timeout_ms = 5_000;
        request
    });
    answered_in_all_versions!(connection, 1..=4, |version: i16| {
        let resource = |resource_type: i8, name: &str| {
            let mut resource = DescribeConfigsResource::default();
            resource.resource_type = resource_type;
            resource.resource_name = text(name);
            resource.configuration_keys = None;
            resource
        };
        let mut request = DescribeConfigsRequest::default();
        request.resources = vec![resource(2, "t"), resource(4, "1"), resource(4, ""), resource(8, "1")];
        request.include_synonyms = true;
        request.include_documentation = version >= 3;
        request
    });
    answered_in_all_versions!(connection, 0..=2, |_| AlterConfigsRequest::default());
    answered_in_all_versions!(connection, 0..=1, |_| IncrementalAlterConfigsRequest::default());
    answered_in_all_versions!(connection, 0..=5, |_| InitProducerIdRequest::default());
    answered_in_all_versions!(connection, 0..=2, |_| {
        let mut request = ElectLeadersRequest::default();
        request.topic_partitions = None;
        request
    });
}
