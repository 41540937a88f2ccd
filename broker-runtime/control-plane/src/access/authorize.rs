//! Decides whether a caller may: an explicit denial first, then what its own policy allows, and for another account's
//! cluster also what that cluster's policy allows.

use std::collections::BTreeMap;

use super::{
    caller::Caller,
    identities::policy_of,
    policy::{Access, Policy, PolicyKind, Verdict},
};
use crate::{
    arn::{self, Scope},
    error::OperationError,
    services::Services,
    store::ClusterRecord,
};

/// What a caller wants to do.
pub(crate) struct Wanted<'a> {
    /// Such as `kafka:DescribeCluster`.
    pub(crate) action: String,
    /// ARN it is about, or `*`.
    pub(crate) resource: &'a str,
    /// Tags of the request, where it makes or tags something.
    pub(crate) request_tags: BTreeMap<String, String>,
    /// Keys of tags that the request takes away.
    pub(crate) tag_keys: Vec<String>,
}

/// Succeeds when the caller may.
pub(crate) fn authorize(services: &Services, caller: &Caller, wanted: &Wanted<'_>) -> Result<(), OperationError> {
    let cluster = cluster_of(services, wanted.resource)?;
    let home = Scope::of(wanted.resource);
    if home.as_ref().is_some_and(|home| home.region != caller.world.region) {
        // Whatever is in another region is not there for this caller.
        return Err(OperationError::NotFound(format!("{} does not exist", wanted.resource)));
    }
    let context = context(caller, wanted, cluster.as_ref());
    let principal = caller.arn();
    let access = Access {
        action: &wanted.action,
        resource: wanted.resource,
        principal: &principal,
        account: &caller.world.account,
        context: &context,
    };
    let foreign = home.is_some_and(|home| home.account != caller.world.account);
    let shared = match cluster.as_ref().and_then(|cluster| cluster.policy.as_ref()) {
        Some(policy) => stored(&policy.document, PolicyKind::Resource)?.verdict(&access),
        None => Verdict::Silent,
    };
    if foreign && shared != Verdict::Allowed {
        // Who may not see it does not learn that it is there.
        return Err(OperationError::NotFound(format!("{} does not exist", wanted.resource)));
    }
    let own = match &caller.principal {
        None => Verdict::Allowed,
        Some(name) => match policy_of(services, &caller.world.account, name)? {
            Some(text) => stored(&text, PolicyKind::Identity)?.verdict(&access),
            None => Verdict::Silent,
        },
    };
    let why = match (own, shared) {
        (Verdict::Denied, _) => "an explicit deny in its policy",
        (_, Verdict::Denied) => "an explicit deny in the policy of the cluster",
        (Verdict::Silent, _) => "no policy allows it",
        (Verdict::Allowed, _) => return Ok(()),
    };
    Err(OperationError::Forbidden(format!(
        "{principal} may not {} on {}: {why}",
        wanted.action, wanted.resource
    )))
}

fn stored(text: &str, kind: PolicyKind) -> Result<Policy, OperationError> {
    Policy::parse(text, kind)
        .map_err(|problem| OperationError::Internal(format!("a stored policy cannot be read: {problem}")))
}

fn cluster_of(services: &Services, resource: &str) -> Result<Option<ClusterRecord>, OperationError> {
    let Some(uuid) = arn::cluster_uuid(resource) else {
        return Ok(None);
    };
    let found: Option<ClusterRecord> = services.store.get(&uuid.to_string())?;
    Ok(found.filter(|cluster| cluster.arn == resource))
}

fn context(caller: &Caller, wanted: &Wanted<'_>, cluster: Option<&ClusterRecord>) -> BTreeMap<String, Vec<String>> {
    let mut context = BTreeMap::from([
        ("aws:principalarn".to_owned(), vec![caller.arn()]),
        ("aws:principalaccount".to_owned(), vec![caller.world.account.clone()]),
        ("aws:requestedregion".to_owned(), vec![caller.world.region.clone()]),
        ("aws:sourceip".to_owned(), vec![caller.source.clone()]),
    ]);
    let keys: Vec<String> = wanted.request_tags.keys().chain(&wanted.tag_keys).cloned().collect();
    if !keys.is_empty() {
        context.insert("aws:tagkeys".to_owned(), keys);
    }
    for (key, value) in &wanted.request_tags {
        context.insert(
            format!("aws:requesttag/{}", key.to_ascii_lowercase()),
            vec![value.clone()],
        );
    }
    for (key, value) in cluster.iter().flat_map(|cluster| &cluster.tags) {
        context.insert(
            format!("aws:resourcetag/{}", key.to_ascii_lowercase()),
            vec![value.clone()],
        );
    }
    context
}
