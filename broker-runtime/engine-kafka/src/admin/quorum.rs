//! Members of the quorum of controllers (KIP-853).

use std::{collections::BTreeMap, net::SocketAddr};

use engine::TopicError;
use kafka_codec::{
    ErrorCode,
    messages::{
        AddRaftVoterRequest, DescribeQuorumRequest, RemoveRaftVoterRequest,
        add_raft_voter_request::Listener,
        describe_quorum_request::{PartitionData, TopicData},
        describe_quorum_response::PartitionData as Quorum,
    },
    uuid_from_wire, uuid_to_wire,
};
use uuid::Uuid;

use super::{Kafka, check, text};
use crate::ports::CONTROLLER;

/// Longest time the controllers may take, milliseconds.
const CONTROLLER_LIMIT_MS: i32 = 10_000;

/// Members of the quorum, and how far they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CaughtUp {
    /// The time, as their leader has it.
    pub(crate) now_ms: i64,
    /// When each of them had all there was; negative for never.
    at_ms: BTreeMap<i32, i64>,
}

impl CaughtUp {
    /// The first member but one that had all there was no later than then, in words.
    pub(crate) fn behind(&self, but: Option<i32>, since_ms: i64) -> Option<String> {
        let mut others = self.at_ms.iter().filter(|(id, _)| Some(**id) != but);
        let (id, _) = others.find(|(_, at_ms)| **at_ms <= since_ms)?;
        Some(format!("controller {id} has not caught up"))
    }
}

impl Kafka {
    /// Members by id, with the directories by which the quorum knows them.
    pub(crate) async fn voters(&self) -> Result<BTreeMap<i32, Uuid>, TopicError> {
        let partition = self.describe_quorum().await?;
        let voters = partition.current_voters.iter();
        Ok(voters
            .map(|voter| (voter.replica_id, uuid_from_wire(voter.replica_directory_id)))
            .collect())
    }

    /// When members had all there was, by the clock of their leader.
    pub(crate) async fn caught_up(&self) -> Result<CaughtUp, TopicError> {
        let partition = self.describe_quorum().await?;
        let voters = partition.current_voters.iter();
        let at_ms: BTreeMap<i32, i64> = voters
            .map(|voter| (voter.replica_id, voter.last_caught_up_timestamp))
            .collect();
        // Of itself a leader tells the time.
        match at_ms.get(&partition.leader_id) {
            Some(now_ms) if *now_ms >= 0 => Ok(CaughtUp { now_ms: *now_ms, at_ms }),
            _ => Err(TopicError::NotController("the controllers have no leader".to_owned())),
        }
    }

    async fn describe_quorum(&self) -> Result<Quorum, TopicError> {
        let mut topic = TopicData::default();
        topic.topic_name = text("__cluster_metadata");
        topic.partitions = vec![PartitionData::default()];
        let mut request = DescribeQuorumRequest::default();
        request.topics = vec![topic];
        let answer = self.ask(&request, 2).await?;
        check(answer.error_code, answer.error_message.as_ref(), "")?;
        let partition = answer.topics.into_iter().flat_map(|topic| topic.partitions).next();
        let partition = partition.unwrap_or_default();
        check(partition.error_code, partition.error_message.as_ref(), "")?;
        Ok(partition)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn member_that_has_not_caught_up_since_is_named() {
        let quorum = CaughtUp {
            now_ms: 9_000,
            at_ms: BTreeMap::from([(1, 9_000), (2, 8_600), (3, 4_000)]),
        };
        assert_eq!(quorum.behind(None, 3_999), None);
        assert_eq!(
            quorum.behind(None, 4_000).unwrap(),
            "controller 3 has not caught up",
            "it may have been then that it was stopped"
        );
        assert_eq!(quorum.behind(Some(3), 4_000), None);
    }
}
