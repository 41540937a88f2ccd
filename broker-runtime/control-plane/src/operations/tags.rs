//! Tags of clusters.

use std::collections::BTreeMap;

use crate::{error::OperationError, queries, reconcilers::Bounds, services::Services, store::ClusterRecord};

/// `TagResource`: adds tags, and replaces those of the same key.
pub(crate) async fn tag_resource(
    services: &Services,
    arn: &str,
    tags: BTreeMap<String, String>,
) -> Result<(), OperationError> {
    change(services, arn, |cluster| cluster.tags.extend(tags))
}

/// `UntagResource`.
pub(crate) async fn untag_resource(services: &Services, arn: &str, keys: &[String]) -> Result<(), OperationError> {
    change(services, arn, |cluster| {
        cluster.tags.retain(|key, _| !keys.contains(key))
    })
}

fn change(services: &Services, arn: &str, change: impl FnOnce(&mut ClusterRecord)) -> Result<(), OperationError> {
    let found = queries::cluster_record(services, arn)?;
    services.store.transaction(|transaction| {
        if let Some(mut cluster) = transaction.get::<ClusterRecord>(&found.uuid.to_string())? {
            change(&mut cluster);
            if cluster.settings.serverless.is_some() {
                // They say how many brokers it may have.
                Bounds::of(&cluster.tags).map_err(|message| OperationError::invalid("tags", message))?;
            }
            transaction.put(&cluster)?;
        }
        Ok(())
    })
}
