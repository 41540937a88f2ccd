//! Access control lists of a cluster: `/openmsk/v1/clusters/{arn}/acls`. Words are Kafka's, in capitals.

use serde::{Deserialize, Serialize};

/// An access control list: a pattern of resources with one entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Acl {
    /// `TOPIC`, `GROUP`, `CLUSTER`, `TRANSACTIONAL_ID`, `DELEGATION_TOKEN` or `USER`.
    pub resource_type: String,
    /// Name of the resource, `*`, or how names begin.
    pub resource_name: String,
    /// `LITERAL` or `PREFIXED`.
    pub pattern_type: String,
    /// `User:NAME`, or `User:*`.
    pub principal: String,
    /// Address, or `*`.
    pub host: String,
    /// `READ`, `WRITE` and so on, or `ALL`.
    pub operation: String,
    /// `ALLOW` or `DENY`.
    pub permission: String,
}

/// Several of them: what `GET` answers, and what `POST …/acls` and `POST …/acls/delete` take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acls {
    /// The lists.
    pub acls: Vec<Acl>,
}
