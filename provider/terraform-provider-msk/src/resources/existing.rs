//! Clusters that exist, of either type: found by what a person calls them, and tagged.

use std::{collections::BTreeMap, time::Duration};

use control_plane_api::clusters::Cluster;
use control_plane_client::{Client, Error, Result};
use plugin_framework::{Context, Diagnostics};

use crate::{arn, control_plane::ControlPlane, diagnostics, patience::patiently, timeouts};

/// The cluster of a name.
async fn find_by_name(client: &Client, name: &str) -> Result<Option<Cluster>> {
    let found = client.list_clusters_v2(Some(name)).await?;
    Ok(found.into_iter().find(|cluster| cluster.cluster_name == name))
}

/// ARN of the cluster that a person names to import it: by its ARN, for which nobody is asked, or by its name.
pub(super) async fn find_by_id(
    context: &Context,
    control_plane: &ControlPlane,
    id: &str,
) -> std::result::Result<String, Diagnostics> {
    let id = id.trim();
    if arn::cluster(id).is_some() {
        return Ok(id.to_owned());
    }
    let client = control_plane.client().await?;
    let what = format!("looking for cluster {id:?}");
    let found = patiently(context, timeouts::DEFAULT, &what, find_by_name(&client, id)).await;
    let found = found.map_err(|error| diagnostics::of_call(&format!("import cluster {id:?}"), &error))?;
    let missing = || {
        Diagnostics::from_error(
            format!("There is no cluster {id:?}"),
            "The id of a cluster is its ARN, or its name. broker-runtime status lists the clusters there are.",
        )
    };
    Ok(found.ok_or_else(missing)?.cluster_arn)
}

/// Why a cluster could not be made.
pub(super) async fn not_created(client: &Client, type_name: &str, name: &str, error: &Error) -> Diagnostics {
    if error.is_conflict()
        && let Ok(Some(existing)) = find_by_name(client, name).await
    {
        let import = format!("{type_name}.NAME {}", existing.cluster_arn);
        return diagnostics::of_existing("cluster", name, &import);
    }
    diagnostics::of_call(&format!("create cluster {name:?}"), error)
}

/// Gives a cluster the tags it is to have, and takes the others away.
pub(super) async fn change_tags(client: &Client, cluster: &Cluster, wants: &BTreeMap<String, String>) -> Result<()> {
    let missing: BTreeMap<String, String> = wants
        .iter()
        .filter(|(key, value)| cluster.tags.get(*key) != Some(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if !missing.is_empty() {
        client.tag_resource(&cluster.cluster_arn, &missing).await?;
    }
    let has = cluster.tags.keys();
    let superfluous: Vec<String> = has.filter(|key| !wants.contains_key(*key)).cloned().collect();
    if !superfluous.is_empty() {
        client.untag_resource(&cluster.cluster_arn, &superfluous).await?;
    }
    Ok(())
}

/// What comes of asking a cluster that was there for its endpoints, when `asked` came of it: one that is not up has none, or cannot
/// be asked, and the last ones stay. One that went away meanwhile is not found, whatever the call said: `GetBootstrapBrokers` has
/// no `NotFoundException`, and reports a bad request.
pub(super) async fn unless_not_up(client: &Client, cluster_arn: &str, asked: Result<()>) -> Result<()> {
    let Err(error) = asked else {
        return Ok(());
    };
    client.describe_cluster_v2(cluster_arn).await?;
    match error {
        Error::NotFound { .. } | Error::Conflict { .. } => Ok(()),
        error => Err(error),
    }
}

/// Deletes a cluster and waits until it is gone. One that was never made, or that is gone already, is deleted.
pub(super) async fn delete(
    context: &Context,
    client: &Client,
    cluster_arn: Option<&str>,
    limit: Duration,
) -> Diagnostics {
    let Some(cluster_arn) = cluster_arn else {
        return Diagnostics::none();
    };
    let deleted = async {
        client.delete_cluster(cluster_arn, None).await?;
        client.wait_for_deleted(cluster_arn, limit).await
    };
    match patiently(context, limit, &format!("deleting cluster {cluster_arn}"), deleted).await {
        Err(error) if !error.is_not_found() => diagnostics::of_call(&format!("delete cluster {cluster_arn}"), &error),
        _ => Diagnostics::none(),
    }
}
