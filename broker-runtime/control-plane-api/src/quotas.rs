//! Client quotas of a cluster: `/openmsk/v1/clusters/{arn}/quotas`. Values hold for every broker by itself, as in Kafka.

use serde::{Deserialize, Serialize};

/// The name that stands for all users, or client ids, that have no quota of their own.
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
    /// Bytes a second that may be produced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producer_byte_rate: Option<f64>,
    /// Bytes a second that may be fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumer_byte_rate: Option<f64>,
    /// Time of one processor that requests may take, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_percentage: Option<f64>,
}

impl Quota {
    /// Whose it is, whatever the values.
    pub fn entity(&self) -> (Option<&str>, Option<&str>) {
        (self.user.as_deref(), self.client_id.as_deref())
    }

    /// True when nothing is limited.
    pub fn is_empty(&self) -> bool {
        self.producer_byte_rate.is_none() && self.consumer_byte_rate.is_none() && self.request_percentage.is_none()
    }
}

/// Several of them: what `GET` answers, and what `PUT` takes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quotas {
    /// The quotas, one an entity.
    pub quotas: Vec<Quota>,
}
