//! What the control plane tells all brokers of a cluster while they run. It stands among the dynamic properties of all brokers,
//! under names of our own, which clients neither see nor change.

use std::collections::BTreeMap;

use crate::{ConfigResource, MetadataImage};

/// What all of their names begin with.
const PREFIX: &str = "openmsk.";

/// Bytes that the logs of a broker may have before it refuses what producers send.
pub const VOLUME_BYTES: &str = "openmsk.volume.bytes";

/// In how much detail brokers report what they measure: MSK's names of levels.
pub const MONITORING: &str = "openmsk.monitoring";

/// Which certificates brokers are to show: another text says that theirs may have been replaced, and to read it again.
pub const CERTIFICATES: &str = "openmsk.certificates";

/// Bytes a second that a broker sends and receives for replicas that a reassignment is bringing. It is given while the engine
/// moves data.
pub const MOVING_BYTES_PER_SECOND: &str = "openmsk.moving.bytes.per.second";

/// True for names that are not properties of Kafka.
pub fn is_instruction(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// Those that are in force.
pub fn in_force(image: &MetadataImage) -> BTreeMap<String, String> {
    let properties = image.dynamic_config(&ConfigResource::Brokers).into_iter().flatten();
    properties
        .filter(|(name, _)| is_instruction(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// The text of an instruction, if it is given.
pub fn text<'a>(image: &'a MetadataImage, name: &str) -> Option<&'a str> {
    let told = image.dynamic_config(&ConfigResource::Brokers)?;
    told.get(name).map(String::as_str)
}

/// The number that an instruction is, if it is given.
pub fn number(image: &MetadataImage, name: &str) -> Option<u64> {
    text(image, name)?.parse().ok()
}
