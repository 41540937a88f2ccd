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
    let policies = Policies::of(services, caller, cluster.as_ref())?;
    let shared = verdict(policies.clusters.as_ref(), &access);
    if home.is_some_and(|home| home.account != caller.world.account) && shared != Verdict::Allowed {
        // Who may not see it does not learn that it is there.
        return Err(OperationError::NotFound(format!("{} does not exist", wanted.resource)));
    }
    let why = match (policies.own(&access), shared) {
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

/// Succeeds when the caller may do everything with the data of a cluster. Brokers do not look at single requests yet, so
/// whoever may do less, or may be denied something, is not let in at all; the error says what is missing.
pub(crate) fn authorize_all_data(
    services: &Services,
    caller: &Caller,
    cluster: &ClusterRecord,
) -> Result<(), OperationError> {
    let principal = caller.arn();
    let refused = |action: &str, why: &str| {
        Err(OperationError::Forbidden(format!(
            "{principal} may not {action} with everything in {}: {why}. Brokers do not look at single requests yet: whoever \
             connects needs kafka-cluster:* on the cluster, its topics, its groups and its transactional ids",
            cluster.arn
        )))
    };
    let policies = Policies::of(services, caller, Some(cluster))?;
    let foreign = Scope::of(&cluster.arn).is_none_or(|home| home.account != caller.world.account);
    let wanted = Wanted {
        action: String::new(),
        resource: &cluster.arn,
        request_tags: BTreeMap::new(),
        tag_keys: Vec::new(),
    };
    let context = context(caller, &wanted, Some(cluster));
    for (action, kind) in DATA_ACTIONS {
        let of_kind = arn::of_cluster(&cluster.arn, kind, &ANY.to_string().repeat(ANY_CHARS));
        let access = Access {
            action,
            resource: if kind == "cluster" { &cluster.arn } else { &of_kind },
            principal: &principal,
            account: &caller.world.account,
            context: &context,
        };
        if policies.all().any(|policy| policy.may_deny(&access)) {
            return refused(action, "an explicit deny names it");
        }
        if policies.own(&access) != Verdict::Allowed {
            return refused(action, "no policy of its own allows it");
        }
        if foreign && verdict(policies.clusters.as_ref(), &access) != Verdict::Allowed {
            return refused(action, "the policy of the cluster does not allow it");
        }
    }
    Ok(())
}

/// Stands for any name in an ARN: only a wildcard takes it.
const ANY: char = '\u{1}';
const ANY_CHARS: usize = 64;

/// What can be done with the data of a cluster, and with what. Source: "Semantics of IAM authorization policy actions and
/// resources" in the developer guide of Amazon MSK.
const DATA_ACTIONS: [(&str, &str); 19] = [
    ("kafka-cluster:Connect", "cluster"),
    ("kafka-cluster:DescribeCluster", "cluster"),
    ("kafka-cluster:AlterCluster", "cluster"),
    ("kafka-cluster:DescribeClusterDynamicConfiguration", "cluster"),
    ("kafka-cluster:AlterClusterDynamicConfiguration", "cluster"),
    ("kafka-cluster:WriteDataIdempotently", "cluster"),
    ("kafka-cluster:CreateTopic", "topic"),
    ("kafka-cluster:DescribeTopic", "topic"),
    ("kafka-cluster:AlterTopic", "topic"),
    ("kafka-cluster:DeleteTopic", "topic"),
    ("kafka-cluster:DescribeTopicDynamicConfiguration", "topic"),
    ("kafka-cluster:AlterTopicDynamicConfiguration", "topic"),
    ("kafka-cluster:ReadData", "topic"),
    ("kafka-cluster:WriteData", "topic"),
    ("kafka-cluster:DescribeGroup", "group"),
    ("kafka-cluster:AlterGroup", "group"),
    ("kafka-cluster:DeleteGroup", "group"),
    ("kafka-cluster:DescribeTransactionalId", "transactional-id"),
    ("kafka-cluster:AlterTransactionalId", "transactional-id"),
];

/// The policies that decide about a caller and a cluster.
struct Policies {
    /// The root of an account needs none.
    is_root: bool,
    /// The caller's own.
    callers: Option<Policy>,
    /// That of the cluster.
    clusters: Option<Policy>,
}

impl Policies {
    fn of(services: &Services, caller: &Caller, cluster: Option<&ClusterRecord>) -> Result<Self, OperationError> {
        let callers = match &caller.principal {
            None => None,
            Some(name) => policy_of(services, &caller.world.account, name)?,
        };
        let clusters = cluster.and_then(|cluster| cluster.policy.as_ref());
        Ok(Self {
            is_root: caller.principal.is_none(),
            callers: callers.map(|text| stored(&text, PolicyKind::Identity)).transpose()?,
            clusters: clusters
                .map(|policy| stored(&policy.document, PolicyKind::Resource))
                .transpose()?,
        })
    }

    /// What the caller's own policy says.
    fn own(&self, access: &Access<'_>) -> Verdict {
        if self.is_root {
            return Verdict::Allowed;
        }
        verdict(self.callers.as_ref(), access)
    }

    fn all(&self) -> impl Iterator<Item = &Policy> {
        self.callers.iter().chain(&self.clusters)
    }
}

fn verdict(policy: Option<&Policy>, access: &Access<'_>) -> Verdict {
    policy.map_or(Verdict::Silent, |policy| policy.verdict(access))
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
