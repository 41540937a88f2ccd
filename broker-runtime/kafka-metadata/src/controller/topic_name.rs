//! What a topic may be called. Kafka: `org.apache.kafka.common.internals.Topic`.

use crate::{MetadataImage, rpc::ControllerError};

/// Longest name; with the suffix of a partition's directory it still fits a file name.
const LENGTH_MAX: usize = 249;

/// Checks length and characters.
pub fn validate_topic_name(name: &str) -> Result<(), ControllerError> {
    let reason = if name.is_empty() {
        "the empty string is not allowed".to_owned()
    } else if name == "." || name == ".." {
        format!("'{name}' is not allowed")
    } else if name.len() > LENGTH_MAX {
        format!("the length of '{name}' is longer than the max allowed length {LENGTH_MAX}")
    } else if !name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
    {
        format!("'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'")
    } else {
        return Ok(());
    };
    Err(ControllerError::InvalidTopic {
        name: name.to_owned(),
        reason,
    })
}

/// Metrics write `.` as `_`: two names that differ in nothing else may not exist together.
pub(super) fn check_collision(image: &MetadataImage, name: &str) -> Result<(), ControllerError> {
    if !name.contains(['.', '_']) {
        return Ok(());
    }
    let unified = |name: &str| name.replace('.', "_");
    let own = unified(name);
    match image
        .topics
        .keys()
        .find(|other| other.as_str() != name && unified(other) == own)
    {
        Some(other) => Err(ControllerError::InvalidTopic {
            name: name.to_owned(),
            reason: format!("Topic '{name}' collides with existing topic: {other}"),
        }),
        None => Ok(()),
    }
}
