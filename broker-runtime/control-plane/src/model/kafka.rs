//! The model of the service `kafka`.

use std::sync::LazyLock;

use super::{
    parse::parse,
    shapes::{Model, Operation, Shape},
};

/// The model, read once.
pub(crate) fn model() -> &'static Model {
    static MODEL: LazyLock<Model> =
        LazyLock::new(|| parse(include_str!("kafka.model")).expect("kafka.model is well formed: a test reads it"));
    &MODEL
}

/// The list in the answer of an operation.
pub(crate) fn list_of(operation: &Operation) -> Option<&'static str> {
    let members = model().structures.get(operation.output)?;
    let list = members.iter().find(|member| matches!(member.shape, Shape::List(..)))?;
    Some(list.name)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn routed(method: &str, path: &str) -> Option<(&'static str, HashMap<&'static str, String>)> {
        let segments: Vec<String> = path.split('/').skip(1).map(str::to_owned).collect();
        model()
            .route(method, &segments)
            .map(|(operation, labels)| (operation.name, labels))
    }

    #[test]
    fn sixty_four_operations_of_which_fourteen_come_in_pages() {
        assert_eq!(model().operations.len(), 64);
        assert_eq!(
            model().operations.iter().filter(|operation| operation.pages).count(),
            14
        );
    }

    #[test]
    fn every_name_in_the_model_is_defined() {
        fn named(shape: &Shape) -> Option<&'static str> {
            match shape {
                Shape::Named(name) => Some(name),
                Shape::List(_, of) | Shape::Map(of) => named(of),
                _ => None,
            }
        }
        let model = model();
        let shapes = model
            .structures
            .values()
            .flatten()
            .filter_map(|member| named(&member.shape));
        let ends = model
            .operations
            .iter()
            .flat_map(|operation| [operation.input, operation.output]);
        for name in shapes.chain(ends).filter(|name| *name != "-") {
            assert!(
                model.structures.contains_key(name) || model.enums.contains_key(name),
                "{name} is not defined"
            );
        }
    }

    #[test]
    fn paths_lead_to_operations() {
        assert_eq!(routed("GET", "/v1/clusters").unwrap().0, "ListClusters");
        let (name, labels) = routed("GET", "/v1/clusters/arn:a/topics/t/partitions").unwrap();
        assert_eq!((name, labels["topicName"].as_str()), ("DescribeTopicPartitions", "t"));
        assert_eq!(
            routed("PUT", "/v1/clusters/a/nodes/count").unwrap().0,
            "UpdateBrokerCount"
        );
        assert!(routed("POST", "/v1/clusters/a/nodes/count").is_none());
        assert!(routed("GET", "/v1/clusters/").is_none());
    }
}
