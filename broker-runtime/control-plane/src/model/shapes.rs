//! The model in memory.

use std::collections::HashMap;

use control_plane_api::ErrorType;

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
