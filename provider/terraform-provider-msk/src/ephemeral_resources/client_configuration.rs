//! `msk_client_configuration`: how a client gets in, with its password.

use std::sync::Arc;

use async_trait::async_trait;
use control_plane_api::secrets_manager::SecretRequest;
use control_plane_client::{Client, Error, Result};
use plugin_framework::{
    Context, Diagnostics, EphemeralResource, Opened,
    schema::{Attribute, Schema},
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
            schema: schema(),
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
        let text = |name| config.string(name).map(str::to_owned);
        let (cluster_arn, secret_arn) = (text("cluster_arn").unwrap_or_default(), text("secret_arn"));
        let client = self.control_plane.client().await?;
        let doing = format!("look up how clients of cluster {cluster_arn} get in");
        let asked = ask(&client, &cluster_arn, secret_arn.as_deref());
        let found = patiently(context, timeouts::DEFAULT, &doing, asked).await;
        let found = found.map_err(|error| diagnostics::of_call(&doing, &error))?;
        let found = found.map_err(|detail| {
            let argument = if secret_arn.is_some() {
                "secret_arn"
            } else {
                "cluster_arn"
            };
            Diagnostics::from_attribute_error(Path::attribute(argument), format!("Cannot {doing}"), detail)
        })?;
        let way_in = WayIn {
            brokers: found.bootstrap_brokers.clone(),
            login: found
                .user
                .as_ref()
                .map(|user| (user.username.clone(), user.password.clone(), "SCRAM-SHA-512".to_owned())),
            ca_file: text("ca_file"),
        };
        let written = text("format").and_then(|format| way_in.written(&format));
        let mut result = config;
        result
            .set_string("bootstrap_brokers", found.bootstrap_brokers)
            .set_string("certificate_authority_pem", found.certificate_authority_pem);
        result.set_optional_string("text", written.as_deref());
        result.set_optional_string("username", found.user.as_ref().map(|user| user.username.as_str()));
        result.set_optional_string("password", found.user.as_ref().map(|user| user.password.as_str()));
        Ok(Opened::for_good(result))
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

fn schema() -> Schema {
    let computed = |description| Attribute::string().computed().description(description);
    Schema::new()
        .description("How a client gets in: brokers, user and password, and the text of its settings. Nothing of it is kept.")
        .attribute("cluster_arn", arn::cluster_argument())
        .attribute(
            "secret_arn",
            Attribute::string().optional().description(
                "ARN of the secret of a user, such as that of an `msk_scram_secret`. Without it the client does not log in.",
            ),
        )
        .attribute(
            "format",
            Attribute::string()
                .optional()
                .one_of(&CLIENT_FORMATS)
                .description("Format of `text`: `librdkafka`, `java`, `spring` or `franz-go`."),
        )
        .attribute(
            "ca_file",
            Attribute::string()
                .optional()
                .description("File in which the client finds `certificate_authority_pem`, for `text`."),
        )
        .attribute(
            "text",
            computed("The client's settings; null without a `format`.").sensitive(),
        )
        .attribute("bootstrap_brokers", computed("`host:port,…`."))
        .attribute("username", computed("User name; null without a secret."))
        .attribute("password", computed("Password; null without a secret.").sensitive())
        .attribute(
            "certificate_authority_pem",
            computed("Certificate of the authority that signs the brokers' certificates, in PEM."),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terraform_will_take_the_schema() {
        assert_eq!(schema().problems(), Vec::<String>::new());
    }
}
