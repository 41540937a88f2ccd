//! Access control lists of a running cluster. They live in Kafka, not in the store: clients create them too.

use async_trait::async_trait;
use uuid::Uuid;

use crate::TopicError;

/// Administration of access control lists, answered by the cluster's controller.
#[async_trait]
pub trait AclAdmin: Send + Sync {
    /// All lists, in an order that is always the same.
    async fn list_acls(&self, cluster_id: Uuid) -> Result<Vec<Acl>, TopicError>;
    /// Creates lists, all of them or none, and returns once every broker that serves acts on them. One that is there already
    /// is fine.
    async fn create_acls(&self, cluster_id: Uuid, acls: &[Acl]) -> Result<(), TopicError>;
    /// Deletes exactly these and returns once no broker that serves acts on them. One that is not there is fine.
    async fn delete_acls(&self, cluster_id: Uuid, acls: &[Acl]) -> Result<(), TopicError>;
}

/// An access control list: a pattern of resources with one entry. Words are Kafka's, in capitals.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

impl Acl {
    /// Its words, in the order of its fields.
    pub fn words(&self) -> [&str; 7] {
        [
            &self.resource_type,
            &self.resource_name,
            &self.pattern_type,
            &self.principal,
            &self.host,
            &self.operation,
            &self.permission,
        ]
    }

    /// The list that has these words.
    pub fn from_words(words: [&str; 7]) -> Self {
        let [
            resource_type,
            resource_name,
            pattern_type,
            principal,
            host,
            operation,
            permission,
        ] = words.map(str::to_owned);
        Self {
            resource_type,
            resource_name,
            pattern_type,
            principal,
            host,
            operation,
            permission,
        }
    }
}
