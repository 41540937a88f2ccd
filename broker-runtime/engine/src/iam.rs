//! Logins with the signature of an access key: the SASL mechanisms `AWS_MSK_IAM` and `OAUTHBEARER` of MSK's IAM access
//! control. Brokers know no keys; an engine passes what a client has sent to whoever does.

use std::net::IpAddr;

use thiserror::Error;
use uuid::Uuid;

use crate::Secret;

/// What a client has sent.
#[derive(Clone, Debug)]
pub struct IamLogin {
    /// The presigned request for `kafka-cluster:Connect`, as a URL. Whoever has it can log in until it expires.
    pub url: Secret<String>,
    /// Where the client connects from.
    pub source: IpAddr,
}

/// Why nobody is logged in, in words for the client.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct IamRefusal(pub String);

/// Knows access keys and what their principals may.
pub trait IamAuthenticator: Send + Sync + 'static {
    /// The ARN of the principal that has signed and may use the cluster.
    fn authenticate(&self, cluster_id: Uuid, login: &IamLogin) -> Result<String, IamRefusal>;
}
