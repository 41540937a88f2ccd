//! Which partition of its topic a group or a transactional id lives in: Kafka's `Utils.abs(id.hashCode()) % partitions`.

/// The partition that holds `id`, of `partitions` ones.
pub(crate) fn partition_of(id: &str, partitions: i32) -> i32 {
    debug_assert!(partitions > 0, "a topic has partitions");
    let hash = java_string_hash(id);
    // Kafka's abs maps the smallest integer, which has no positive, to zero.
    let positive = if hash == i32::MIN { 0 } else { hash.abs() };
    positive % partitions.max(1)
}

/// `String.hashCode` of Java, which counts UTF-16 units.
fn java_string_hash(text: &str) -> i32 {
    text.encode_utf16()
        .fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_fall_where_kafka_puts_them() {
        // "polygenelubricants" is the word whose hash is the smallest integer.
        for (id, partition) in [
            ("orders-app", 5),
            ("", 0),
            ("polygenelubricants", 0),
            ("gr\u{fc}ppe", 12),
            ("\u{1f600}x", 39),
        ] {
            assert_eq!(partition_of(id, 50), partition, "{id}");
        }
    }
}
