//! Which secrets let their users into a cluster. Users can log in, or no longer, when the call returns.

use control_plane_api::scram::{ScramSecretsRequest, ScramSecretsResponse, UnprocessedScramSecret};

use crate::{
    arn::Scope,
    error::OperationError,
    queries,
    reconcilers::{self, listeners},
    services::Services,
    store::{ClusterRecord, SecretRecord, StoreError, Transaction},
};

/// Secrets a request may name.
const SECRETS_MAX: usize = 10;
/// What MSK demands of names of secrets.
const PREFIX: &str = "AmazonMSK_";

/// `BatchAssociateScramSecret`.
pub(crate) async fn batch_associate_scram_secret(
    services: &Services,
    arn: &str,
    request: ScramSecretsRequest,
) -> Result<ScramSecretsResponse, OperationError> {
    change(services, arn, &request, associate).await
}

/// `BatchDisassociateScramSecret`.
pub(crate) async fn batch_disassociate_scram_secret(
    services: &Services,
    arn: &str,
    request: ScramSecretsRequest,
) -> Result<ScramSecretsResponse, OperationError> {
    change(services, arn, &request, |_, cluster, secret_arn| {
        let before = cluster.secret_arns.len();
        cluster.secret_arns.retain(|there| there != secret_arn);
        let gone = cluster.secret_arns.len() < before;
        Ok((!gone).then(|| unprocessed(secret_arn, "NotFound", "the secret is not associated with the cluster")))
    })
    .await
}

async fn change(
    services: &Services,
    arn: &str,
    request: &ScramSecretsRequest,
    mut one: impl FnMut(&Transaction<'_>, &mut ClusterRecord, &str) -> Result<Option<UnprocessedScramSecret>, StoreError>,
) -> Result<ScramSecretsResponse, OperationError> {
    let found = queries::cluster_record(services, arn)?;
    if !(1..=SECRETS_MAX).contains(&request.secret_arn_list.len()) {
        let message = format!("a request names 1 to {SECRETS_MAX} secrets");
        return Err(OperationError::invalid("secretArnList", message));
    }
    let unprocessed_scram_secrets = services.store.transaction(|transaction| {
        let cluster: Option<ClusterRecord> = transaction.get(&found.uuid.to_string())?;
        let mut cluster = cluster.ok_or_else(|| OperationError::NotFound(format!("cluster {arn} does not exist")))?;
        check(&cluster)?;
        let mut unprocessed = Vec::new();
        for secret_arn in &request.secret_arn_list {
            unprocessed.extend(one(transaction, &mut cluster, secret_arn)?);
        }
        transaction.put(&cluster)?;
        Ok::<_, OperationError>(unprocessed)
    })?;
    services.wake();
    reconcilers::apply_users(services, found.uuid).await?;
    Ok(ScramSecretsResponse {
        cluster_arn: arn.to_owned(),
        unprocessed_scram_secrets,
    })
}

fn check(cluster: &ClusterRecord) -> Result<(), OperationError> {
    if !cluster.state.serves() {
        let message = format!("cluster {:?} is {}", cluster.name, cluster.state.name());
        return Err(OperationError::invalid("clusterArn", message));
    }
    let settings = &cluster.settings;
    if !listeners(
        settings.client_authentication.as_ref(),
        settings.encryption_info.as_ref(),
    )
    .sasl_scram
    {
        let message = format!("cluster {:?} does not use SASL/SCRAM: enable it first", cluster.name);
        return Err(OperationError::invalid("clusterArn", message));
    }
    Ok(())
}

fn associate(
    transaction: &Transaction<'_>,
    cluster: &mut ClusterRecord,
    secret_arn: &str,
) -> Result<Option<UnprocessedScramSecret>, StoreError> {
    let world = Scope::of(&cluster.arn);
    let found = transaction.get::<SecretRecord>(secret_arn)?;
    let Some(secret) = found.filter(|secret| world.is_some_and(|world| world.holds(&secret.arn))) else {
        return Ok(Some(unprocessed(secret_arn, "NotFound", "the secret does not exist")));
    };
    let Some((user, _)) = &secret.scram else {
        let message = "the secret is no JSON object with username and password";
        return Ok(Some(unprocessed(secret_arn, "InvalidSecret", message)));
    };
    if cluster.secret_arns.iter().any(|there| there == secret_arn) {
        return Ok(None);
    }
    for there in &cluster.secret_arns {
        let other = transaction.get::<SecretRecord>(there)?.and_then(|secret| secret.scram);
        if other.is_some_and(|(name, _)| name == *user) {
            let message = format!("{there} is associated already, and has the same user name");
            return Ok(Some(unprocessed(secret_arn, "UserExists", &message)));
        }
    }
    if !secret.name.starts_with(PREFIX) {
        tracing::warn!(secret = %secret.name, "Amazon MSK takes only secrets whose name begins with AmazonMSK_");
    }
    cluster.secret_arns.push(secret_arn.to_owned());
    Ok(None)
}

fn unprocessed(secret_arn: &str, code: &str, message: &str) -> UnprocessedScramSecret {
    UnprocessedScramSecret {
        error_code: code.to_owned(),
        error_message: message.to_owned(),
        secret_arn: secret_arn.to_owned(),
    }
}
