//! Names of partition directories: `<topic>-<partition>`, with `-delete` and more behind it while it is being removed.

/// Longest name of a file.
const NAME_BYTES_MAX: usize = 255;

/// Longest topic name.
const TOPIC_BYTES_MAX: usize = 249;

const DELETE_SUFFIX: &str = "-delete";

/// The directory of a partition.
pub(super) fn partition_name(topic: &str, partition: i32) -> String {
    format!("{topic}-{partition}")
}

/// The topic and partition of a directory; `None` for any other.
pub(super) fn parse_partition_name(name: &str) -> Option<(&str, i32)> {
    let (topic, partition) = name.rsplit_once('-')?;
    let plain = !partition.is_empty() && partition.bytes().all(|digit| digit.is_ascii_digit());
    if !plain || invalid_topic(topic).is_some() {
        return None;
    }
    partition.parse().ok().map(|partition| (topic, partition))
}

/// True for a directory whose deletion was begun.
pub(super) fn is_deleted(name: &str) -> bool {
    name.ends_with(DELETE_SUFFIX)
}

/// What a directory is called while it is being deleted: `<topic>-<partition>.<unique>-delete`, cut to what fits.
pub(super) fn deleted_name(name: &str, unique: &str) -> String {
    let room = NAME_BYTES_MAX - unique.len() - DELETE_SUFFIX.len() - 1;
    let name = &name[..name.floor_char_boundary(room)];
    format!("{name}.{unique}{DELETE_SUFFIX}")
}

/// Why a text is no topic name (`org.apache.kafka.common.internals.Topic`).
pub(super) fn invalid_topic(topic: &str) -> Option<&'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    match topic {
        "" => Some("the topic name is empty"),
        "." | ".." => Some("the topic name is a directory"),
        _ if topic.len() > TOPIC_BYTES_MAX => Some("the topic name is longer than 249 characters"),
        _ if !topic.bytes().all(allowed) => {
            Some("the topic name has other characters than a-z, A-Z, 0-9, '.', '_', '-'")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_make_the_round_trip() {
        for (topic, partition) in [("orders", 0), ("a-b-1", 12), ("__consumer_offsets", 49), ("1", 2)] {
            assert_eq!(
                parse_partition_name(&partition_name(topic, partition)),
                Some((topic, partition))
            );
        }
    }

    #[test]
    fn other_directories_are_no_partitions() {
        for name in [
            "lost+found",
            "orders",
            "orders-",
            "-1",
            "orders-x",
            "orders-1.abc-delete",
            "orders--1x",
            "a b-1",
        ] {
            assert_eq!(parse_partition_name(name), None, "{name}");
        }
    }

    #[test]
    fn a_deleted_name_fits_the_file_system() {
        let name = deleted_name(&partition_name(&"x".repeat(249), 12345), &"f".repeat(32));
        assert_eq!(name.len(), 255);
        assert!(is_deleted(&name));
        assert_eq!(parse_partition_name(&name), None);
    }
}
