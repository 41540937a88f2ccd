//! Who may what in a cluster: `msk_acls`, `msk_quota` and `msk_quotas`, `msk_scram_secret` and `msk_scram_secrets`, `msk_cluster_policy`.
//! A single access control list has no data source: all of it is what it would be found by.

use async_trait::async_trait;
use control_plane_api::{quotas::Quota as ClientQuota, secrets_manager::SecretRequest};
use control_plane_client::{Client, Error};
use plugin_framework::{
    schema::{Attribute, Schema},
    value::{Number, Object, Type, Value},
};

use super::look_up::{Answer, Missing, Question, computed, computed_objects};
use crate::{
    arn,
    resources::{quota_owner, secret_name},
};

/// Numbers that a quota may have.
const VALUES: [(&str, &str); 3] = [
    (
        "producer_byte_rate",
        "Bytes a second that they may produce to a broker.",
    ),
    (
        "consumer_byte_rate",
        "Bytes a second that they may fetch from a broker.",
    ),
    (
        "request_percentage",
        "Time of one processor that their requests may take on a broker, in percent.",
    ),
];

fn in_cluster(description: &str) -> Schema {
    Schema::new().description(description).attribute(
        "cluster_arn",
        Attribute::string()
            .required()
            .check(arn::check_cluster)
            .description("ARN of the cluster."),
    )
}

fn text(asked: &Object, name: &str) -> Option<String> {
    asked.string(name).map(str::to_owned)
}

fn cluster(asked: &Object) -> String {
    text(asked, "cluster_arn").unwrap_or_default()
}

/// The access control lists of a cluster.
pub(super) struct Acls;

#[async_trait]
impl Question for Acls {
    const TYPE_NAME: &'static str = "msk_acls";

    fn schema() -> Schema {
        let row = [
            "resource_type",
            "resource_name",
            "pattern_type",
            "principal",
            "host",
            "operation",
            "permission",
        ]
        .map(|name| (name, Type::String));
        in_cluster("The access control lists of a cluster.")
            .attribute(
                "principal",
                Attribute::string()
                    .optional()
                    .description("Only those for this principal, such as `User:app`."),
            )
            .attribute("acls", computed_objects(&row, "The lists, each in Kafka's words."))
    }

    async fn ask(client: &Client, mut asked: Object) -> Answer {
        let mut all = client.list_acls(&cluster(&asked)).await?;
        if let Some(principal) = asked.string("principal") {
            all.retain(|acl| acl.principal == principal);
        }
        let rows = all.iter().map(|acl| {
            let mut row = Object::new();
            row.set_string("resource_type", &acl.resource_type)
                .set_string("resource_name", &acl.resource_name)
                .set_string("pattern_type", &acl.pattern_type)
                .set_string("principal", &acl.principal)
                .set_string("host", &acl.host)
                .set_string("operation", &acl.operation)
                .set_string("permission", &acl.permission);
            row.into_value()
        });
        let rows = Value::List(rows.collect());
        asked.set("acls", rows);
        Ok(Ok(asked))
    }
}

fn write_quota(object: &mut Object, quota: &ClientQuota) {
    let values = [
        quota.producer_byte_rate,
        quota.consumer_byte_rate,
        quota.request_percentage,
    ];
    for ((name, _), value) in VALUES.into_iter().zip(values) {
        object.set(
            name,
            value.map_or(Value::Null, |value| Value::Number(Number::from_f64(value))),
        );
    }
}

/// The quota of somebody.
pub(super) struct Quota;

#[async_trait]
impl Question for Quota {
    const TYPE_NAME: &'static str = "msk_quota";

    fn schema() -> Schema {
        let entity = |description| Attribute::string().optional().description(description);
        let schema =
            in_cluster("A client quota that exists: of a user, of a client id, or of a user's clients with an id.")
                .attribute("user", entity("Name of the user, or `<default>`."))
                .attribute("client_id", entity("`client.id`, or `<default>`."));
        VALUES.iter().fold(schema, |schema, (name, description)| {
            schema.attribute(name, Attribute::number().computed().description(description))
        })
    }

    async fn ask(client: &Client, mut asked: Object) -> Answer {
        let wanted = ClientQuota {
            user: text(&asked, "user"),
            client_id: text(&asked, "client_id"),
            ..ClientQuota::default()
        };
        let all = client.list_quotas(&cluster(&asked)).await?;
        let Some(found) = all.iter().find(|quota| quota.entity() == wanted.entity()) else {
            return Ok(Err(Missing {
                argument: if wanted.user.is_some() { "user" } else { "client_id" },
                detail: format!(
                    "There is no quota of {} in that cluster. data.msk_quotas lists those that exist.",
                    quota_owner(&wanted)
                ),
            }));
        };
        write_quota(&mut asked, found);
        Ok(Ok(asked))
    }
}

