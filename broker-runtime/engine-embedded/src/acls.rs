//! Access control lists of a running cluster: requests to its controller, lists from its metadata image.

use async_trait::async_trait;
use engine::{Acl, AclAdmin, TopicError};
use kafka_metadata::{
    acl::{AclBinding, AclFilter, PatternFilter},
    rpc::{ControllerRequest, ControllerResponse},
};
use uuid::Uuid;

use crate::{
    EmbeddedEngine,
    metadata_calls::{refused, unexpected, wait_applied},
};

#[async_trait]
impl AclAdmin for EmbeddedEngine {
    async fn list_acls(&self, cluster_id: Uuid) -> Result<Vec<Acl>, TopicError> {
        Ok(self.cluster(cluster_id)?.image().acls.iter().map(acl).collect())
    }

    async fn create_acls(&self, cluster_id: Uuid, acls: &[Acl]) -> Result<(), TopicError> {
        let cluster = self.cluster(cluster_id)?;
        let acls = acls.iter().map(binding).collect::<Result<Vec<_>, _>>()?;
        match cluster.call(ControllerRequest::CreateAcls { acls }).await {
            Ok(ControllerResponse::Results(results)) => {
                results.into_iter().collect::<Result<(), _>>().map_err(refused)?;
            }
            Ok(other) => return Err(unexpected(&other)),
            Err(error) => return Err(refused(error)),
        }
        wait_applied(&cluster).await
    }

    async fn delete_acls(&self, cluster_id: Uuid, acls: &[Acl]) -> Result<(), TopicError> {
        let cluster = self.cluster(cluster_id)?;
        let filters = acls.iter().map(|acl| Ok(exactly(binding(acl)?)));
        let filters = filters.collect::<Result<Vec<_>, TopicError>>()?;
        match cluster.call(ControllerRequest::DeleteAcls { filters }).await {
            Ok(ControllerResponse::DeletedAcls(_)) => {}
            Ok(other) => return Err(unexpected(&other)),
            Err(error) => return Err(refused(error)),
        }
        wait_applied(&cluster).await
    }
}

fn acl(binding: &AclBinding) -> Acl {
    Acl::from_words(binding.words())
}

fn binding(acl: &Acl) -> Result<AclBinding, TopicError> {
    AclBinding::from_words(acl.words()).map_err(TopicError::InvalidRequest)
}

/// The filter that finds this one and nothing else.
fn exactly(acl: AclBinding) -> AclFilter {
    AclFilter {
        resource_type: Some(acl.resource_type),
        resource_name: Some(acl.resource_name),
        pattern_type: PatternFilter::Exactly(acl.pattern_type),
        principal: Some(acl.principal),
        host: Some(acl.host),
        operation: Some(acl.operation),
        permission: Some(acl.permission),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_kafkas_and_go_both_ways() {
        let one = Acl {
            resource_type: "TOPIC".to_owned(),
            resource_name: "ord".to_owned(),
            pattern_type: "PREFIXED".to_owned(),
            principal: "User:app".to_owned(),
            host: "*".to_owned(),
            operation: "DESCRIBE_CONFIGS".to_owned(),
            permission: "DENY".to_owned(),
        };
        let made = binding(&one).unwrap();
        assert_eq!(acl(&made), one);
        assert!(exactly(made.clone()).matches(&made));
        let wrong = Acl {
            operation: "LOOK".to_owned(),
            ..one
        };
        assert!(
            binding(&wrong)
                .unwrap_err()
                .to_string()
                .contains("\"LOOK\" is no operation")
        );
    }
}
