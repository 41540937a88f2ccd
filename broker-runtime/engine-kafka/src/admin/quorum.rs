//! Members of the quorum of controllers (KIP-853).

use std::{collections::BTreeMap, net::SocketAddr};

use engine::TopicError;
use kafka_codec::{
    ErrorCode,
    messages::{
        AddRaftVoterRequest, DescribeQuorumRequest, RemoveRaftVoterRequest,
        add_raft_voter_request::Listener,
        describe_quorum_request::{PartitionData, TopicData},
    },
    uuid_from_wire, uuid_to_wire,
};
use uuid::Uuid;

use super::{Kafka, check, text};
use crate::ports::CONTROLLER;

/// Longest time the controllers may take, milliseconds.
const CONTROLLER_LIMIT_MS: i32 = 10_000;

impl Kafka {
    /// Members by id, with the directories by which the quorum knows them.
    pub(crate) async fn voters(&self) -> Result<BTreeMap<i32, Uuid>, TopicError> {
        let mut topic = TopicData::default();
        topic.topic_name = text("__cluster_metadata");
        topic.partitions = vec![PartitionData::default()];
        let mut request = DescribeQuorumRequest::default();
        request.topics = vec![topic];
        let answer = self.ask(&request, 2).await?;
        check(answer.error_code, answer.error_message.as_ref(), "")?;
        let mut voters = BTreeMap::new();
        for partition in answer.topics.iter().flat_map(|topic| &topic.partitions) {
            check(partition.error_code, partition.error_message.as_ref(), "")?;
            let current = partition.current_voters.iter();
            voters.extend(current.map(|voter| (voter.replica_id, uuid_from_wire(voter.replica_directory_id))));
        }
        Ok(voters)
    }

    /// Takes a member out of the quorum. One that is none is fine.
    pub(crate) async fn remove_voter(&self, id: i32, directory_id: Uuid) -> Result<(), TopicError> {
        let mut request = RemoveRaftVoterRequest::default();
        request.cluster_id = None;
        request.voter_id = id;
        request.voter_directory_id = uuid_to_wire(directory_id);
        let answer = self.ask(&request, 0).await?;
        if ErrorCode::from_code(answer.error_code) == Some(ErrorCode::VoterNotFound) {
            return Ok(());
        }
        check(answer.error_code, answer.error_message.as_ref(), "")
    }

    /// Takes a member into the quorum, once it has caught up. One that is there is fine.
    pub(crate) async fn add_voter(&self, id: i32, directory_id: Uuid, address: SocketAddr) -> Result<(), TopicError> {
        let mut listener = Listener::default();
        listener.name = text(CONTROLLER);
        listener.host = text(&address.ip().to_string());
        listener.port = address.port();
        let mut request = AddRaftVoterRequest::default();
        request.cluster_id = None;
        request.timeout_ms = CONTROLLER_LIMIT_MS;
        request.voter_id = id;
        request.voter_directory_id = uuid_to_wire(directory_id);
        request.listeners = vec![listener];
        let answer = self.ask(&request, 0).await?;
        if ErrorCode::from_code(answer.error_code) == Some(ErrorCode::DuplicateVoter) {
            return Ok(());
        }
        check(answer.error_code, answer.error_message.as_ref(), "")
    }
}
