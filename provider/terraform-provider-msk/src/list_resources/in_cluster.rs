//! What is in a cluster: topics, access control lists, quotas, users, and the policy it has.

use async_trait::async_trait;
use control_plane_api::secrets_manager::SecretRequest;
use control_plane_client::{Client, Error};
use plugin_framework::{
    Listed,
    schema::{Attribute, Schema},
    value::Object,
};

use super::listing::{Census, Found, listed};
use crate::{
    arn,
    resources::{acl_identity, acl_summary, quota_identity, quota_owner, secret_name},
};

fn in_cluster(description: &str) -> Schema {
    Schema::new()
        .description(description)
        .attribute("cluster_arn", arn::cluster_argument())
}

fn cluster(asked: &Object) -> &str {
    asked.string("cluster_arn").unwrap_or_default()
}

/// `msk_topic`.
pub(super) struct Topics;

#[async_trait]
impl Census for Topics {
    const TYPE_NAME: &'static str = "msk_topic";

    fn schema() -> Schema {
        in_cluster("The topics of a cluster, without those that Kafka keeps for itself.").attribute(
            "name_prefix",
            Attribute::string()
                .optional()
                .description("Only topics whose name begins like this."),
        )
    }

    async fn ask(client: &Client, asked: &Object) -> Found {
        let prefix = asked.string("name_prefix").unwrap_or_default();
        let all = client.list_topics(cluster(asked)).await?;
        let wanted = all.iter().filter(|topic| topic.topic_name.starts_with(prefix));
        Ok(wanted
            .map(|topic| {
                let name = &topic.topic_name;
                listed(name, &[("cluster_arn", cluster(asked)), ("name", name)])
            })
            .collect())
    }
}

/// `msk_acl`.
pub(super) struct Acls;

#[async_trait]
impl Census for Acls {
    const TYPE_NAME: &'static str = "msk_acl";

    fn schema() -> Schema {
        in_cluster("The access control lists of a cluster.")
    }

    async fn ask(client: &Client, asked: &Object) -> Found {
        let all = client.list_acls(cluster(asked)).await?;
        Ok(all
            .iter()
            .map(|acl| Listed {
                identity: acl_identity(cluster(asked), acl),
                display_name: acl_summary(acl),
            })
            .collect())
    }
}

/// `msk_quota`.
pub(super) struct Quotas;

#[async_trait]
impl Census for Quotas {
    const TYPE_NAME: &'static str = "msk_quota";

    fn schema() -> Schema {
        in_cluster("The client quotas of a cluster.")
    }

    async fn ask(client: &Client, asked: &Object) -> Found {
        let all = client.list_quotas(cluster(asked)).await?;
        Ok(all
            .iter()
            .map(|quota| Listed {
                identity: quota_identity(cluster(asked), quota),
                display_name: quota_owner(quota),
            })
            .collect())
    }
}

/// `msk_scram_secret`: users whose secret has the name that the resource gives it.
pub(super) struct Users;

#[async_trait]
impl Census for Users {
    const TYPE_NAME: &'static str = "msk_scram_secret";

    fn schema() -> Schema {
        in_cluster(
            "The users of a cluster that `msk_scram_secret` can manage. Whose secret has another name is listed by \
             `msk_single_scram_secret_association`.",
        )
    }

    async fn ask(client: &Client, asked: &Object) -> Found {
        let mut found = Vec::new();
        for secret_arn in client.list_scram_secrets(cluster(asked)).await? {
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
            if secret.name == secret_name(cluster(asked), user) {
                found.push(listed(user, &[("cluster_arn", cluster(asked)), ("username", user)]));
            }
        }
        Ok(found)
    }
}

/// `msk_single_scram_secret_association`.
pub(super) struct Associations;

#[async_trait]
impl Census for Associations {
    const TYPE_NAME: &'static str = "msk_single_scram_secret_association";

    fn schema() -> Schema {
        in_cluster("The secrets that are users of a cluster, one by one.")
    }

    async fn ask(client: &Client, asked: &Object) -> Found {
        let all = client.list_scram_secrets(cluster(asked)).await?;
        Ok(all
            .iter()
            .map(|secret_arn| {
                let identity = [("cluster_arn", cluster(asked)), ("secret_arn", secret_arn)];
                listed(secret_arn, &identity)
            })
            .collect())
    }
}

/// `msk_scram_secret_association`.
pub(super) struct AllAssociations;

#[async_trait]
impl Census for AllAssociations {
    const TYPE_NAME: &'static str = "msk_scram_secret_association";

    fn schema() -> Schema {
        in_cluster("The secrets that are users of a cluster, together: one, or none where there are no users.")
    }

    async fn ask(client: &Client, asked: &Object) -> Found {
        let all = client.list_scram_secrets(cluster(asked)).await?;
        let one = (!all.is_empty()).then(|| listed(cluster(asked), &[("cluster_arn", cluster(asked))]));
        Ok(one.into_iter().collect())
    }
}

/// `msk_cluster_policy`.
pub(super) struct Policies;

#[async_trait]
impl Census for Policies {
    const TYPE_NAME: &'static str = "msk_cluster_policy";

    fn schema() -> Schema {
        in_cluster("The policy of a cluster: one, or none.")
    }

    async fn ask(client: &Client, asked: &Object) -> Found {
        // First that there is such a cluster: its error is another one.
        client.describe_cluster_v2(cluster(asked)).await?;
        match client.get_cluster_policy(cluster(asked)).await {
            Ok(_) => Ok(vec![listed(cluster(asked), &[("cluster_arn", cluster(asked))])]),
            Err(Error::NotFound { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}
