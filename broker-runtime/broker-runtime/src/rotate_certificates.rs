//! `broker-runtime rotate-certificates`: what the action `msk_rotate_certificates` does, for people without Terraform.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use clock::{Clock, SystemClock};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::{
    api_client::ApiClient,
    context::Context,
    output::{self, text},
    status,
};

/// How long it may take.
const LIMIT: Duration = Duration::from_secs(600);
/// How often it looks how far the operation has come.
const PAUSE: Duration = Duration::from_millis(100);

/// Begins the operation, waits for its end, and prints until when certificates are good.
pub(crate) fn run(context: &Context, cluster: &str) -> Result<()> {
    let client = ApiClient::running(&context.data_dir)?;
    let arn = find(&status::clusters(&client)?, cluster)?;
    let begun = client.post(
        &format!("/openmsk/v1/clusters/{}/certificate-rotations", segment(&arn)),
        &json!({}),
    )?;
    wait(&client, &text(&begun["clusterOperationArn"]))?;
    let status = client.get("/openmsk/v1/status")?;
    let clusters = status["clusters"].as_array().into_iter().flatten();
    for broker in clusters
        .filter(|cluster| cluster["arn"] == *arn)
        .flat_map(|cluster| cluster["brokers"].as_array().into_iter().flatten())
    {
        let (id, end) = (text(&broker["brokerId"]), text(&broker["certificateExpiresAt"]));
        output::line(&format!("broker {id} shows a certificate that ends at {end}"));
    }
    Ok(())
}

/// The ARN of the cluster with this name, or with this ARN.
fn find(clusters: &[Value], named: &str) -> Result<String> {
    let found = clusters
        .iter()
        .find(|cluster| cluster["clusterName"] == named || cluster["clusterArn"] == named);
    let found = found
        .with_context(|| format!("there is no cluster {named:?}; `broker-runtime status` shows which there are"))?;
    Ok(text(&found["clusterArn"]))
}

fn wait(client: &ApiClient, operation_arn: &str) -> Result<()> {
    let begun: Instant = SystemClock.monotonic();
    loop {
        let answer = client.get(&format!("/v1/operations/{}", segment(operation_arn)))?;
        let operation = &answer["clusterOperationInfo"];
        match operation["operationState"].as_str() {
            Some("UPDATE_COMPLETE") => return Ok(()),
            Some("UPDATE_FAILED") => bail!("{}", text(&operation["errorInfo"]["errorString"])),
            _ if SystemClock.monotonic() - begun > LIMIT => {
                bail!("operation {operation_arn} goes on, though this command does not wait any longer")
            }
            _ => thread::sleep(PAUSE),
        }
    }
}

fn segment(arn: &str) -> String {
    utf8_percent_encode(arn, NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cluster_is_found_by_its_name_and_by_its_arn() {
        let clusters = [json!({"clusterName": "orders", "clusterArn": "arn:1"})];
        assert_eq!(find(&clusters, "orders").unwrap(), "arn:1");
        assert_eq!(find(&clusters, "arn:1").unwrap(), "arn:1");
        assert!(
            find(&clusters, "gone")
                .unwrap_err()
                .to_string()
                .contains("no cluster \"gone\"")
        );
    }
}
