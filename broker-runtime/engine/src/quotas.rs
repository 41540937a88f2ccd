//! Client quotas of a running cluster. They live in Kafka, not in the store: clients set them too.

use async_trait::async_trait;
use uuid::Uuid;

use crate::TopicError;

/// Administration of client quotas, answered by the cluster's controller.
#[async_trait]
pub trait QuotaAdmin: Send + Sync {
    /// All quotas, in an order that is always the same.
    async fn list_quotas(&self, cluster_id: Uuid) -> Result<Vec<Quota>, TopicError>;
    /// Gives each entity exactly these values, all of them or none, and returns once every broker that serves acts on them. An
    /// entity without values has no quota any more.
    async fn put_quotas(&self, cluster_id: Uuid, quotas: &[Quota]) -> Result<(), TopicError>;
}

/// A user or a client id that a quota is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuotaName {
    /// All that have none of their own.
    Default,
    /// This one.
    Named(String),
}

/// What one entity may ask of each broker; at least one of `user` and `client_id` is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Quota {
    /// Of whom; `None` for everybody who uses the client id.
    pub user: Option<QuotaName>,
    /// With which `client.id`; `None` for all clients of the user together.
    pub client_id: Option<QuotaName>,
    /// Bytes a second that may be produced.
    pub producer_byte_rate: Option<f64>,
    /// Bytes a second that may be fetched.
    pub consumer_byte_rate: Option<f64>,
    /// Time of one processor that requests may take, in percent.
    pub request_percentage: Option<f64>,
}

impl Quota {
    /// False where nothing is limited.
    pub fn limits_something(&self) -> bool {
        self.producer_byte_rate.is_some() || self.consumer_byte_rate.is_some() || self.request_percentage.is_some()
    }
}
