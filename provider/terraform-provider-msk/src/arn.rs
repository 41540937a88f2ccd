//! The parts of ARNs and of import identifiers that the resources need.

use plugin_framework::value::Value;

/// Name and identifier of a cluster, out of `arn:PARTITION:kafka:REGION:ACCOUNT:cluster/NAME/UUID`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClusterName {
    /// The cluster's name.
    pub(crate) name: String,
    /// What tells it from other clusters of that name.
    pub(crate) uuid: String,
}

/// Reads the ARN of a cluster.
pub(crate) fn cluster(arn: &str) -> Option<ClusterName> {
    let mut parts = resource(arn, "kafka")?.split('/');
    let (kind, name, uuid) = (parts.next()?, parts.next()?, parts.next()?);
    let complete = kind == "cluster" && !name.is_empty() && !uuid.is_empty() && parts.next().is_none();
    complete.then(|| ClusterName {
        name: name.to_owned(),
        uuid: uuid.to_owned(),
    })
}

/// What is wrong with an argument that has to be the ARN of a cluster.
pub(crate) fn check_cluster(value: &Value) -> Vec<String> {
    match value.as_str() {
        Some(text) if cluster(text).is_none() => vec![format!(
            "{text:?} is not the ARN of a cluster; use the arn of an msk_cluster"
        )],
        _ => Vec::new(),
    }
}

/// Whether this is the ARN of a configuration.
pub(crate) fn is_configuration(arn: &str) -> bool {
    resource(arn, "kafka").is_some_and(|resource| resource.starts_with("configuration/"))
}

/// What stands behind the fifth colon.
fn resource<'a>(arn: &'a str, service: &str) -> Option<&'a str> {
    let mut parts = arn.splitn(6, ':');
    let begins = parts.next()? == "arn";
    let _partition = parts.next()?;
    let of_service = parts.next()? == service;
    let (_region, _account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    (begins && of_service).then_some(resource)
}

/// An import identifier of two parts: the ARN of a cluster, and a name in it. The parts are separated by `|`, or by the
/// comma that hashicorp/aws uses.
pub(crate) fn in_cluster(id: &str) -> Option<(&str, &str)> {
    let (cluster_arn, name) = id.split_once('|').or_else(|| id.split_once(','))?;
    let (cluster_arn, name) = (cluster_arn.trim(), name.trim());
    (cluster(cluster_arn).is_some() && !name.is_empty()).then_some((cluster_arn, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:kafka:us-east-1:000000000000:cluster/orders/9d2e-1";

    #[test]
    fn a_cluster_arn_has_a_name_and_an_identifier() {
        let found = cluster(ARN).unwrap();
        assert_eq!((found.name.as_str(), found.uuid.as_str()), ("orders", "9d2e-1"));
        for wrong in [
            "orders",
            "arn:aws:kafka:us-east-1:000000000000:cluster/orders",
            "arn:aws:kafka:us-east-1:000000000000:cluster/orders/u/x",
            "arn:aws:kafka:us-east-1:000000000000:topic/orders/u",
            "arn:aws:s3:us-east-1:000000000000:cluster/orders/u",
        ] {
            assert_eq!(cluster(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_import_identifier_names_a_cluster_and_something_in_it() {
        let id = format!("{ARN}|events");
        assert_eq!(in_cluster(&id), Some((ARN, "events")));
        let id = format!("{ARN},events");
        assert_eq!(in_cluster(&id), Some((ARN, "events")));
        assert_eq!(in_cluster(ARN), None);
        assert_eq!(in_cluster("orders|events"), None);
    }

    #[test]
    fn kinds_are_told_apart() {
        assert!(is_configuration(
            "arn:aws:kafka:us-east-1:000000000000:configuration/orders/u-1"
        ));
        assert!(!is_configuration(ARN));
    }
}
