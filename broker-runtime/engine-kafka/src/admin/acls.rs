//! Access control lists. Each broker answers from the lists that it acts on.

use engine::{Acl, TopicError};
use kafka_codec::messages::{
    CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest, DescribeAclsResponse, create_acls_request::AclCreation,
    delete_acls_request::DeleteAclsFilter,
};
use kafka_metadata::acl::{AclBinding, AclOperation, AclPatternType, AclPermission, AclResourceType};

use super::{Kafka, check, text};

/// In filters, whatever there is.
const ANY: i8 = 1;

impl Kafka {
    /// All lists, in order.
    pub(crate) async fn acls(&self) -> Result<Vec<Acl>, TopicError> {
        let answer = self.ask(&everything(), 3).await?;
        check(answer.error_code, answer.error_message.as_ref(), "")?;
        Ok(lists(&answer))
    }

    /// Creates lists, and waits until all brokers act on them.
    pub(crate) async fn create_acls(&self, acls: &[Acl]) -> Result<(), TopicError> {
        let bindings = acls.iter().map(binding).collect::<Result<Vec<_>, _>>()?;
        let mut request = CreateAclsRequest::default();
        for one in &bindings {
            let mut creation = AclCreation::default();
            creation.resource_type = one.resource_type.code();
            creation.resource_name = text(&one.resource_name);
            creation.resource_pattern_type = one.pattern_type.code();
            creation.principal = text(&one.principal);
            creation.host = text(&one.host);
            creation.operation = one.operation.code();
            creation.permission_type = one.permission.code();
            request.creations.push(creation);
        }
        if bindings.is_empty() {
            return Ok(());
        }
        let before = self.acls().await?;
        let answer = self.ask(&request, 3).await?;
        let refused = answer
            .results
            .iter()
            .find_map(|result| check(result.error_code, result.error_message.as_ref(), "").err());
        if let Some(error) = refused {
            // All of them or none: those that were made go again, and those that were there stay.
            let made = acls.iter().filter(|acl| !before.contains(acl));
            let made = made.map(binding).collect::<Result<Vec<_>, _>>()?;
            if !made.is_empty() {
                self.remove(&made).await?;
            }
            return Err(error);
        }
        self.wait_everywhere("creating access control lists", &everything(), 3, |answer| {
            let there = lists(answer);
            acls.iter().all(|acl| there.contains(acl))
        })
        .await
    }

    /// Deletes exactly these, and waits until no broker acts on them.
    pub(crate) async fn delete_acls(&self, acls: &[Acl]) -> Result<(), TopicError> {
        let bindings = acls.iter().map(binding).collect::<Result<Vec<_>, _>>()?;
        if bindings.is_empty() {
            return Ok(());
        }
        self.remove(&bindings).await?;
        self.wait_everywhere("deleting access control lists", &everything(), 3, |answer| {
            let there = lists(answer);
            !acls.iter().any(|acl| there.contains(acl))
        })
        .await
    }

    async fn remove(&self, bindings: &[AclBinding]) -> Result<(), TopicError> {
        let mut request = DeleteAclsRequest::default();
        for one in bindings {
            let mut filter = DeleteAclsFilter::default();
            filter.resource_type_filter = one.resource_type.code();
            filter.resource_name_filter = Some(text(&one.resource_name));
            filter.pattern_type_filter = one.pattern_type.code();
            filter.principal_filter = Some(text(&one.principal));
            filter.host_filter = Some(text(&one.host));
            filter.operation = one.operation.code();
            filter.permission_type = one.permission.code();
            request.filters.push(filter);
        }
        let answer = self.ask(&request, 3).await?;
        for result in &answer.filter_results {
            check(result.error_code, result.error_message.as_ref(), "")?;
        }
        Ok(())
    }
}

fn everything() -> DescribeAclsRequest {
    let mut request = DescribeAclsRequest::default();
    request.resource_type_filter = ANY;
    request.pattern_type_filter = ANY;
    request.operation = ANY;
    request.permission_type = ANY;
    request.resource_name_filter = None;
    request.principal_filter = None;
    request.host_filter = None;
    request
}

/// Lists of kinds that are newer than we are left out: nobody here could have made them.
fn lists(answer: &DescribeAclsResponse) -> Vec<Acl> {
    let mut found = Vec::new();
    for resource in &answer.resources {
        for acl in &resource.acls {
            let named = || {
                Some(AclBinding {
                    resource_type: AclResourceType::from_code(resource.resource_type)?,
                    resource_name: resource.resource_name.to_string(),
                    pattern_type: AclPatternType::from_code(resource.pattern_type)?,
                    principal: acl.principal.to_string(),
                    host: acl.host.to_string(),
                    operation: AclOperation::from_code(acl.operation)?,
                    permission: AclPermission::from_code(acl.permission_type)?,
                })
            };
            found.extend(named().map(|binding| Acl::from_words(binding.words())));
        }
    }
    found.sort();
    found
}

fn binding(acl: &Acl) -> Result<AclBinding, TopicError> {
    AclBinding::from_words(acl.words()).map_err(TopicError::InvalidRequest)
}
