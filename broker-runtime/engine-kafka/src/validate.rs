//! What this engine refuses, with the reason, before anything is changed.

use engine::{ClusterSpec, EngineError, Reach};

use crate::releases::{RELEASES, Release};

/// Most brokers of a cluster: as many as Amazon MSK has in KRaft mode.
const BROKERS_MAX: u32 = 60;

/// Refuses what is asked for and cannot be.
pub(crate) fn validate(spec: &ClusterSpec) -> Result<(), EngineError> {
    match refusal(spec) {
        None => Ok(()),
        Some(reason) => Err(EngineError::Unsupported {
            reason: format!(
                "cluster {:?} cannot run on engine apache-kafka: {reason}",
                spec.cluster_name
            ),
        }),
    }
}

fn refusal(spec: &ClusterSpec) -> Option<String> {
    let listeners = spec.listeners;
    if Release::of(&spec.kafka_version).is_none() {
        let known: Vec<&str> = RELEASES.iter().map(|release| release.msk).collect();
        return Some(format!(
            "there is no release of Apache Kafka for version {:?}, only for {}",
            spec.kafka_version,
            known.join(", ")
        ));
    }
    if !(1..=BROKERS_MAX).contains(&spec.broker_count) {
        return Some(format!(
            "it has 1 to {BROKERS_MAX} brokers, and not {}",
            spec.broker_count
        ));
    }
    let reason = if spec.zones.is_empty() {
        "it has no zones"
    } else if listeners.sasl_iam {
        "Apache Kafka has no server side of SASL/IAM. Use SASL/SCRAM or TLS, or engine embedded"
    } else if !(listeners.plaintext || listeners.tls || listeners.sasl_scram) {
        "it has no listener that is open to clients"
    } else if spec.reach != Reach::default() {
        "its brokers listen on the addresses of their hosts, and on no public or IPv6 address beside them"
    } else if spec.volume_bytes.is_some() {
        "Apache Kafka has no limit for all logs of a broker. Leave the size of volumes out, and give hosts disks of that size"
    } else if spec.encryption_key.is_some() {
        "Apache Kafka does not encrypt what it stores. Encrypt the disks of the hosts, or use engine embedded"
    } else if spec.log_delivery.is_some() {
        "logs of its brokers stay on their hosts. Turn delivery of logs off, or use engine embedded"
    } else if !["DEFAULT", ""].contains(&spec.monitoring.as_str()) {
        "it has no metrics beyond those of level DEFAULT"
    } else {
        return None;
    };
    Some(reason.to_owned())
}

#[cfg(test)]
pub(crate) mod tests {
    use engine::Listeners;
    use uuid::Uuid;

    use super::*;

    pub(crate) fn spec() -> ClusterSpec {
        engine::conformance::specification("apache-kafka", Uuid::from_u128(1), 3)
    }

    #[test]
    fn what_apache_kafka_has_not_is_refused_with_the_reason() {
        validate(&spec()).unwrap();
        let refused = |change: &dyn Fn(&mut ClusterSpec)| {
            let mut spec = spec();
            change(&mut spec);
            validate(&spec).unwrap_err().to_string()
        };
        let cases: [(&dyn Fn(&mut ClusterSpec), &str); 8] = [
            (&|spec| spec.volume_bytes = Some(1), "size of volumes"),
            (&|spec| spec.kafka_version = "3.9.x".to_owned(), "no release"),
            (&|spec| spec.broker_count = 61, "1 to 60 brokers"),
            (&|spec| spec.listeners.sasl_iam = true, "SASL/IAM"),
            (&|spec| spec.listeners = Listeners::default(), "no listener"),
            (&|spec| spec.reach.ipv6 = true, "IPv6"),
            (&|spec| spec.encryption_key = Some("arn".to_owned()), "encrypt"),
            (&|spec| spec.monitoring = "PER_BROKER".to_owned(), "metrics"),
        ];
        for (change, words) in cases {
            let error = refused(change);
            assert!(error.contains(words) && error.contains("\"orders\""), "{error}");
        }
    }
}
