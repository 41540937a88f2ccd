//! Who may what in a cluster: `msk_acl` and `msk_acls`, `msk_quota` and `msk_quotas`, `msk_scram_secret` and `msk_scram_secrets`,
//! `msk_cluster_policy`.

use async_trait::async_trait;
use control_plane_api::{acls::Acl as AccessControlList, quotas::Quota as ClientQuota, secrets_manager::SecretRequest};
use control_plane_client::{Client, Error};
use plugin_framework::model::{Field, Model, Plain};

use super::look_up::{Answer, Missing, Question};
use crate::{
    arn,
    resources::{
        ACL_OPERATIONS, ACL_PATTERN_TYPES, ACL_PERMISSIONS, ACL_RESOURCE_TYPES, acl_id, acl_summary, quota_owner,
        secret_name,
    },
};

/// An access control list that exists, whoever has made it. All of it is what it is found by: that it is there is the answer.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct ExistingAcl {
    /// ARN of the cluster.
    #[attribute(required, check = arn::check_cluster)]
    cluster_arn: Field<String>,
    /// `TOPIC`, `GROUP`, `CLUSTER`, `TRANSACTIONAL_ID`, `DELEGATION_TOKEN` or `USER`.
    #[attribute(required, one_of = ACL_RESOURCE_TYPES)]
    resource_type: Field<String>,
    /// Name of the resource; `*` is every one, `kafka-cluster` the cluster.
    #[attribute(required)]
    resource_name: Field<String>,
    /// `LITERAL` (default) or `PREFIXED`.
    #[attribute(optional, computed, one_of = ACL_PATTERN_TYPES)]
    pattern_type: Field<String>,
    /// Who, such as `User:app`.
    #[attribute(required)]
    principal: Field<String>,
    /// Address that it holds for. Default: `*`, every one.
    #[attribute(optional, computed)]
    host: Field<String>,
    /// What is done, such as `READ`, or `ALL`.
    #[attribute(required, one_of = ACL_OPERATIONS)]
    operation: Field<String>,
    /// `ALLOW` (default) or `DENY`.
    #[attribute(optional, computed, one_of = ACL_PERMISSIONS)]
    permission: Field<String>,
    /// All arguments, with `|` between them: the id that `msk_acl` imports.
    #[attribute(computed)]
    id: Field<String>,
}

#[async_trait]
impl Question for ExistingAcl {
    const TYPE_NAME: &'static str = "msk_acl";

    async fn ask(mut self, client: &Client) -> Answer<Self> {
        let or = |field: &Field<String>, default: &str| field.cloned().unwrap_or_else(|| default.to_owned());
        let wanted = AccessControlList {
            resource_type: self.resource_type.or_default(),
            resource_name: self.resource_name.or_default(),
            pattern_type: or(&self.pattern_type, "LITERAL"),
            principal: self.principal.or_default(),
            host: or(&self.host, "*"),
            operation: self.operation.or_default(),
            permission: or(&self.permission, "ALLOW"),
        };
        let cluster_arn = self.cluster_arn.or_default();
        if !client.list_acls(&cluster_arn).await?.contains(&wanted) {
            return Ok(Err(Missing {
                argument: "principal",
                detail: format!(
                    "There is no {} from {} ({}) in that cluster. data.msk_acls lists those that exist.",
                    acl_summary(&wanted),
                    wanted.host,
                    wanted.pattern_type
                ),
            }));
        }
        self.id = acl_id(&cluster_arn, &wanted).into();
        self.pattern_type = wanted.pattern_type.into();
        self.host = wanted.host.into();
        self.permission = wanted.permission.into();
        Ok(Ok(self))
    }
}

/// The access control lists of a cluster.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct Acls {
    /// ARN of the cluster.
    #[attribute(required, check = arn::check_cluster)]
    cluster_arn: Field<String>,
    /// Only those for this principal, such as `User:app`.
    #[attribute(optional)]
    principal: Field<String>,
    /// The lists, each in Kafka's words.
    #[attribute(computed)]
    acls: Field<Plain<Vec<Acl>>>,
}

/// An access control list.
#[derive(Clone, Debug, Default, Model)]
struct Acl {
    #[attribute(computed)]
    resource_type: Field<String>,
    #[attribute(computed)]
    resource_name: Field<String>,
    #[attribute(computed)]
    pattern_type: Field<String>,
    #[attribute(computed)]
    principal: Field<String>,
    #[attribute(computed)]
    host: Field<String>,
    #[attribute(computed)]
    operation: Field<String>,
    #[attribute(computed)]
    permission: Field<String>,
}

