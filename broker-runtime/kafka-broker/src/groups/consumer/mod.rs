//! Groups of the consumer protocol (KIP-848): the coordinator computes the assignment, and every member moves towards its
//! part of it with its own heartbeats.
//!
//! `group` is one group, a plain value as the classic one is; `heartbeat` and `departure` are what happens to it, `reconcile`
//! is how a member gets to its target without two of them ever owning a partition, `assignor` computes targets. What a
//! group wants kept are the records of `record`, whose bytes are in `record_format`.

mod assignor;
mod classic;
mod departure;
mod describe;
mod group;
mod heartbeat;
mod member;
mod migration;
mod partitions;
mod reconcile;
mod record;
mod record_format;
mod settings;
mod topics;

pub(crate) use assignor::Assignor;
pub(crate) use describe::{ConsumerGroupDescription, ConsumerMemberDescription};
pub(crate) use group::{ConsumerGroup, Outcome, World};
pub(crate) use heartbeat::{ConsumerHeartbeat, HeartbeatAnswer, LEAVE_EPOCH, REJOIN_LATER_EPOCH, TopicFilter};
#[cfg(test)]
pub(crate) use migration::MigrationPolicy;
pub(crate) use partitions::Partitions;
pub(crate) use record::ConsumerRecord;
pub(crate) use record_format::{decode, encode};
pub(crate) use settings::{ConsumerConfig, consumer_config};

#[cfg(test)]
pub(super) mod tests;
