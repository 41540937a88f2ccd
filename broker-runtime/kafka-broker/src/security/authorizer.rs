//! Who may do what: Kafka's `StandardAuthorizer`, on the access control lists of the metadata.
//!
//! * Other brokers may do everything; so may whoever logged in with an access key, which only one gets whose policies allow
//!   everything with the data of the cluster. Lists have no effect on either.
//! * There are no super users: the control plane's API changes lists without asking a broker, so nobody can be locked out.
//! * A resource without any list is open if `allow.everyone.if.no.acl.found` says so.
//! * Refusals are logged, as Kafka does.

use std::{collections::BTreeSet, sync::Arc};

use arc_swap::ArcSwap;
use kafka_metadata::{
    MetadataImage,
    acl::{AclBinding, AclIndex, AclOperation, AclResourceType, AclVerdict, CLUSTER_NAME, Subject},
};

use crate::{
    broker::Broker,
    dispatch::RequestContext,
    groups::{GroupError, GroupId},
    transactions::TransactionError,
};

/// A resource that somebody wants to do something with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Resource<'a> {
    /// A topic.
    Topic(&'a str),
    /// A group.
    Group(&'a str),
    /// A transactional id.
    TransactionalId(&'a str),
    /// The cluster.
    Cluster,
}

impl Resource<'_> {
    fn kind(&self) -> AclResourceType {
        match self {
            Self::Topic(_) => AclResourceType::Topic,
            Self::Group(_) => AclResourceType::Group,
            Self::TransactionalId(_) => AclResourceType::TransactionalId,
            Self::Cluster => AclResourceType::Cluster,
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Topic(name) | Self::Group(name) | Self::TransactionalId(name) => name,
            Self::Cluster => CLUSTER_NAME,
        }
    }

    /// What can be done with it (`AclEntry.supportedOperations`).
    fn operations(&self) -> &'static [AclOperation] {
        use AclOperation::{
            Alter, AlterConfigs, ClusterAction, Create, Delete, Describe, DescribeConfigs, IdempotentWrite, Read, Write,
        };
        match self {
            Self::Topic(_) => &[
                Read,
                Write,
                Create,
                Describe,
                Delete,
                Alter,
                DescribeConfigs,
                AlterConfigs,
            ],
            Self::Group(_) => &[Read, Describe, Delete, DescribeConfigs, AlterConfigs],
            Self::TransactionalId(_) => &[Describe, Write],
            Self::Cluster => &[
                Create,
                ClusterAction,
                DescribeConfigs,
                AlterConfigs,
                Alter,
                IdempotentWrite,
                Describe,
            ],
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Authorizer {
    current: ArcSwap<Current>,
    /// `allow.everyone.if.no.acl.found`.
    open: bool,
}

#[derive(Debug, Default)]
struct Current {
    acls: Arc<BTreeSet<AclBinding>>,
    index: AclIndex,
}

impl Authorizer {
    /// One that knows no lists yet.
    pub(crate) fn new(open: bool) -> Self {
        Self {
            current: ArcSwap::default(),
            open,
        }
    }

    /// Takes over the lists of an image, if they have changed.
    pub(crate) fn refresh(&self, image: &MetadataImage) {
        if Arc::ptr_eq(&self.current.load().acls, &image.acls) {
            return;
        }
        self.current.store(Arc::new(Current {
            acls: Arc::clone(&image.acls),
            index: AclIndex::new(image.acls.iter()),
        }));
    }

    fn allows(&self, subject: Subject<'_>, operation: AclOperation, resource: Resource<'_>) -> bool {
        let current = self.current.load();
        if current.acls.is_empty() {
            return self.open;
        }
        match current
            .index
            .decide(subject, operation, resource.kind(), resource.name())
        {
            AclVerdict::Denied => false,
            AclVerdict::Allowed => true,
            AclVerdict::NoAcl => self.open,
        }
    }
}

impl RequestContext {
    /// Whether whoever sent the request may do this.
    pub(crate) fn may(&self, broker: &Broker, operation: AclOperation, resource: Resource<'_>) -> bool {
        let may = self.may_quietly(broker, operation, resource);
        if !may {
            tracing::info!(
                principal = self.principal.as_str(),
                host = %self.peer().ip(),
                operation = operation.name(),
                resource = resource.kind().name(),
                name = resource.name(),
                request_api = self.api_key,
                "denied by access control lists"
            );
        }
        may
    }

    /// The same where a refusal is no news: it is only left out of a list.
    pub(crate) fn may_quietly(&self, broker: &Broker, operation: AclOperation, resource: Resource<'_>) -> bool {
        let Some(subject) = self.subject() else {
            return true;
        };
        broker.authorizer.allows(subject, operation, resource)
    }

    /// The same for a group, as the answer has it.
    pub(crate) fn may_with_group(
        &self,
        broker: &Broker,
        operation: AclOperation,
        group_id: &GroupId,
    ) -> Result<(), GroupError> {
        if self.may(broker, operation, Resource::Group(group_id.as_str())) {
            Ok(())
        } else {
            Err(GroupError::GroupAuthorizationFailed)
        }
    }

    /// The same for a transactional id, as the answer has it.
    pub(crate) fn may_with_transaction(
        &self,
        broker: &Broker,
        operation: AclOperation,
        transactional_id: &str,
    ) -> Result<(), TransactionError> {
        if self.may(broker, operation, Resource::TransactionalId(transactional_id)) {
            Ok(())
        } else {
            Err(TransactionError::TransactionalIdAuthorizationFailed)
        }
    }

    /// Whether there may be a resource of a type with which whoever sent the request may do this
    /// (`Authorizer.authorizeByResourceType`).
    pub(crate) fn may_with_some(&self, broker: &Broker, operation: AclOperation, kind: AclResourceType) -> bool {
        let Some(subject) = self.subject() else {
            return true;
        };
        // A name that nobody has, as in Kafka: what holds for it holds for any.
        let some = Resource::Topic("hardcode");
        debug_assert_eq!(some.kind(), kind, "only topics are asked for");
        broker.authorizer.allows(subject, operation, some)
            || broker
                .authorizer
                .current
                .load()
                .index
                .allows_some(subject, operation, kind)
    }

    /// Everything that may be done with a resource, as the bits of Kafka's codes.
    pub(crate) fn authorized_operations(&self, broker: &Broker, resource: Resource<'_>) -> i32 {
        let operations = resource.operations().iter();
        let allowed = operations.filter(|operation| self.may_quietly(broker, **operation, resource));
        allowed.fold(0, |bits, operation| bits | 1 << operation.code())
    }

    /// Who is asked about; `None` when lists have no effect.
    fn subject(&self) -> Option<Subject<'_>> {
        let exempt = self.is_internal() || self.listener().is_iam();
        (!exempt).then(|| Subject {
            principal: self.principal.as_str(),
            host: self.peer().ip(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use kafka_metadata::acl::{AclPatternType, AclPermission, WILDCARD};

    use super::*;

    #[test]
    fn lists_are_taken_over_and_silence_follows_the_property() {
        let subject = Subject {
            principal: "User:app",
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        let acl = AclBinding {
            resource_type: AclResourceType::Topic,
            resource_name: "orders".to_owned(),
            pattern_type: AclPatternType::Literal,
            principal: "User:app".to_owned(),
            host: WILDCARD.to_owned(),
            operation: AclOperation::Read,
            permission: AclPermission::Allow,
        };
        let mut image = MetadataImage::default();
        for open in [true, false] {
            let authorizer = Authorizer::new(open);
            let allows = |operation, topic| authorizer.allows(subject, operation, Resource::Topic(topic));
            assert_eq!(allows(AclOperation::Write, "orders"), open);
            Arc::make_mut(&mut image.acls).insert(acl.clone());
            authorizer.refresh(&image);
            assert!(allows(AclOperation::Read, "orders") && !allows(AclOperation::Write, "orders"));
            assert_eq!(allows(AclOperation::Write, "other"), open);
            Arc::make_mut(&mut image.acls).clear();
            authorizer.refresh(&image);
            assert_eq!(allows(AclOperation::Write, "orders"), open);
        }
    }
}