#[async_trait]
impl Question for Acls {
    const TYPE_NAME: &'static str = "msk_acls";

    async fn ask(mut self, client: &Client) -> Answer<Self> {
        let mut all = client.list_acls(&self.cluster_arn.or_default()).await?;
        if let Some(principal) = self.principal.as_str() {
            all.retain(|acl| acl.principal == principal);
        }
        let acls = all.into_iter().map(|acl| Acl {
            resource_type: acl.resource_type.into(),
            resource_name: acl.resource_name.into(),
            pattern_type: acl.pattern_type.into(),
            principal: acl.principal.into(),
            host: acl.host.into(),
            operation: acl.operation.into(),
            permission: acl.permission.into(),
        });
        self.acls = Plain(acls.collect()).into();
        Ok(Ok(self))
    }
}

/// What a quota allows; null where it says nothing.
#[derive(Clone, Debug, Default, Model)]
struct Allowance {
    /// Bytes a second that they may produce to a broker.
    #[attribute(computed)]
    producer_byte_rate: Field<f64>,
    /// Bytes a second that they may fetch from a broker.
    #[attribute(computed)]
    consumer_byte_rate: Field<f64>,
    /// Time of one processor that their requests may take on a broker, in percent.
    #[attribute(computed)]
    request_percentage: Field<f64>,
    /// Partitions that they may create and delete a second, in the whole cluster.
    #[attribute(computed)]
    controller_mutation_rate: Field<f64>,
    /// Connections a second that the address may make to a broker.
    #[attribute(computed)]
    connection_creation_rate: Field<f64>,
}

impl Allowance {
    fn of(quota: &ClientQuota) -> Self {
        Self {
            producer_byte_rate: quota.producer_byte_rate.into(),
            consumer_byte_rate: quota.consumer_byte_rate.into(),
            request_percentage: quota.request_percentage.into(),
            controller_mutation_rate: quota.controller_mutation_rate.into(),
            connection_creation_rate: quota.connection_creation_rate.into(),
        }
    }
}

/// A client quota that exists: of a user, of a client id, of a user's clients with an id, or of an address.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct Quota {
    /// ARN of the cluster.
    #[attribute(required, check = arn::check_cluster)]
    cluster_arn: Field<String>,
    /// Name of the user, or `<default>`.
    #[attribute(optional)]
    user: Field<String>,
    /// `client.id`, or `<default>`.
    #[attribute(optional)]
    client_id: Field<String>,
    /// IP address, or `<default>`.
    #[attribute(optional)]
    ip: Field<String>,
    #[flatten]
    allowance: Allowance,
}

#[async_trait]
impl Question for Quota {
    const TYPE_NAME: &'static str = "msk_quota";

    async fn ask(mut self, client: &Client) -> Answer<Self> {
        let wanted = ClientQuota {
            user: self.user.cloned(),
            client_id: self.client_id.cloned(),
            ip: self.ip.cloned(),
            ..ClientQuota::default()
        };
        let all = client.list_quotas(&self.cluster_arn.or_default()).await?;
        let Some(found) = all.iter().find(|quota| quota.entity() == wanted.entity()) else {
            return Ok(Err(Missing {
                argument: match wanted.entity() {
                    (Some(_), _, _) => "user",
                    (None, None, Some(_)) => "ip",
                    _ => "client_id",
                },
                detail: format!(
                    "There is no quota of {} in that cluster. data.msk_quotas lists those that exist.",
                    quota_owner(&wanted)
                ),
            }));
        };
        self.allowance = Allowance::of(found);
        Ok(Ok(self))
    }
}

/// The client quotas of a cluster.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct Quotas {
    /// ARN of the cluster.
    #[attribute(required, check = arn::check_cluster)]
    cluster_arn: Field<String>,
    /// Whom each is for, and what it allows; null where it says nothing.
    #[attribute(computed)]
    quotas: Field<Plain<Vec<QuotaLine>>>,
}

/// A quota in a line.
#[derive(Clone, Debug, Default, Model)]
struct QuotaLine {
    #[attribute(computed)]
    user: Field<String>,
    #[attribute(computed)]
    client_id: Field<String>,
    #[attribute(computed)]
    ip: Field<String>,
    #[flatten]
    allowance: Allowance,
}

#[async_trait]
impl Question for Quotas {
    const TYPE_NAME: &'static str = "msk_quotas";

