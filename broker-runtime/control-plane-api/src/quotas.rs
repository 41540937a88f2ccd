//! Client quotas of a cluster: `/openmsk/v1/clusters/{arn}/quotas`. Values hold for every broker by itself, as in Kafka, but for
//! changes of topics, which the controller counts.

use serde::{Deserialize, Serialize};

/// The name that stands for all users, client ids, or addresses, that have no quota of their own.
pub const DEFAULT_NAME: &str = "<default>";

/// What one entity may ask of a broker.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Quota {
    /// Name of the user, or [`DEFAULT_NAME`]; absent for everybody who uses the client id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// `client.id`, or [`DEFAULT_NAME`]; absent for all clients of the user together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// IP address, or [`DEFAULT_NAME`]; without a user and a client id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// Bytes a second that may be produced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producer_byte_rate: Option<f64>,
    /// Bytes a second that may be fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumer_byte_rate: Option<f64>,
    /// Time of one processor that requests may take, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_percentage: Option<f64>,
    /// Partitions that may be created and deleted a second, in the whole cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller_mutation_rate: Option<f64>,
    /// Connections a second that may be made from the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_creation_rate: Option<f64>,
}

impl Quota {
    /// Whose it is, whatever the values: user, client id, address.
    pub fn entity(&self) -> (Option<&str>, Option<&str>, Option<&str>) {
        (self.user.as_deref(), self.client_id.as_deref(), self.ip.as_deref())
    }

    /// The same entity's, without a value.
    pub fn of_same_entity(&self) -> Self {
        Self {
            user: self.user.clone(),
            client_id: self.client_id.clone(),
            ip: self.ip.clone(),
            ..Self::default()
        }
    }

    /// True when nothing is limited.
    pub fn is_empty(&self) -> bool {
        *self == self.of_same_entity()
    }
}

/// Several of them: what `GET` answers, and what `PUT` takes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quotas {
    /// The quotas, one an entity.
    pub quotas: Vec<Quota>,
}
