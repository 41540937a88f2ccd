//! `msk_scram_secret`: a user of a cluster, whose password Terraform sends and does not keep.

use std::sync::Arc;

use async_trait::async_trait;
use control_plane_api::{
    SecretText,
    scram::ScramSecretsRequest,
    secrets_manager::{CreateSecretRequest, DescribeSecretResponse, PutSecretValueRequest, SecretRequest},
};
use control_plane_client::{Client, Error, Result};
use plugin_framework::{
    ApplyRequest, Context, DeleteRequest, Diagnostics, Plan, ReadRequest, Resource, StateSink,
    model::{Field, Model},
    schema::Schema,
    value::{Number, Object, Path, Value},
};

use super::creations::{Creations, settle};
use crate::{arn, control_plane::ControlPlane, diagnostics, patience::patiently, timeouts};

/// Shortest password, as MSK has it.
const PASSWORD_CHARS_MIN: usize = 8;
/// The stage of the version in force.
const CURRENT: &str = "AWSCURRENT";

// It cannot be printed: it has the password.
/// A user of a cluster, with a password.
#[derive(Default, Model)]
struct ScramSecretModel {
    /// ARN of the cluster. SCRAM has to be enabled in its `client_authentication`.
    #[attribute(required, replaces = "a user belongs to one cluster")]
    cluster_arn: Field<String>,
    /// Name of the user.
    #[attribute(required, replaces = "the name is the identity of a user")]
    username: Field<String>,
    /// Password of the user; kept neither in the plan nor in the state.
    #[attribute(required, sensitive, write_only, check = check_password)]
    password_wo: Field<String>,
    /// Any number; when it changes, `password_wo` is sent again.
    #[attribute(optional)]
    password_wo_version: Field<Number>,
    /// ARN of the secret.
    #[attribute(computed, stable)]
    arn: Field<String>,
    /// ARN of the secret.
    #[attribute(computed, stable)]
    id: Field<String>,
    /// Name of the secret.
    #[attribute(computed, stable)]
    name: Field<String>,
    /// Version of the secret's value.
    #[attribute(computed)]
    version_id: Field<String>,
}

impl ScramSecretModel {
    fn set_secret(&mut self, arn: &str, name: &str) {
        self.arn = arn.into();
        self.id = arn.into();
        self.name = name.into();
    }

    /// What a state says after an answer of the control plane. A version that is not the one we wrote becomes null, so that
    /// the password is planned to be sent again.
    fn write(&mut self, secret: &DescribeSecretResponse) {
        self.set_secret(&secret.arn, &secret.name);
        let mut versions = secret.version_ids_to_stages.iter();
        let current = versions.find(|(_, stages)| stages.iter().any(|it| it == CURRENT));
        if self.version_id.as_str() != current.map(|(version, _)| version.as_str()) {
            self.version_id = Field::Null;
        }
    }
}

/// The resource type.
pub(crate) struct ScramSecret {
    control_plane: Arc<ControlPlane>,
    creations: Arc<Creations>,
    schema: Schema,
}

impl ScramSecret {
    pub(crate) fn new(control_plane: Arc<ControlPlane>, creations: Arc<Creations>) -> Self {
        Self {
            control_plane,
            creations,
            schema: ScramSecretModel::schema(),
        }
    }
}

