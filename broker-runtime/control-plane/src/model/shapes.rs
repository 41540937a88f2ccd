//! The model in memory.

use std::{collections::HashMap, sync::LazyLock};

use control_plane_api::ErrorType;

use super::parse::parse;

/// The model of the service `kafka`.
pub(crate) fn model() -> &'static Model {
    static MODEL: LazyLock<Model> =
        LazyLock::new(|| parse(include_str!("kafka.model")).expect("kafka.model is well formed: a test reads it"));
    &MODEL
}

/// Everything a service can be asked.
#[derive(Debug, Default)]
pub(crate) struct Model {
    /// Values of each enum, in order.
    pub(crate) enums: HashMap<&'static str, Vec<&'static str>>,
    /// Members of each structure, in order.
    pub(crate) structures: HashMap<&'static str, Vec<Member>>,
    /// Operations by name.
    pub(crate) operations: Vec<Operation>,
}

/// One operation.
#[derive(Debug)]
pub(crate) struct Operation {
    /// Such as `UpdateBrokerCount`.
    pub(crate) name: &'static str,
    /// HTTP method.
    pub(crate) method: &'static str,
    /// Path with labels in braces.
    pub(crate) path: &'static str,
    /// Status of a success.
    pub(crate) status: u16,
    /// Structure of the request.
    pub(crate) input: &'static str,
    /// Structure of the answer; `-` when there is none.
    pub(crate) output: &'static str,
    /// True when the answer comes in pages.
    pub(crate) pages: bool,
    /// Errors it may answer.
    pub(crate) errors: Vec<ErrorType>,
}

/// A member of a structure.
#[derive(Debug)]
pub(crate) struct Member {
    /// Name on the wire.
    pub(crate) name: &'static str,
    /// True when it must be there.
    pub(crate) required: bool,
    /// Where it is.
    pub(crate) location: Location,
    /// What it is.
    pub(crate) shape: Shape,
}

/// Where a member of a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// In the JSON body.
    Body,
    /// A label of the path.
    Path,
    /// A parameter of the query.
    Query,
}

/// Least and most, of a number or of a length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) min: Option<i64>,
    pub(crate) max: Option<i64>,
}

impl Bounds {
    pub(crate) fn hold(self, value: i64) -> bool {
        self.min.is_none_or(|min| value >= min) && self.max.is_none_or(|max| value <= max)
    }
}

/// What a value is.
#[derive(Debug, PartialEq)]
pub(crate) enum Shape {
    /// Text, with bounds of its length in characters and a pattern.
    String(Bounds, Option<&'static str>),
    /// An integer of 32 or 64 bits.
    Integer { bits: u8, bounds: Bounds },
    /// A floating-point number.
    Double,
    /// True or false.
    Boolean,
    /// Bytes, in base64.
    Blob,
    /// A moment, ISO 8601.
    Timestamp,
    /// An enum or a structure.
    Named(&'static str),
    /// A list, with bounds of its length.
    List(Bounds, Box<Shape>),
    /// A map from strings.
    Map(Box<Shape>),
}

impl Model {
    /// The operation with a method and path, and the values of its labels. A literal segment is preferred to a label.
    pub(crate) fn route(
        &self,
        method: &str,
        segments: &[String],
    ) -> Option<(&Operation, HashMap<&'static str, String>)> {
        let found = self.operations.iter().filter(|operation| operation.method == method);
        let found = found.filter_map(|operation| Some((operation, labels(operation.path, segments)?)));
        found.min_by_key(|(_, labels)| labels.len())
    }

    /// True when the path belongs to some operation, whatever the method.
    pub(crate) fn knows_path(&self, segments: &[String]) -> bool {
        self.operations
            .iter()
            .any(|operation| labels(operation.path, segments).is_some())
    }

    /// The operation of a name.
    #[cfg(test)]
    pub(crate) fn operation(&self, name: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.name == name)
    }
}

/// The list in the answer of an operation.
pub(crate) fn list_of(operation: &Operation) -> Option<&'static str> {
    let members = model().structures.get(operation.output)?;
    let list = members.iter().find(|member| matches!(member.shape, Shape::List(..)))?;
    Some(list.name)
}

fn labels(path: &'static str, segments: &[String]) -> Option<HashMap<&'static str, String>> {
    let mut values = HashMap::new();
    let mut given = segments.iter();
    for part in path.split('/').skip(1) {
        let segment = given.next()?;
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(_) if segment.is_empty() => return None,
            Some(label) => drop(values.insert(label, segment.clone())),
            None if part == segment => (),
            None => return None,
        }
    }
    given.next().is_none().then_some(values)
}

#[cfg(test)]
mod tests {
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
