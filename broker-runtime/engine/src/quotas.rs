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

/// A user, a client id or an address that a quota is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuotaName {
    /// All that have none of their own.
    Default,
    /// This one.
    Named(String),
}

impl QuotaName {
    /// The name, unless it is the default.
    pub fn named(&self) -> Option<&str> {
        match self {
            Self::Default => None,
            Self::Named(name) => Some(name),
        }
    }
}

/// What one entity may ask of each broker; at least one of `user` and `client_id` is there, or `ip` alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quota {
    /// Of whom; `None` for everybody who uses the client id.
    pub user: Option<QuotaName>,
    /// With which `client.id`; `None` for all clients of the user together.
    pub client_id: Option<QuotaName>,
    /// From which address.
    pub ip: Option<QuotaName>,
    /// Bytes a second that may be produced.
    pub producer_byte_rate: Option<f64>,
    /// Bytes a second that may be fetched.
    pub consumer_byte_rate: Option<f64>,
    /// Time of one processor that requests may take, in percent.
    pub request_percentage: Option<f64>,
    /// Partitions that may be created and deleted a second, in the whole cluster.
    pub controller_mutation_rate: Option<f64>,
    /// Connections a second that may be made from the address.
    pub connection_creation_rate: Option<f64>,
}

impl Quota {
    /// True where both are for the same.
    pub fn is_of_same_entity(&self, other: &Self) -> bool {
        (&self.user, &self.client_id, &self.ip) == (&other.user, &other.client_id, &other.ip)
    }

    /// The values that such an entity can have, under Kafka's names: those of users and clients, or that of addresses.
    pub fn values(&self) -> Vec<(&'static str, Option<f64>)> {
        if self.ip.is_some() {
            return vec![("connection_creation_rate", self.connection_creation_rate)];
        }
        vec![
            ("producer_byte_rate", self.producer_byte_rate),
            ("consumer_byte_rate", self.consumer_byte_rate),
            ("request_percentage", self.request_percentage),
            ("controller_mutation_rate", self.controller_mutation_rate),
        ]
    }

    /// Takes over the value with this name; others are none of ours.
    pub fn set(&mut self, name: &str, value: f64) {
        let field = match name {
            "producer_byte_rate" => &mut self.producer_byte_rate,
            "consumer_byte_rate" => &mut self.consumer_byte_rate,
            "request_percentage" => &mut self.request_percentage,
            "controller_mutation_rate" => &mut self.controller_mutation_rate,
            "connection_creation_rate" => &mut self.connection_creation_rate,
            _ => return,
        };
        *field = Some(value);
    }

    /// False where nothing is limited.
    pub fn limits_something(&self) -> bool {
        self.values().iter().any(|(_, value)| value.is_some())
    }
}
