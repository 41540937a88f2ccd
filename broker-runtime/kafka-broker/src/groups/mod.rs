//! Consumer groups: the classic protocol and committed offsets.
//!
//! A request comes from its handler to `manager`, which knows the shard of the group; `coordinator` is the task that owns
//! the shard; `shard` knows its groups and offsets; `group` is one group. The last two are plain values. What they
//! want written goes to `log`, in the formats of `record_format`.

mod ask;
mod command;
mod coordinator;
mod describe;
mod error;
mod group;
mod ids;
mod join;
mod log;
mod manager;
mod member;
mod membership;
mod offsets;
mod partitioner;
mod rebalance;
mod record_bytes;
mod record_format;
mod settings;
mod shard;
mod shard_offsets;
mod subscription;
mod sync;

pub(crate) use ask::{Ask, CommitRequest, OffsetToCommit};
pub(crate) use command::{JoinAnswer, JoinRequest, LeavingMember, Speaker, SyncRequest};
pub(crate) use error::GroupError;
pub(crate) use group::GroupState;
pub(crate) use ids::{GroupId, InstanceId, MemberId};
pub use manager::GroupManager;
pub(crate) use member::MemberProtocol;
pub(crate) use partitioner::{OFFSETS_TOPIC, partition_of};
pub(crate) use record_format::{CommittedOffset, TopicPartition};
pub(crate) use settings::offsets_topic_settings;
