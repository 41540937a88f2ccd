//! Another engine for a cluster that exists: what the plan refuses, and what it warns of.

use std::time::Duration;

use control_plane_api::{
    clusters::{Cluster as Description, ENGINE_APACHE_KAFKA, ENGINE_DEFAULT},
    extensions::UpdateEngineRequest,
};
use control_plane_client::{Client, Result};
use plugin_framework::{Diagnostics, value::Path};

use super::model::ClusterModel;

/// What the cluster has and is to have, where these differ.
fn change<'a>(prior: &'a ClusterModel, planned: &'a ClusterModel) -> Option<(&'a str, &'a str)> {
    let engines = prior.engine.as_str().zip(planned.engine.as_str());
    engines.filter(|(has, wants)| has != wants)
}

/// Whether another engine is to have the cluster.
pub(super) fn changes(prior: &ClusterModel, planned: &ClusterModel) -> bool {
    change(prior, planned).is_some()
}

/// What no engine can do.
pub(super) fn refuse(prior: &ClusterModel, planned: &ClusterModel, diagnostics: &mut Diagnostics) {
    if let Some((has, wants)) = change(prior, planned)
        && has == ENGINE_APACHE_KAFKA
    {
        diagnostics.attribute_error(
            Path::attribute("engine"),
            "A cluster of Apache Kafka stays one",
            format!(
                "Engine {has} runs the cluster, and engine is {wants:?}. What Apache Kafka has written since it has the cluster, no other \
                 engine takes over. Set it to {has:?}, or make another cluster beside this one and move clients and records to it."
            ),
        );
    }
}

/// What happens to a cluster that comes to another engine.
pub(super) fn warning(prior: &ClusterModel, planned: &ClusterModel) -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    if changes(prior, planned) {
        diagnostics.attribute_warning(
            Path::attribute("engine"),
            "Apache Kafka takes the cluster over",
            "All brokers stop, and Apache Kafka starts on their log directories, with the same ids, addresses, ports and authority: clients \
             connect again by themselves, after ten to sixty seconds without a broker. Records, committed offsets, transactions, topics, users, \
             access control lists and quotas stay. From then on records are acknowledged from the page cache and not from the disk, unless \
             flush.messages or log.flush.interval.messages is set; the brokers stay on the machine of the runtime; and there is no way back \
             to the embedded engine.",
        );
    }
    diagnostics
}

/// The question whether the engine could take the cluster over, as it is now. `None` where that says nothing: more changes with it.
pub(super) fn question(prior: &ClusterModel, planned: &ClusterModel) -> Option<(String, UpdateEngineRequest)> {
    let (_, wants) = change(prior, planned)?;
    let mut same = planned.clone();
    same.engine.clone_from(&prior.engine);
    same.current_version.clone_from(&prior.current_version);
    same.tags.clone_from(&prior.tags);
    if same != *prior {
        return None;
    }
    let request = UpdateEngineRequest {
        current_version: prior.current_version.as_str().unwrap_or_default().to_owned(),
        engine: wants.to_owned(),
    };
    Some((prior.arn.as_str()?.to_owned(), request))
}

/// Has the planned engine take the cluster over, and waits for that.
pub(super) async fn bring_about(
    client: &Client,
    planned: &ClusterModel,
    cluster: &Description,
    limit: Duration,
) -> Result<()> {
    let has = cluster.provisioned.as_ref().and_then(|it| it.engine.as_deref());
    let has = has.unwrap_or(ENGINE_DEFAULT);
    let Some(wants) = planned.engine.as_str().filter(|wants| *wants != has) else {
        return Ok(());
    };
    let request = UpdateEngineRequest {
        current_version: cluster.current_version.clone(),
        engine: wants.to_owned(),
    };
    let begun = client.update_engine(&cluster.cluster_arn, &request).await?;
    client
        .wait_for_operation(&begun.cluster_operation_arn, limit)
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(engine: &str, brokers: i64) -> ClusterModel {
        ClusterModel {
            arn: "arn:c".into(),
            engine: engine.into(),
            number_of_broker_nodes: brokers.into(),
            current_version: "K1".into(),
            ..ClusterModel::default()
        }
    }

    #[test]
    fn the_way_to_apache_kafka_is_warned_of_and_the_way_back_refused() {
        let (ours, theirs) = (cluster("embedded", 3), cluster("apache-kafka", 3));
        let mut diagnostics = Diagnostics::none();
        refuse(&ours, &theirs, &mut diagnostics);
        assert!(diagnostics.is_empty());
        let warned = warning(&ours, &theirs);
        assert!(warned.iter().next().unwrap().detail.contains("no way back"));
        assert!(warning(&theirs, &theirs).is_empty());
        refuse(&theirs, &ours, &mut diagnostics);
        assert!(diagnostics.has_errors());
    }

    #[test]
    fn the_runtime_is_asked_when_nothing_else_changes() {
        let (ours, theirs) = (cluster("embedded", 3), cluster("apache-kafka", 3));
        let (arn, request) = question(&ours, &theirs).unwrap();
        assert_eq!(
            (arn.as_str(), request.engine.as_str(), request.current_version.as_str()),
            ("arn:c", "apache-kafka", "K1")
        );
        assert_eq!(question(&ours, &cluster("apache-kafka", 4)), None);
        assert_eq!(question(&ours, &ours), None);
    }
}
