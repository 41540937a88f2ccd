//! `msk_client_configuration`: how a client gets in, with its password.

use std::sync::Arc;

use async_trait::async_trait;
use control_plane_api::secrets_manager::SecretRequest;
use control_plane_client::{Client, Error, Result};
use plugin_framework::{
    Context, Diagnostics, EphemeralResource, Opened,
    model::{Field, Model},
    schema::Schema,
    value::{Object, Path},
};
use serde::Deserialize;

use crate::{
    arn,
    control_plane::ControlPlane,
    diagnostics,
    functions::{CLIENT_FORMATS, WayIn},
    patience::patiently,
    timeouts,
};

/// How a client gets in: brokers, user and password, and the text of its settings. Nothing of it is kept.
#[derive(Default, Model)]
struct ClientConfigurationModel {
    /// ARN of the cluster.
    #[attribute(required, check = arn::check_cluster)]
    cluster_arn: Field<String>,
    /// ARN of the secret of a user, such as that of an `msk_scram_secret`. Without it the client does not log in.
    #[attribute(optional)]
    secret_arn: Field<String>,
    /// Format of `text`: `librdkafka`, `java`, `spring` or `franz-go`.
    #[attribute(optional, one_of = &CLIENT_FORMATS)]
    format: Field<String>,
    /// File in which the client finds `certificate_authority_pem`, for `text`.
    #[attribute(optional)]
    ca_file: Field<String>,
    /// The client's settings; null without a `format`.
    #[attribute(computed, sensitive)]
    text: Field<String>,
    /// `host:port,…`.
    #[attribute(computed)]
    bootstrap_brokers: Field<String>,
    /// User name; null without a secret.
    #[attribute(computed)]
    username: Field<String>,
    /// Password; null without a secret.
    #[attribute(computed, sensitive)]
    password: Field<String>,
    /// Certificate of the authority that signs the brokers' certificates, in PEM.
    #[attribute(computed)]
    certificate_authority_pem: Field<String>,
}

/// The ephemeral resource type.
pub(super) struct ClientConfiguration {
    control_plane: Arc<ControlPlane>,
    schema: Schema,
}

/// What is in the secret of a user.
#[derive(Deserialize)]
struct User {
    username: String,
    password: String,
}

/// What has been found out.
struct Found {
    bootstrap_brokers: String,
    user: Option<User>,
    certificate_authority_pem: String,
}

impl ClientConfiguration {
    pub(super) fn new(control_plane: Arc<ControlPlane>) -> Self {
        Self {
            control_plane,
            schema: ClientConfigurationModel::schema(),
        }
    }
}

#[async_trait]
impl EphemeralResource for ClientConfiguration {
    fn type_name(&self) -> &'static str {
        "msk_client_configuration"
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    async fn open(&self, context: &Context, config: Object) -> std::result::Result<Opened, Diagnostics> {
        let mut result = ClientConfigurationModel::from_object(&config);
        let cluster_arn = result.cluster_arn.or_default();
        let client = self.control_plane.client().await?;
        let doing = format!("look up how clients of cluster {cluster_arn} get in");
        let asked = ask(&client, &cluster_arn, result.secret_arn.as_str());
        let found = patiently(context, timeouts::DEFAULT, &doing, asked).await;
        let found = found.map_err(|error| diagnostics::of_call(&doing, &error))?;
        let found = found.map_err(|detail| {
            let argument = if result.secret_arn.is_null() {
                "cluster_arn"
            } else {
                "secret_arn"
            };
            Diagnostics::from_attribute_error(Path::attribute(argument), format!("Cannot {doing}"), detail)
        })?;
        let way_in = WayIn {
            brokers: found.bootstrap_brokers.clone(),
            login: found
                .user
                .as_ref()
                .map(|user| (user.username.clone(), user.password.clone(), "SCRAM-SHA-512".to_owned())),
            ca_file: result.ca_file.cloned(),
        };
        result.text = result.format.as_str().and_then(|format| way_in.written(format)).into();
        result.bootstrap_brokers = found.bootstrap_brokers.into();
        result.certificate_authority_pem = found.certificate_authority_pem.into();
        if let Some(user) = found.user {
            result.username = user.username.into();
            result.password = user.password.into();
        }
        Ok(Opened::for_good(result.to_object()))
    }
}

/// Asks for all of it; the inner error says why the cluster has no such way in.
async fn ask(
    client: &Client,
    cluster_arn: &str,
    secret_arn: Option<&str>,
) -> Result<std::result::Result<Found, String>> {
    let brokers = client.get_bootstrap_brokers(cluster_arn).await?;
    let authority = client.describe_certificate_authority(cluster_arn).await?;
    let (bootstrap_brokers, user) = match secret_arn {
        None => {
            let open = brokers.bootstrap_broker_string_tls.or(brokers.bootstrap_broker_string);
            (open, None)
        }
        Some(secret_arn) => {
            let secret = match client.get_secret_value(&request(secret_arn)).await {
                Err(Error::NotFound { .. }) => return Ok(Err(format!("There is no secret {secret_arn:?}."))),
                answer => answer?,
            };
            let Ok(user) = serde_json::from_str::<User>(secret.secret_string.expose()) else {
                let detail = format!("Secret {secret_arn:?} is not JSON with username and password.");
                return Ok(Err(detail));
            };
            (brokers.bootstrap_broker_string_sasl_scram, Some(user))
        }
    };
    let Some(bootstrap_brokers) = bootstrap_brokers.filter(|it| !it.is_empty()) else {
        let way = if user.is_some() {
            "by SASL/SCRAM: enable sasl.scram in its client_authentication"
        } else {
            "without authentication: name the secret of a user in secret_arn"
        };
        return Ok(Err(format!("The cluster lets nobody in {way}.")));
    };
    Ok(Ok(Found {
        bootstrap_brokers,
        user,
        certificate_authority_pem: authority.certificate_pem,
    }))
}

fn request(secret_arn: &str) -> SecretRequest {
    SecretRequest {
        secret_id: secret_arn.to_owned(),
        ..SecretRequest::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terraform_will_take_the_schema() {
        assert_eq!(ClientConfigurationModel::schema().problems(), Vec::<String>::new());
    }
}
