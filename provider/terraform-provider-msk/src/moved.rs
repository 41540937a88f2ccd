//! Resources that a `moved` block takes over: from `hashicorp/aws`, which manages clusters of this runtime as those of Amazon, and from
//! `Mongey/kafka`, which manages topics through brokers.

use serde_json::Value as Json;

/// The id to import a resource by: these attributes of the state of a `wanted`, with commas between them. `None` for another
/// type, and where one of them is missing.
pub(crate) fn id_of(source: &str, wanted: &str, state: &Json, attributes: &[&str]) -> Option<String> {
    if source != wanted {
        return None;
    }
    let parts = attributes
        .iter()
        .map(|name| state.get(name)?.as_str().filter(|text| !text.is_empty()));
    Some(parts.collect::<Option<Vec<_>>>()?.join(","))
}

/// The text of an attribute of a `wanted`; `None` for another type, and where it is missing or empty.
pub(crate) fn text<'a>(source: &str, wanted: &str, state: &'a Json, attribute: &str) -> Option<&'a str> {
    let text = state.get(attribute)?.as_str().filter(|text| !text.is_empty())?;
    (source == wanted).then_some(text)
}

/// Kafka's word for what Mongey's provider writes in one: `DescribeConfigs` is `DESCRIBE_CONFIGS`.
pub(crate) fn kafka_word(word: &str) -> String {
    let mut kafka = String::new();
    let mut after_small = false;
    for letter in word.chars() {
        if letter.is_uppercase() && after_small {
            kafka.push('_');
        }
        after_small = letter.is_lowercase();
        kafka.extend(letter.to_uppercase());
    }
    kafka
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_are_kafkas() {
        for (theirs, ours) in [
            ("Topic", "TOPIC"),
            ("TransactionalID", "TRANSACTIONAL_ID"),
            ("DescribeConfigs", "DESCRIBE_CONFIGS"),
            ("ClusterAction", "CLUSTER_ACTION"),
            ("Allow", "ALLOW"),
        ] {
            assert_eq!(kafka_word(theirs), ours);
        }
    }

    #[test]
    fn ids_are_made_of_attributes() {
        let state = json!({"cluster_arn": "c", "name": "n", "empty": "", "number": 1});
        let of = |attributes: &[&str]| id_of("aws_msk_topic", "aws_msk_topic", &state, attributes);
        assert_eq!(of(&["cluster_arn", "name"]).as_deref(), Some("c,n"));
        assert_eq!(of(&["cluster_arn", "missing"]), None);
        assert_eq!(of(&["empty"]), None);
        assert_eq!(of(&["number"]), None);
        assert_eq!(id_of("kafka_topic", "aws_msk_topic", &state, &["name"]), None);
    }
}
