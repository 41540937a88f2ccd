//! Consumer groups: the classic protocol, the consumer protocol (KIP-848), and committed offsets.
//!
//! A request comes from its handler to `manager`, which knows the shard of the group; `coordinator` is the task that owns
//! the shard; `shard` knows its groups and offsets; `group` is one group of the classic protocol, `consumer/` those of the other. The last three are plain values. What they
//! want written goes to `__consumer_offsets`, in the formats of `record_format`.

mod ask;
mod command;
mod consumer;
mod coordinator;
mod describe;
mod embedded_protocol;
mod error;
mod group;
mod ids;
mod join;
mod manager;
mod member;
mod membership;
mod offsets;
mod pending_offsets;
mod rebalance;
mod record_format;
mod settings;
mod shard;
mod shard_consumer;
mod shard_load;
mod shard_migration;
mod shard_offsets;
mod shard_transactions;
mod subscription;
mod sync;

pub(crate) use ask::{Ask, CommitRequest, OffsetToCommit, OffsetsWish};
pub(crate) use command::{JoinAnswer, JoinRequest, LeavingMember, Speaker, SyncRequest};
pub(crate) use consumer::{
    Assignor, ConsumerGroupDescription, ConsumerHeartbeat, ConsumerMemberDescription, HeartbeatAnswer, LEAVE_EPOCH,
    Partitions, REJOIN_LATER_EPOCH, TopicFilter, consumer_config,
};
pub(crate) use error::GroupError;
pub(crate) use group::GroupState;
pub(crate) use ids::{GroupId, InstanceId, MemberId};
pub use manager::GroupManager;
pub(crate) use member::MemberProtocol;
pub(crate) use record_format::{CommittedOffset, TopicPartition};
pub(crate) use settings::OFFSETS_TOPIC;
