//! MSK's types of brokers: how much of the machine a broker may use.

use control_plane_api::instance_types::INSTANCE_TYPES;
use engine::BrokerResources;

const GIB: u64 = 1 << 30;

/// What a broker of this type may use; an error says which types there are.
pub(crate) fn resources(name: &str) -> Result<BrokerResources, String> {
    let Some(found) = INSTANCE_TYPES.iter().find(|known| known.name == name) else {
        let names: Vec<&str> = INSTANCE_TYPES.iter().map(|known| known.name).collect();
        return Err(format!("{name:?} is no type of brokers: use {}", names.join(", ")));
    };
    Ok(BrokerResources {
        vcpus: found.vcpus,
        memory_bytes: u64::from(found.memory_gib) * GIB,
        partitions_max: found.partitions_max,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_msks() {
        let of = |name| {
            let found = resources(name).unwrap();
            (found.vcpus, found.memory_bytes / GIB, found.partitions_max)
        };
        assert_eq!(of("kafka.t3.small"), (2, 2, 300));
        assert_eq!(of("kafka.m5.large"), (2, 8, 1000));
        assert_eq!(of("kafka.m5.24xlarge"), (96, 384, 4000));
        assert_eq!(of("express.m7g.2xlarge"), (8, 32, 2000));
        for wrong in [
            "",
            "kafka.m5",
            "kafka.t3.large",
            "kafka.m7g.24xlarge",
            "m5.large",
            "kafka.m5.huge",
        ] {
            assert!(resources(wrong).unwrap_err().contains("kafka.m7g.large"), "{wrong}");
        }
    }
}
