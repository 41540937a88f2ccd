//! Where responses say how long their client has to wait. Versions without the field leave it out when they are encoded.

use kafka_codec::messages::*;

/// A response of a request whose time is charged.
pub(crate) trait Throttled: KafkaResponse {
    /// Tells the client to wait at least as long, in milliseconds.
    fn throttle(&mut self, throttle_ms: i32);
}

macro_rules! told {
    ($($response:ty,)*) => {
        $(impl Throttled for $response {
            fn throttle(&mut self, throttle_ms: i32) {
                self.throttle_time_ms = self.throttle_time_ms.max(throttle_ms);
            }
        })*
    };
}

/// Responses without such a field in any version: the client only notices that nothing is read.
macro_rules! not_told {
    ($($response:ty,)*) => {
        $(impl Throttled for $response {
            fn throttle(&mut self, _throttle_ms: i32) {}
        })*
    };
}

told! {
    AddOffsetsToTxnResponse,
    AddPartitionsToTxnResponse,
    AlterClientQuotasResponse,
    AlterConfigsResponse,
    AlterPartitionReassignmentsResponse,
    AlterReplicaLogDirsResponse,
    AlterUserScramCredentialsResponse,
    ApiVersionsResponse,
    ConsumerGroupDescribeResponse,
    ConsumerGroupHeartbeatResponse,
    CreateAclsResponse,
    CreatePartitionsResponse,
    CreateTopicsResponse,
    DeleteAclsResponse,
    DeleteGroupsResponse,
    DeleteRecordsResponse,
    DeleteTopicsResponse,
    DescribeAclsResponse,
    DescribeClientQuotasResponse,
    DescribeClusterResponse,
    DescribeConfigsResponse,
    DescribeGroupsResponse,
    DescribeLogDirsResponse,
    DescribeProducersResponse,
    DescribeTopicPartitionsResponse,
    DescribeTransactionsResponse,
    DescribeUserScramCredentialsResponse,
    ElectLeadersResponse,
    EndTxnResponse,
    FetchResponse,
    FindCoordinatorResponse,
    HeartbeatResponse,
    IncrementalAlterConfigsResponse,
    InitProducerIdResponse,
    JoinGroupResponse,
    LeaveGroupResponse,
    ListConfigResourcesResponse,
    ListGroupsResponse,
    ListOffsetsResponse,
    ListPartitionReassignmentsResponse,
    ListTransactionsResponse,
    MetadataResponse,
    OffsetCommitResponse,
    OffsetDeleteResponse,
    OffsetFetchResponse,
    OffsetForLeaderEpochResponse,
    ProduceResponse,
    SyncGroupResponse,
    TxnOffsetCommitResponse,
    UpdateFeaturesResponse,
}

not_told! {
    DescribeQuorumResponse,
    SaslHandshakeResponse,
    WriteTxnMarkersResponse,
}
