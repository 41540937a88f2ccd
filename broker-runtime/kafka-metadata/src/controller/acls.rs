//! Access control lists. What is there already leaves no record, as in Kafka.

use super::draft::Draft;
use crate::{
    MetadataRecord,
    acl::{AclBinding, AclFilter, AclResourceType, CLUSTER_NAME},
    rpc::{ControllerError, ControllerResponse},
};

/// Lists of one cluster, at most.
const ACLS_MAX: usize = 100_000;

/// Creates those that are not there. One result each.
pub(super) fn create(draft: &mut Draft<'_>, acls: &[AclBinding]) -> ControllerResponse {
    let results = acls.iter().map(|acl| {
        check(acl)?;
        if draft.image().acls.contains(acl) {
            return Ok(());
        }
        if draft.image().acls.len() >= ACLS_MAX {
            let message = format!("a cluster has {ACLS_MAX} access control lists at most");
            return Err(ControllerError::PolicyViolation(message));
        }
        draft.push(MetadataRecord::AclCreated { acl: acl.clone() });
        Ok(())
    });
    ControllerResponse::Results(results.collect())
}

/// Deletes those that are found, and gives them, for each filter: also what another one has found.
pub(super) fn delete(draft: &mut Draft<'_>, filters: &[AclFilter]) -> ControllerResponse {
    let there = std::sync::Arc::clone(&draft.image().acls);
    let find = |filter: &AclFilter| there.iter().filter(|acl| filter.matches(acl)).cloned().collect();
    let deleted: Vec<Vec<AclBinding>> = filters.iter().map(find).collect();
    for acl in deleted.iter().flatten() {
        if draft.image().acls.contains(acl) {
            draft.push(MetadataRecord::AclDeleted { acl: acl.clone() });
        }
    }
    ControllerResponse::DeletedAcls(deleted)
}

fn check(acl: &AclBinding) -> Result<(), ControllerError> {
    let refuse = |message: &str| Err(ControllerError::InvalidRequest(message.to_owned()));
    if acl.resource_name.is_empty() {
        return refuse("Invalid empty resource name");
    }
    if acl.resource_type == AclResourceType::Cluster && acl.resource_name != CLUSTER_NAME {
        return refuse("The only valid name for the CLUSTER resource is kafka-cluster");
    }
    let named = acl.principal.split_once(':');
    if named.is_none_or(|(kind, name)| kind.is_empty() || name.is_empty()) {
        return Err(ControllerError::InvalidRequest(format!(
            "Could not parse principal from `{}` (no colon is present separating the principal type from the principal name)",
            acl.principal
        )));
    }
    if acl.host.is_empty() {
        return refuse("the host of an access control list is an address or *");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        acl::{AclOperation, AclPatternType, AclPermission, PatternFilter},
        controller::testing::Controller,
        rpc::ControllerRequest,
    };

    fn read(topic: &str, principal: &str) -> AclBinding {
        AclBinding {
            resource_type: AclResourceType::Topic,
            resource_name: topic.to_owned(),
            pattern_type: AclPatternType::Literal,
            principal: principal.to_owned(),
            host: "*".to_owned(),
            operation: AclOperation::Read,
            permission: AclPermission::Allow,
        }
    }

    fn of(topic: Option<&str>, principal: Option<&str>) -> AclFilter {
        AclFilter {
            resource_type: None,
            resource_name: topic.map(str::to_owned),
            pattern_type: PatternFilter::Any,
            principal: principal.map(str::to_owned),
            host: None,
            operation: None,
            permission: None,
        }
    }

    #[test]
    fn what_is_there_is_created_once_and_deleted_once() {
        let mut controller = Controller::new(1);
        let acls = vec![read("a", "User:x"), read("b", "User:x"), read("a", "User:x")];
        assert_eq!(
            controller.results(ControllerRequest::CreateAcls { acls: acls.clone() }),
            [Ok(()), Ok(()), Ok(())]
        );
        assert_eq!(controller.image.acls.len(), 2);
        let written = controller.log.len();
        controller.results(ControllerRequest::CreateAcls { acls });
        assert_eq!(controller.log.len(), written, "nothing new, nothing written");

        // Both filters find the list of topic a; it is deleted by one record.
        let filters = vec![of(Some("a"), None), of(None, Some("User:x")), of(None, Some("User:y"))];
        let ControllerResponse::DeletedAcls(deleted) =
            controller.ask(ControllerRequest::DeleteAcls { filters }).unwrap()
        else {
            panic!("another answer");
        };
        let (a, b) = (read("a", "User:x"), read("b", "User:x"));
        assert_eq!(deleted, [vec![a.clone()], vec![a, b], Vec::new()]);
        assert!(controller.image.acls.is_empty());
        assert_eq!(controller.log.len(), written + 2);
    }

    #[test]
    fn one_that_is_refused_does_not_keep_others_out() {
        let mut controller = Controller::new(1);
        let cluster = |name: &str| AclBinding {
            resource_type: AclResourceType::Cluster,
            ..read(name, "User:x")
        };
        let hostless = AclBinding {
            host: String::new(),
            ..read("a", "User:x")
        };
        let acls = vec![
            read("", "User:x"),
            cluster("another"),
            read("a", "x"),
            read("a", "User:"),
            hostless,
            cluster(CLUSTER_NAME),
        ];
        let results = controller.results(ControllerRequest::CreateAcls { acls });
        let said: Vec<String> = results
            .iter()
            .map(|result| result.as_ref().map_or_else(ToString::to_string, |()| String::new()))
            .collect();
        for (said, part) in said.iter().zip(["empty", "CLUSTER", "`x`", "`User:`", "address", ""]) {
            assert!(said.contains(part), "{said:?} does not contain {part:?}");
        }
        assert!(said[5].is_empty());
        assert_eq!(controller.image.acls.len(), 1);
    }
}
