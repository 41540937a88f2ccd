//! What both resources ask the control plane, and what their arguments have in common.

use std::collections::BTreeSet;

use control_plane_api::scram::{ScramSecretsRequest, ScramSecretsResponse};
use control_plane_client::{Client, Error, Result};
use plugin_framework::{Diagnostics, value::Value};

use crate::diagnostics;

/// Secrets a request names at most, as MSK has it.
const SECRETS_MAX: usize = 10;

/// Why another cluster makes another association.
pub(super) const ONE_CLUSTER: &str = "users belong to one cluster";

/// What became of a request that the control plane took: secrets it did not take, in words.
pub(super) type Refusals = Vec<String>;

/// Secrets that are users of a cluster; `None` when there is no such cluster.
pub(super) async fn users(client: &Client, cluster_arn: &str) -> Result<Option<BTreeSet<String>>> {
    match client.list_scram_secrets(cluster_arn).await {
        Ok(found) => Ok(Some(found.into_iter().collect())),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes secrets users of a cluster.
pub(super) async fn associate(client: &Client, cluster_arn: &str, secrets: &[String]) -> Result<Refusals> {
    let mut refused = Refusals::new();
    for chunk in secrets.chunks(SECRETS_MAX) {
        let request = ScramSecretsRequest {
            secret_arn_list: chunk.to_vec(),
        };
        refused.extend(refusals(
            client.batch_associate_scram_secret(cluster_arn, &request).await?,
        ));
    }
    Ok(refused)
}

/// Takes users away from a cluster; those that are none, and a cluster that is not there, are fine.
pub(super) async fn disassociate(client: &Client, cluster_arn: &str, secrets: &[String]) -> Result<Refusals> {
    let Some(there) = users(client, cluster_arn).await? else {
        return Ok(Refusals::new());
    };
    let secrets: Vec<String> = secrets.iter().filter(|it| there.contains(*it)).cloned().collect();
    let mut refused = Refusals::new();
    for chunk in secrets.chunks(SECRETS_MAX) {
        let request = ScramSecretsRequest {
            secret_arn_list: chunk.to_vec(),
        };
        refused.extend(refusals(
            client.batch_disassociate_scram_secret(cluster_arn, &request).await?,
        ));
    }
    Ok(refused)
}

fn refusals(answer: ScramSecretsResponse) -> impl Iterator<Item = String> {
    let unprocessed = answer.unprocessed_scram_secrets.into_iter();
    unprocessed.map(|it| format!("{}: {} ({})", it.secret_arn, it.error_message, it.error_code))
}

/// What a person is told of a request; nothing when all of it was taken.
pub(super) fn told(doing: &str, outcome: Result<Refusals>) -> Diagnostics {
    match outcome {
        Ok(refused) if refused.is_empty() => Diagnostics::none(),
        Ok(refused) => explain(doing, &refused),
        Err(error) => diagnostics::of_call(doing, &error),
    }
}

/// What a person is told of secrets that were not taken.
pub(super) fn explain(doing: &str, refused: &[String]) -> Diagnostics {
    Diagnostics::from_error(
        format!("Cannot {doing}"),
        format!(
            "{}\n\nA secret has to exist, and to hold JSON with username and password, for what Terraform asks for to come about.",
            refused.join("\n")
        ),
    )
}

/// What is wrong with the ARN of a secret.
pub(super) fn check_secret(value: &Value) -> Vec<String> {
    match value.as_str() {
        Some(text) if !is_secret(text) => vec![format!(
            "{text:?} is not the ARN of a secret, such as arn:aws:secretsmanager:us-east-1:000000000000:secret:AmazonMSK_orders-a1b2c3"
        )],
        _ => Vec::new(),
    }
}

/// True for ARNs of secrets.
pub(super) fn is_secret(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(7, ':').collect();
    matches!(parts[..], ["arn", _, "secretsmanager", _, _, "secret", name] if !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_from_other_arns() {
        let check = |text: &str| check_secret(&Value::string(text));
        assert!(check("arn:aws:secretsmanager:us-east-1:000000000000:secret:AmazonMSK_a-b1c2d3").is_empty());
        for wrong in ["", "AmazonMSK_a", "arn:aws:kafka:us-east-1:000000000000:cluster/a/b-1"] {
            assert_eq!(check(wrong).len(), 1, "{wrong:?}");
        }
    }
}
