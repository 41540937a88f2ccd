//! ARNs of what the control plane keeps: made here, read here.

use uuid::Uuid;

/// The account of a runtime.
pub(crate) const ACCOUNT: &str = "000000000000";
/// The region of a runtime.
pub(crate) const REGION: &str = "us-east-1";

/// `arn:aws:kafka:REGION:ACCOUNT:KIND/NAME/UUID-1`.
fn kafka(kind: &str, rest: &str) -> String {
    format!("arn:aws:kafka:{REGION}:{ACCOUNT}:{kind}/{rest}")
}

/// ARN of a cluster.
pub(crate) fn cluster(name: &str, uuid: Uuid) -> String {
    kafka("cluster", &format!("{name}/{uuid}-1"))
}

/// ARN of an operation of a cluster.
pub(crate) fn operation(cluster_name: &str, cluster: Uuid, operation: Uuid) -> String {
    kafka("cluster-operation", &format!("{cluster_name}/{cluster}-1/{operation}"))
}

/// ARN of a configuration.
pub(crate) fn configuration(name: &str, uuid: Uuid) -> String {
    kafka("configuration", &format!("{name}/{uuid}-1"))
}

/// ARN of a topic.
pub(crate) fn topic(cluster_name: &str, cluster: Uuid, topic: &str) -> String {
    kafka("topic", &format!("{cluster_name}/{cluster}-1/{topic}"))
}

/// ARN of a broker node.
pub(crate) fn node(cluster_name: &str, cluster: Uuid, broker_id: i32) -> String {
    kafka("broker", &format!("{cluster_name}/{cluster}-1/{broker_id}"))
}

/// ARN of a secret: Secrets Manager ends it with six random characters.
pub(crate) fn secret(name: &str, suffix: &str) -> String {
    format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-{suffix}")
}

/// The identity in the ARN of a cluster.
pub(crate) fn cluster_uuid(arn: &str) -> Option<Uuid> {
    let rest = arn.strip_prefix(&kafka("cluster", ""))?;
    let (_name, uuid) = rest.split_once('/')?;
    Uuid::parse_str(uuid.strip_suffix("-1")?).ok()
}

/// The identity in the ARN of an operation.
pub(crate) fn operation_uuid(arn: &str) -> Option<Uuid> {
    let rest = arn.strip_prefix(&kafka("cluster-operation", ""))?;
    Uuid::parse_str(rest.rsplit_once('/')?.1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_read_from_arns() {
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(cluster_uuid(&cluster("orders", one)), Some(one));
        assert_eq!(operation_uuid(&operation("orders", one, other)), Some(other));
        assert_eq!(cluster_uuid(&operation("orders", one, other)), None);
        assert_eq!(cluster_uuid("arn:aws:kafka:us-east-1:1:cluster/a/b"), None);
    }
}
