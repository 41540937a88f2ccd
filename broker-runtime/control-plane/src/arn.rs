//! ARNs of what the control plane keeps: made here, read here. Each account and region of a runtime is a world of its own;
//! an ARN says to which it belongs.

use uuid::Uuid;

/// The account of the key in the credentials file.
pub(crate) const ROOT_ACCOUNT: &str = "000000000000";

/// A world: an account in a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    /// Twelve digits.
    pub(crate) account: String,
    /// Such as `us-east-1`: the one that callers sign for.
    pub(crate) region: String,
}

impl Scope {
    /// The world of an ARN.
    pub(crate) fn of(arn: &str) -> Option<Self> {
        let mut parts = arn.strip_prefix("arn:aws:")?.splitn(4, ':').skip(1);
        let (region, account) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        parts.next().is_some().then_some(Self { account, region })
    }

    /// True when the thing belongs to this world.
    pub(crate) fn holds(&self, arn: &str) -> bool {
        Self::of(arn).as_ref() == Some(self)
    }

    /// `arn:aws:kafka:REGION:ACCOUNT:KIND/REST`.
    fn kafka(&self, kind: &str, rest: &str) -> String {
        format!("arn:aws:kafka:{}:{}:{kind}/{rest}", self.region, self.account)
    }

    /// ARN of a cluster.
    pub(crate) fn cluster(&self, name: &str, uuid: Uuid) -> String {
        self.kafka("cluster", &format!("{name}/{uuid}-1"))
    }

    /// What stands for every cluster of a name, as in policies on its creation.
    pub(crate) fn clusters_named(&self, name: &str) -> String {
        self.kafka("cluster", &format!("{name}/*"))
    }

    /// ARN of a configuration.
    pub(crate) fn configuration(&self, name: &str, uuid: Uuid) -> String {
        self.kafka("configuration", &format!("{name}/{uuid}-1"))
    }

    /// ARN of an authority whose certificates clients may show; MSK takes those of ACM Private CA.
    pub(crate) fn client_authority(&self, uuid: Uuid) -> String {
        format!(
            "arn:aws:acm-pca:{}:{}:certificate-authority/{uuid}",
            self.region, self.account
        )
    }

    /// True when the thing belongs to this account, in whichever region.
    pub(crate) fn same_account(&self, arn: &str) -> bool {
        Self::of(arn).is_some_and(|of| of.account == self.account)
    }

    /// ARN of a secret: Secrets Manager ends it with six random characters.
    pub(crate) fn secret(&self, name: &str, suffix: &str) -> String {
        format!(
            "arn:aws:secretsmanager:{}:{}:secret:{name}-{suffix}",
            self.region, self.account
        )
    }
}

/// ARN of something that belongs to a cluster: the cluster's with another kind, and what it is behind.
pub(crate) fn of_cluster(cluster_arn: &str, kind: &str, rest: &str) -> String {
    let (world, name) = cluster_arn.split_once(":cluster/").unwrap_or((cluster_arn, ""));
    format!("{world}:{kind}/{name}/{rest}")
}

/// ARN of an operation of a cluster.
pub(crate) fn operation(cluster_arn: &str, operation: Uuid) -> String {
    of_cluster(cluster_arn, "cluster-operation", &operation.to_string())
}

/// ARN of a topic.
pub(crate) fn topic(cluster_arn: &str, topic: &str) -> String {
    of_cluster(cluster_arn, "topic", topic)
}

/// ARN of a broker node.
pub(crate) fn broker(cluster_arn: &str, broker_id: i32) -> String {
    of_cluster(cluster_arn, "broker", &broker_id.to_string())
}

/// ARN of a controller node.
pub(crate) fn controller(cluster_arn: &str, number: i32) -> String {
    of_cluster(cluster_arn, "controller", &number.to_string())
}

/// What follows `arn:aws:kafka:REGION:ACCOUNT:KIND/`.
fn rest<'a>(arn: &'a str, kind: &str) -> Option<&'a str> {
    let resource = arn.strip_prefix("arn:aws:kafka:")?.splitn(3, ':').nth(2)?;
    resource.strip_prefix(kind)?.strip_prefix('/')
}

/// The identity in the ARN of a cluster.
pub(crate) fn cluster_uuid(arn: &str) -> Option<Uuid> {
    let (_name, uuid) = rest(arn, "cluster")?.split_once('/')?;
    Uuid::parse_str(uuid.strip_suffix("-1")?).ok()
}

/// The identity in the ARN of an operation.
pub(crate) fn operation_uuid(arn: &str) -> Option<Uuid> {
    Uuid::parse_str(rest(arn, "cluster-operation")?.rsplit_once('/')?.1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> Scope {
        Scope {
            account: "111122223333".to_owned(),
            region: "eu-west-1".to_owned(),
        }
    }

    #[test]
    fn identities_are_read_from_arns() {
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let cluster = world().cluster("orders", one);
        assert_eq!(cluster_uuid(&cluster), Some(one));
        assert_eq!(operation_uuid(&operation(&cluster, other)), Some(other));
        assert_eq!(cluster_uuid(&operation(&cluster, other)), None);
        assert_eq!(cluster_uuid("arn:aws:kafka:us-east-1:1:cluster/a/b"), None);
        assert_eq!(
            topic(&cluster, "t"),
            format!("arn:aws:kafka:eu-west-1:111122223333:topic/orders/{one}-1/t")
        );
    }

    #[test]
    fn an_arn_says_its_world() {
        assert_eq!(Scope::of(&world().secret("AmazonMSK_a", "abcdef")), Some(world()));
        assert!(world().holds(&world().configuration("c", Uuid::nil())));
        let elsewhere = Scope {
            region: "us-east-1".to_owned(),
            ..world()
        };
        assert!(!elsewhere.holds(&world().configuration("c", Uuid::nil())));
        assert_eq!(Scope::of("arn:aws:kafka"), None);
    }
}
