//! Requests of any API, for whoever looks at bytes and answers nothing: fuzzers, and tests that try every API in every version.

use bytes::{Bytes, BytesMut};
use kafka_wire::KafkaRequest;
use kafka_wire_core::{ApiVersion, DecodeError};

use crate::{decode_limits, decode_request};

/// What has become of bytes that may be a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reread {
    /// There is no API with this key.
    NoSuchApi,
    /// They are no request of this API in this version.
    Refused(DecodeError),
    /// They are one, and what it is written as reads back as the same.
    Same,
    /// They are one, which is written as these bytes, but those are read as something else, or not at all.
    Different(Bytes),
}

fn reread<R: KafkaRequest>(version: i16, body: Bytes) -> Reread {
    let written = |request: &R| {
        let mut bytes = BytesMut::new();
        let result = request.encode_into(&mut bytes, ApiVersion::new(version));
        result.is_ok().then(|| bytes.freeze())
    };
    let request = match decode_request::<R>(version, body, decode_limits()) {
        Ok(request) => request,
        Err(error) => return Reread::Refused(error),
    };
    let first = written(&request).unwrap_or_default();
    let again = decode_request::<R>(version, first.clone(), decode_limits());
    match again.ok().and_then(|again| written(&again)) {
        // Bytes and not values: a float may be none that equals itself.
        Some(second) if second == first => Reread::Same,
        _ => Reread::Different(first),
    }
}

macro_rules! requests {
    ($($request:ident),+ $(,)?) => {
        /// Reads a body as the request with this key and version, writes what it has read, and reads that again.
        pub fn reread_request(api_key: i16, version: i16, body: Bytes) -> Reread {
            $(
                if api_key == <kafka_wire::$request as KafkaRequest>::API_KEY.value() {
                    return reread::<kafka_wire::$request>(version, body);
                }
            )+
            Reread::NoSuchApi
        }
    };
}

requests![
    AddOffsetsToTxnRequest,
    AddPartitionsToTxnRequest,
    AddRaftVoterRequest,
    AllocateProducerIdsRequest,
    AlterClientQuotasRequest,
    AlterConfigsRequest,
    AlterPartitionReassignmentsRequest,
    AlterPartitionRequest,
    AlterReplicaLogDirsRequest,
    AlterShareGroupOffsetsRequest,
    AlterUserScramCredentialsRequest,
    ApiVersionsRequest,
    AssignReplicasToDirsRequest,
    BeginQuorumEpochRequest,
    BrokerHeartbeatRequest,
    BrokerRegistrationRequest,
    ConsumerGroupDescribeRequest,
    ConsumerGroupHeartbeatRequest,
    ControllerRegistrationRequest,
    CreateAclsRequest,
    CreateDelegationTokenRequest,
    CreatePartitionsRequest,
    CreateTopicsRequest,
    DeleteAclsRequest,
    DeleteGroupsRequest,
    DeleteRecordsRequest,
    DeleteShareGroupOffsetsRequest,
    DeleteShareGroupStateRequest,
    DeleteTopicsRequest,
    DescribeAclsRequest,
    DescribeClientQuotasRequest,
    DescribeClusterRequest,
    DescribeConfigsRequest,
    DescribeDelegationTokenRequest,
    DescribeGroupsRequest,
    DescribeLogDirsRequest,
    DescribeProducersRequest,
    DescribeQuorumRequest,
    DescribeShareGroupOffsetsRequest,
    DescribeTopicPartitionsRequest,
    DescribeTransactionsRequest,
    DescribeUserScramCredentialsRequest,
    ElectLeadersRequest,
    EndQuorumEpochRequest,
    EndTxnRequest,
    EnvelopeRequest,
    ExpireDelegationTokenRequest,
    FetchRequest,
    FetchSnapshotRequest,
    FindCoordinatorRequest,
    GetTelemetrySubscriptionsRequest,
    HeartbeatRequest,
    IncrementalAlterConfigsRequest,
    InitProducerIdRequest,
    InitializeShareGroupStateRequest,
    JoinGroupRequest,
    LeaveGroupRequest,
    ListConfigResourcesRequest,
    ListGroupsRequest,
    ListOffsetsRequest,
    ListPartitionReassignmentsRequest,
    ListTransactionsRequest,
    MetadataRequest,
    OffsetCommitRequest,
    OffsetDeleteRequest,
    OffsetFetchRequest,
    OffsetForLeaderEpochRequest,
    ProduceRequest,
    PushTelemetryRequest,
    ReadShareGroupStateRequest,
    ReadShareGroupStateSummaryRequest,
    RemoveRaftVoterRequest,
    RenewDelegationTokenRequest,
    SaslAuthenticateRequest,
    SaslHandshakeRequest,
    ShareAcknowledgeRequest,
    ShareFetchRequest,
    ShareGroupDescribeRequest,
    ShareGroupHeartbeatRequest,
    StreamsGroupDescribeRequest,
    StreamsGroupHeartbeatRequest,
    StreamsGroupTopologyDescriptionUpdateRequest,
    SyncGroupRequest,
    TxnOffsetCommitRequest,
    UnregisterBrokerRequest,
    UpdateFeaturesRequest,
    UpdateRaftVoterRequest,
    VoteRequest,
    WriteShareGroupStateRequest,
    WriteTxnMarkersRequest,
];