/// All quotas of a cluster.
pub(super) struct Quotas;

#[async_trait]
impl Question for Quotas {
    const TYPE_NAME: &'static str = "msk_quotas";

    fn schema() -> Schema {
        let entity = ["user", "client_id"].map(|name| (name, Type::String));
        let row: Vec<(&str, Type)> = entity
            .into_iter()
            .chain(VALUES.map(|(name, _)| (name, Type::Number)))
            .collect();
        in_cluster("The client quotas of a cluster.").attribute(
            "quotas",
            computed_objects(
                &row,
                "Whom each is for, and what it allows; null where it says nothing.",
            ),
        )
    }

    async fn ask(client: &Client, mut asked: Object) -> Answer {
        let all = client.list_quotas(&cluster(&asked)).await?;
        let rows = all.iter().map(|quota| {
            let mut row = Object::new();
            row.set_optional_string("user", quota.user.as_deref())
                .set_optional_string("client_id", quota.client_id.as_deref());
            write_quota(&mut row, quota);
            row.into_value()
        });
        let rows = Value::List(rows.collect());
        asked.set("quotas", rows);
        Ok(Ok(asked))
    }
}

/// A user of a cluster, by name.
pub(super) struct ScramSecret;

#[async_trait]
impl Question for ScramSecret {
    const TYPE_NAME: &'static str = "msk_scram_secret";

    fn schema() -> Schema {
        in_cluster("A user of a cluster that `msk_scram_secret` has made, without the password.")
            .attribute(
                "username",
                Attribute::string().required().description("Name of the user."),
            )
            .attribute("arn", computed("ARN of the secret that holds the password."))
            .attribute("id", computed("ARN of the secret."))
            .attribute("name", computed("Name of the secret."))
    }

    async fn ask(client: &Client, mut asked: Object) -> Answer {
        let (cluster_arn, username) = (cluster(&asked), text(&asked, "username").unwrap_or_default());
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
        asked
            .set_string("arn", &secret.arn)
            .set_string("id", &secret.arn)
            .set_string("name", &secret.name);
        Ok(Ok(asked))
    }
}

/// All users of a cluster.
pub(super) struct ScramSecrets;

#[async_trait]
impl Question for ScramSecrets {
    const TYPE_NAME: &'static str = "msk_scram_secrets";

    fn schema() -> Schema {
        let list = |description| Attribute::list_of_strings().computed().description(description);
        in_cluster("The secrets that are users of a cluster, without their passwords.")
            .attribute("arns", list("ARNs of the secrets."))
            .attribute("names", list("Names of the secrets, in the order of `arns`."))
    }

    async fn ask(client: &Client, mut asked: Object) -> Answer {
        let (mut arns, mut names) = (Vec::new(), Vec::new());
        for secret_arn in client.list_scram_secrets(&cluster(&asked)).await? {
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
        asked
            .set("arns", Value::strings(&arns))
            .set("names", Value::strings(&names));
        Ok(Ok(asked))
    }
}

/// The policy of a cluster.
pub(super) struct ClusterPolicy;

#[async_trait]
impl Question for ClusterPolicy {
    const TYPE_NAME: &'static str = "msk_cluster_policy";

    fn schema() -> Schema {
        in_cluster("The policy of a cluster, whoever has given it one.")
            .attribute("policy", computed("The policy, JSON."))
            .attribute("current_version", computed("Version of the policy."))
            .attribute("id", computed("ARN of the cluster."))
    }

    async fn ask(client: &Client, mut asked: Object) -> Answer {
        let cluster_arn = cluster(&asked);
        // First that there is such a cluster: its error is another one.
        client.describe_cluster_v2(&cluster_arn).await?;
        match client.get_cluster_policy(&cluster_arn).await {
            Ok(found) => {
                asked
                    .set_string("policy", &found.policy)
                    .set_string("current_version", &found.current_version)
                    .set_string("id", &cluster_arn);
                Ok(Ok(asked))
            }
            Err(Error::NotFound { .. }) => Ok(Err(Missing {
                argument: "cluster_arn",
                detail: "That cluster has no policy.".to_owned(),
            })),
            Err(error) => Err(error),
        }
    }
}
