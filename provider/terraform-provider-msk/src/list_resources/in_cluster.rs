//! What is in a cluster: topics, access control lists, quotas, users, and the policy it has.

use async_trait::async_trait;
use control_plane_api::secrets_manager::SecretRequest;
use control_plane_client::{Client, Error};
use plugin_framework::{
    Listed,
    model::{Field, Model},
};

use super::listing::{Census, Found, listed};
use crate::{
    arn,
    resources::{acl_identity, acl_summary, quota_identity, quota_owner, secret_name},
};

/// The topics of a cluster, without those that Kafka keeps for itself.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct Topics {
    /// ARN of the cluster.
    #[attribute(required, check = arn::check_cluster)]
    cluster_arn: Field<String>,
    /// Only topics whose name begins like this.
    #[attribute(optional)]
    name_prefix: Field<String>,
}

#[async_trait]
impl Census for Topics {
    const TYPE_NAME: &'static str = "msk_topic";

    async fn ask(&self, client: &Client) -> Found {
        let cluster_arn = self.cluster_arn.or_default();
        let prefix = self.name_prefix.as_str().unwrap_or_default();
        let all = client.list_topics(&cluster_arn).await?;
        let wanted = all.iter().filter(|topic| topic.topic_name.starts_with(prefix));
        Ok(wanted
            .map(|topic| {
                let name = &topic.topic_name;
                listed(name, &[("cluster_arn", &cluster_arn), ("name", name)])
            })
            .collect())
    }
}

/// The access control lists of a cluster.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct Acls {
    /// ARN of the cluster.
    #[attribute(required, check = arn::check_cluster)]
    cluster_arn: Field<String>,
}

#[async_trait]
impl Census for Acls {
    const TYPE_NAME: &'static str = "msk_acl";

    async fn ask(&self, client: &Client) -> Found {
        let cluster_arn = self.cluster_arn.or_default();
        let all = client.list_acls(&cluster_arn).await?;
        Ok(all
            .iter()
            .map(|acl| Listed {
                identity: acl_identity(&cluster_arn, acl),
                display_name: acl_summary(acl),
            })
            .collect())
    }
}

/// The client quotas of a cluster.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct Quotas {
    /// ARN of the cluster.
    #[attribute(required, check = arn::check_cluster)]
    cluster_arn: Field<String>,
}

#[async_trait]
impl Census for Quotas {
    const TYPE_NAME: &'static str = "msk_quota";

    async fn ask(&self, client: &Client) -> Found {
        let cluster_arn = self.cluster_arn.or_default();
        let all = client.list_quotas(&cluster_arn).await?;
        Ok(all
            .iter()
            .map(|quota| Listed {
                identity: quota_identity(&cluster_arn, quota),
                display_name: quota_owner(quota),
            })
            .collect())
    }
}

/// The users of a cluster that `msk_scram_secret` can manage. Whose secret has another name is listed by
/// `msk_single_scram_secret_association`.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct Users {
    /// ARN of the cluster.
    #[attribute(required, check = arn::check_cluster)]
    cluster_arn: Field<String>,
}

#[async_trait]
impl Census for Users {
    const TYPE_NAME: &'static str = "msk_scram_secret";

    async fn ask(&self, client: &Client) -> Found {
        let cluster_arn = self.cluster_arn.or_default();
        let mut found = Vec::new();
        for secret_arn in client.list_scram_secrets(&cluster_arn).await? {
            let wanted = SecretRequest {
                secret_id: secret_arn,
                ..SecretRequest::default()
            };
            // The name alone does not tell the user: what names of secrets may not have is another character there.
            let secret = match client.get_secret_value(&wanted).await {
                Ok(secret) => secret,
                Err(error) if error.is_not_found() => continue,
                Err(error) => return Err(error),
            };
            let value: serde_json::Value = serde_json::from_str(secret.secret_string.expose()).unwrap_or_default();
            let Some(user) = value["username"].as_str() else {
                continue;
            };
            if secret.name == secret_name(&cluster_arn, user) {
                found.push(listed(user, &[("cluster_arn", &cluster_arn), ("username", user)]));
            }
        }
        Ok(found)
    }
}

/// The secrets that are users of a cluster, one by one.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct Associations {
    /// ARN of the cluster.
    #[attribute(required, check = arn::check_cluster)]
    cluster_arn: Field<String>,
}

#[async_trait]
impl Census for Associations {
    const TYPE_NAME: &'static str = "msk_single_scram_secret_association";

    async fn ask(&self, client: &Client) -> Found {
        let cluster_arn = self.cluster_arn.or_default();
        let all = client.list_scram_secrets(&cluster_arn).await?;
        Ok(all
            .iter()
            .map(|secret_arn| {
                let identity = [("cluster_arn", cluster_arn.as_str()), ("secret_arn", secret_arn)];
                listed(secret_arn, &identity)
            })
            .collect())
    }
}

/// The secrets that are users of a cluster, together: one, or none where there are no users.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct AllAssociations {
    /// ARN of the cluster.
    #[attribute(required, check = arn::check_cluster)]
    cluster_arn: Field<String>,
}

#[async_trait]
impl Census for AllAssociations {
    const TYPE_NAME: &'static str = "msk_scram_secret_association";

    async fn ask(&self, client: &Client) -> Found {
        let cluster_arn = self.cluster_arn.or_default();
        let all = client.list_scram_secrets(&cluster_arn).await?;
        let one = (!all.is_empty()).then(|| listed(&cluster_arn, &[("cluster_arn", &cluster_arn)]));
        Ok(one.into_iter().collect())
    }
}

/// The policy of a cluster: one, or none.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct Policies {
    /// ARN of the cluster.
    #[attribute(required, check = arn::check_cluster)]
    cluster_arn: Field<String>,
}

#[async_trait]
impl Census for Policies {
    const TYPE_NAME: &'static str = "msk_cluster_policy";

    async fn ask(&self, client: &Client) -> Found {
        let cluster_arn = self.cluster_arn.or_default();
        // First that there is such a cluster: its error is another one.
        client.describe_cluster_v2(&cluster_arn).await?;
        match client.get_cluster_policy(&cluster_arn).await {
            Ok(_) => Ok(vec![listed(&cluster_arn, &[("cluster_arn", &cluster_arn)])]),
            Err(Error::NotFound { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}