#[async_trait]
impl Resource for ScramSecret {
    fn type_name(&self) -> &'static str {
        "msk_scram_secret"
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn identity(&self) -> &'static [&'static str] {
        &["cluster_arn", "username"]
    }

    async fn plan(&self, _context: &Context, plan: &mut Plan<'_>) -> Diagnostics {
        let mut planned = ScramSecretModel::from_object(plan.planned);
        let prior = plan.prior.filter(|_| plan.replaces.is_empty());
        planned.version_id = match prior.map(ScramSecretModel::from_object) {
            Some(prior) if !prior.version_id.is_null() && prior.password_wo_version == planned.password_wo_version => {
                prior.version_id
            }
            _ => Field::unknown(),
        };
        *plan.planned = planned.to_object();
        Diagnostics::none()
    }

    async fn create(&self, context: &Context, request: ApplyRequest, sink: &mut StateSink) -> Diagnostics {
        let mut state = ScramSecretModel::from_object(&request.planned);
        let Some(user) = User::of(&state, &request.config) else {
            return incomplete();
        };
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let doing = format!("create user {:?}", user.name);
        let identity = format!("{}|{}", user.cluster_arn, user.name);
        let token = match self.creations.begin(self.type_name(), &identity, sink) {
            Ok(token) => token,
            Err(diagnostics) => return diagnostics,
        };
        let made = async {
            let secret = user.write_secret(&client, &token).await?;
            state.set_secret(&secret.arn, &secret.name);
            state.version_id = secret.version_id.into();
            // From here on there is something that would be orphaned.
            sink.save(state.to_object());
            user.associate(&client, &secret.arn).await
        };
        match patiently(context, timeouts::DEFAULT, &doing, made).await {
            Ok(()) => Diagnostics::none(),
            Err(error) if error.is_conflict() => {
                diagnostics::of_existing("user", &user.name, &format!("msk_scram_secret.NAME '{identity}'"))
            }
            Err(error) => diagnostics::of_call(&doing, &error),
        }
    }

    async fn read(&self, context: &Context, request: ReadRequest, sink: &mut StateSink) -> Diagnostics {
        let mut state = ScramSecretModel::from_object(&request.prior);
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let (cluster_arn, username) = (state.cluster_arn.or_default(), state.username.or_default());
        let doing = format!("read user {username:?}");
        let named = || secret_name(&cluster_arn, &username);
        let secret = state.arn.cloned().unwrap_or_else(named);
        let found = async {
            let secret = client.describe_secret(&by_id(&secret)).await?;
            let associated = client.list_scram_secrets(&cluster_arn).await?.contains(&secret.arn);
            Ok((secret, associated))
        };
        match patiently(context, timeouts::DEFAULT, &doing, found).await {
            Ok((secret, associated)) => {
                state.write(&secret);
                if !associated {
                    // The user cannot log in, but the secret is there, and must not be forgotten: an update mends it.
                    state.version_id = Field::Null;
                }
                settle(&client, sink).await;
                sink.save(state.to_object());
                Diagnostics::none()
            }
            Err(error) if error.is_not_found() => {
                sink.remove();
                Diagnostics::none()
            }
            Err(error) => diagnostics::of_call(&doing, &error),
        }
    }

    async fn update(&self, context: &Context, request: ApplyRequest, sink: &mut StateSink) -> Diagnostics {
        let mut state = ScramSecretModel::from_object(&request.planned);
        let prior = ScramSecretModel::from_object(&request.prior.unwrap_or_default());
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        if !state.version_id.is_unknown() {
            sink.save(request.planned);
            return Diagnostics::none();
        }
        let Some(user) = User::of(&state, &request.config) else {
            return incomplete();
        };
        let doing = format!("change the password of user {:?}", user.name);
        let secret_arn = prior.arn.or_default();
        let changed = async {
            let version = user.put(&client, &secret_arn).await?;
            if !client
                .list_scram_secrets(&user.cluster_arn)
                .await?
                .contains(&secret_arn)
            {
                user.associate(&client, &secret_arn).await?;
            }
            Ok(version)
        };
        match patiently(context, timeouts::DEFAULT, &doing, changed).await {
            Ok(version) => {
                state.version_id = version.into();
                sink.save(state.to_object());
                Diagnostics::none()
            }
            Err(error) => diagnostics::of_call(&doing, &error),
        }
    }

    async fn delete(&self, context: &Context, request: DeleteRequest) -> Diagnostics {
        let prior = ScramSecretModel::from_object(&request.prior);
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let (cluster_arn, secret_arn) = (prior.cluster_arn.or_default(), prior.arn.or_default());
        let doing = format!("delete user {:?}", prior.username.or_default());
        let deleted = async {
            let wanted = ScramSecretsRequest {
                secret_arn_list: vec![secret_arn.clone()],
            };
            match client.batch_disassociate_scram_secret(&cluster_arn, &wanted).await {
                Err(error) if !error.is_not_found() => return Err(error),
                // What is not associated any more is as it should be.
                _ => (),
            }
            client.delete_secret(&by_id(&secret_arn)).await.map(drop)
        };
        match patiently(context, timeouts::DEFAULT, &doing, deleted).await {
            Err(error) if !error.is_not_found() => diagnostics::of_call(&doing, &error),
            _ => Diagnostics::none(),
        }
    }

    async fn import(&self, _context: &Context, id: &str) -> std::result::Result<Object, Diagnostics> {
        let (cluster_arn, username) = arn::in_cluster(id).ok_or_else(|| {
            Diagnostics::from_error(
                "This is not the id of a user",
                format!("{id:?} is not the ARN of a cluster and the name of a user with | between them."),
            )
        })?;
        let state = ScramSecretModel {
            cluster_arn: cluster_arn.into(),
            username: username.into(),
            ..ScramSecretModel::default()
        };
        Ok(state.to_object())
    }
}

/// A user, and the password to set.
struct User {
    cluster_arn: String,
    name: String,
    value: SecretText,
}

impl User {
    fn of(planned: &ScramSecretModel, config: &Object) -> Option<Self> {
        let password = ScramSecretModel::from_object(config).password_wo.into_known()?;
        let name = planned.username.cloned()?;
        let value = serde_json::json!({ "username": name, "password": password });
        Some(Self {
            cluster_arn: planned.cluster_arn.cloned()?,
            name,
            value: SecretText::new(value.to_string()),
        })
    }

