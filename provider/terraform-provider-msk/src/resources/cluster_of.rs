//! In which cluster something is that was taken over from a provider which does not say: it knows brokers, and no clusters.

use control_plane_client::{Client, Error, Result};
use plugin_framework::{Diagnostics, model::Field};

use crate::diagnostics;

/// Names the cluster in a state that does not, by asking every cluster whether it `has` it. Where none has, the state stays as it is;
/// several are an error that a person has to decide. `what` is for messages.
pub(super) async fn name_cluster<Asking: Future<Output = Result<bool>> + Send>(
    client: &Client,
    cluster_arn: &mut Field<String>,
    what: &str,
    has: impl Fn(String) -> Asking + Send,
) -> std::result::Result<(), Diagnostics> {
    if !cluster_arn.is_null() {
        return Ok(());
    }
    let found = clusters_with(client, has).await;
    let found = found.map_err(|error| diagnostics::of_call(&format!("look for {what}"), &error))?;
    match found.as_slice() {
        [] => {}
        [found] => *cluster_arn = found.as_str().into(),
        several => {
            return Err(Diagnostics::from_error(
                format!("Several clusters have {what}"),
                format!(
                    "Its state does not say in which cluster it is, and these have one: {}. Remove the moved block, take the old resource \
                     out of the state (terraform state rm), and import the one that is meant.",
                    several.join(", ")
                ),
            ));
        }
    }
    Ok(())
}

async fn clusters_with<Asking: Future<Output = Result<bool>> + Send>(
    client: &Client,
    has: impl Fn(String) -> Asking,
) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for cluster in client.list_clusters_v2(None).await? {
        match has(cluster.cluster_arn.clone()).await {
            Ok(true) => found.push(cluster.cluster_arn),
            // One that is being made or deleted has nothing that somebody could have managed.
            Ok(false) | Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}
