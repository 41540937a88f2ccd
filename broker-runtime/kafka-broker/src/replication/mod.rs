//! Replication: ISR changes on their way to the controller, fetchers that follow other brokers, how fast they
//! may, and the fetch sessions of everybody who fetches here.

mod fetch_round;
mod fetch_session;
mod fetcher;
mod fetchers;
mod followed;
mod isr_changes;
mod lost_leaders;
mod throttle;

#[cfg(test)]
pub(crate) use fetch_round::apply;
pub(crate) use fetch_session::{
    FINAL_EPOCH, FetchScope, FetchSession, FetchSessions, FetchWish, News, SessionError, SessionRequest, Told, TopicKey,
};
pub(crate) use fetchers::ReplicaFetchers;
pub(crate) use followed::Followed;
pub(crate) use isr_changes::IsrChanges;
#[cfg(test)]
pub(crate) use isr_changes::Submission;
pub(crate) use lost_leaders::LostLeaders;
pub use throttle::ThrottledReplicas;
pub(crate) use throttle::{Reasons, ReplicationThrottles};