    /// Creates the secret. One that an apply which was cut off has left is taken over.
    async fn write_secret(&self, client: &Client, token: &str) -> Result<DescribedSecret> {
        let name = secret_name(&self.cluster_arn, &self.name);
        let wanted = CreateSecretRequest {
            name: name.clone(),
            description: None,
            secret_string: self.value.clone(),
            client_request_token: Some(uuid::Uuid::new_v4().to_string()),
            tags: Vec::new(),
        };
        match client.create_secret(&wanted, Some(token)).await {
            Ok(made) => Ok(DescribedSecret {
                arn: made.arn,
                name: made.name,
                version_id: made.version_id,
            }),
            Err(error) if error.is_conflict() => {
                let there = client.describe_secret(&by_id(&name)).await?;
                let associated = client.list_scram_secrets(&self.cluster_arn).await?;
                if associated.contains(&there.arn) {
                    // Somebody manages it.
                    return Err(error);
                }
                let version_id = self.put(client, &there.arn).await?;
                Ok(DescribedSecret {
                    arn: there.arn,
                    name: there.name,
                    version_id,
                })
            }
            Err(error) => Err(error),
        }
    }

    async fn put(&self, client: &Client, secret_arn: &str) -> Result<Option<String>> {
        let wanted = PutSecretValueRequest {
            secret_id: secret_arn.to_owned(),
            secret_string: self.value.clone(),
            client_request_token: Some(uuid::Uuid::new_v4().to_string()),
        };
        client.put_secret_value(&wanted).await.map(|put| put.version_id)
    }

    async fn associate(&self, client: &Client, secret_arn: &str) -> Result<()> {
        let wanted = ScramSecretsRequest {
            secret_arn_list: vec![secret_arn.to_owned()],
        };
        let answer = client.batch_associate_scram_secret(&self.cluster_arn, &wanted).await?;
        match answer.unprocessed_scram_secrets.into_iter().next() {
            None => Ok(()),
            Some(refused) => Err(Error::Failed {
                what: format!("associating user {:?} with the cluster", self.name),
                message: refused.error_message,
            }),
        }
    }
}

/// What is known of a secret that was written.
struct DescribedSecret {
    arn: String,
    name: String,
    version_id: Option<String>,
}

/// `AmazonMSK_CLUSTER_USER`; what may not be in the name of a secret becomes `-`.
pub(crate) fn secret_name(cluster_arn: &str, username: &str) -> String {
    let cluster = arn::cluster(cluster_arn)
        .map(|cluster| cluster.name)
        .unwrap_or_default();
    let allowed = |character: char| character.is_ascii_alphanumeric() || "/_+=.@-".contains(character);
    let user: String = username.chars().map(|it| if allowed(it) { it } else { '-' }).collect();
    format!("AmazonMSK_{cluster}_{user}")
}

fn by_id(id: &str) -> SecretRequest {
    SecretRequest {
        secret_id: id.to_owned(),
        force_delete_without_recovery: Some(true),
        ..SecretRequest::default()
    }
}

fn check_password(value: &Value) -> Vec<String> {
    match value.as_str() {
        Some(text) if text.chars().count() < PASSWORD_CHARS_MIN => {
            vec![format!("a password has {PASSWORD_CHARS_MIN} characters or more")]
        }
        _ => Vec::new(),
    }
}

/// A plan that is applied is known. This one is not.
fn incomplete() -> Diagnostics {
    Diagnostics::from_attribute_error(
        Path::attribute("password_wo"),
        "The password is missing",
        "password_wo has no value. Pass the variable it comes from again: write-only values are not kept.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terraform_will_take_the_schema() {
        assert_eq!(ScramSecretModel::schema().problems(), Vec::<String>::new());
    }

    #[test]
    fn name_of_a_secret_holds_cluster_and_user() {
        let arn = "arn:aws:kafka:us-east-1:000000000000:cluster/orders/9d2e-1";
        assert_eq!(secret_name(arn, "app"), "AmazonMSK_orders_app");
        assert_eq!(secret_name(arn, "a b"), "AmazonMSK_orders_a-b");
    }

    #[test]
    fn foreign_version_is_forgotten_so_that_the_password_is_sent_again() {
        let mut state = ScramSecretModel {
            version_id: "one".into(),
            ..ScramSecretModel::default()
        };
        let mut secret = DescribeSecretResponse::default();
        secret
            .version_ids_to_stages
            .insert("one".to_owned(), vec![CURRENT.to_owned()]);
        state.write(&secret);
        assert_eq!(state.version_id.as_str(), Some("one"));
        secret.version_ids_to_stages = [("two".to_owned(), vec![CURRENT.to_owned()])].into();
        state.write(&secret);
        assert!(state.version_id.is_null());
    }
}