    async fn ask(mut self, client: &Client) -> Answer<Self> {
        let all = client.list_quotas(&self.cluster_arn.or_default()).await?;
        let lines = all.into_iter().map(|quota| QuotaLine {
            allowance: Allowance::of(&quota),
            user: quota.user.into(),
            client_id: quota.client_id.into(),
            ip: quota.ip.into(),
        });
        self.quotas = Plain(lines.collect()).into();
        Ok(Ok(self))
    }
}

/// A user of a cluster that `msk_scram_secret` has made, without the password.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct ScramSecret {
    /// ARN of the cluster.
    #[attribute(required, check = arn::check_cluster)]
    cluster_arn: Field<String>,
    /// Name of the user.
    #[attribute(required)]
    username: Field<String>,
    /// ARN of the secret that holds the password.
    #[attribute(computed)]
    arn: Field<String>,
    /// ARN of the secret.
    #[attribute(computed)]
    id: Field<String>,
    /// Name of the secret.
    #[attribute(computed)]
    name: Field<String>,
}

#[async_trait]
impl Question for ScramSecret {
    const TYPE_NAME: &'static str = "msk_scram_secret";

    async fn ask(mut self, client: &Client) -> Answer<Self> {
        let (cluster_arn, username) = (self.cluster_arn.or_default(), self.username.or_default());
        let users = client.list_scram_secrets(&cluster_arn).await?;
        let wanted = SecretRequest {
            secret_id: secret_name(&cluster_arn, &username),
            ..SecretRequest::default()
        };
        let secret = match client.describe_secret(&wanted).await {
            Ok(secret) if users.contains(&secret.arn) => Some(secret),
            Ok(_) | Err(Error::NotFound { .. }) => None,
            Err(error) => return Err(error),
        };
        let Some(secret) = secret else {
            return Ok(Err(Missing {
                argument: "username",
                detail: format!(
                    "There is no user {username:?} in that cluster. data.msk_scram_secrets lists those that exist."
                ),
            }));
        };
        self.arn = secret.arn.clone().into();
        self.id = secret.arn.into();
        self.name = secret.name.into();
        Ok(Ok(self))
    }
}

/// The secrets that are users of a cluster, without their passwords.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct ScramSecrets {
    /// ARN of the cluster.
    #[attribute(required, check = arn::check_cluster)]
    cluster_arn: Field<String>,
    /// ARNs of the secrets.
    #[attribute(computed)]
    arns: Field<Vec<String>>,
    /// Names of the secrets, in the order of `arns`.
    #[attribute(computed)]
    names: Field<Vec<String>>,
}

#[async_trait]
impl Question for ScramSecrets {
    const TYPE_NAME: &'static str = "msk_scram_secrets";

    async fn ask(mut self, client: &Client) -> Answer<Self> {
        let (mut arns, mut names) = (Vec::new(), Vec::new());
        for secret_arn in client.list_scram_secrets(&self.cluster_arn.or_default()).await? {
            let wanted = SecretRequest {
                secret_id: secret_arn,
                ..SecretRequest::default()
            };
            match client.describe_secret(&wanted).await {
                Ok(secret) => {
                    arns.push(secret.arn);
                    names.push(secret.name);
                }
                // It went away in between.
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        self.arns = arns.into();
        self.names = names.into();
        Ok(Ok(self))
    }
}

/// The policy of a cluster, whoever has given it one.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct ClusterPolicy {
    /// ARN of the cluster.
    #[attribute(required, check = arn::check_cluster)]
    cluster_arn: Field<String>,
    /// The policy, JSON.
    #[attribute(computed)]
    policy: Field<String>,
    /// Version of the policy.
    #[attribute(computed)]
    current_version: Field<String>,
    /// ARN of the cluster.
    #[attribute(computed)]
    id: Field<String>,
}

#[async_trait]
impl Question for ClusterPolicy {
    const TYPE_NAME: &'static str = "msk_cluster_policy";

    async fn ask(self, client: &Client) -> Answer<Self> {
        let cluster_arn = self.cluster_arn.or_default();
        // First that there is such a cluster: its error is another one.
        client.describe_cluster_v2(&cluster_arn).await?;
        match client.get_cluster_policy(&cluster_arn).await {
            Ok(found) => Ok(Ok(Self {
                cluster_arn: self.cluster_arn,
                policy: found.policy.into(),
                current_version: found.current_version.into(),
                id: cluster_arn.into(),
            })),
            Err(Error::NotFound { .. }) => Ok(Err(Missing {
                argument: "cluster_arn",
                detail: "That cluster has no policy.".to_owned(),
            })),
            Err(error) => Err(error),
        }
    }
}
