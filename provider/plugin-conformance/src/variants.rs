//! Configurations beside the one that a person would write: a value unknown, left out, or empty, at every attribute.

use plugin_framework::value::{Path, Step, Type, Value};

use crate::schema::{Attribute, Block, Nested};

/// What is done to one attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// Its value is only known after apply; or that of an element of nested attributes is.
    Unknown,
    /// It is left out.
    Null,
    /// It is a collection without elements.
    Empty,
}

/// Every variant of a configuration, with the attribute that it differs in.
pub fn variants(block: &Block, config: &Value) -> Vec<(Variant, Path, Value)> {
    let mut found = Vec::new();
    collect(block, config, &Path::root(), &mut |variant, path, value| {
        found.push((variant, path.clone(), replaced(config, path.steps(), &value)));
    });
    found
}

fn collect(block: &Block, value: &Value, path: &Path, add: &mut dyn FnMut(Variant, &Path, Value)) {
    let Value::Map(entries) = value else { return };
    let of = |name: &String| entries.get(name).unwrap_or(&Value::Null);
    for (name, attribute) in &block.attributes {
        let (path, value) = (path.then_attribute(name), of(name));
        for (variant, value) in of_attribute(attribute, !value.is_null()) {
            add(variant, &path, value);
        }
        if let Some(nested) = &attribute.nested {
            for (step, _) in nested.objects(value) {
                // An element as a whole, which a block cannot be.
                if let Some(step) = step {
                    add(Variant::Unknown, &path.then(step), Value::unknown());
                }
            }
            collect_nested(nested, value, &path, add);
        }
    }
    for (name, nested) in &block.blocks {
        collect_nested(nested, of(name), &path.then_attribute(name), add);
    }
}

fn collect_nested(nested: &Nested, value: &Value, path: &Path, add: &mut dyn FnMut(Variant, &Path, Value)) {
    for (step, object) in nested.objects(value) {
        let path = step.map_or_else(|| path.clone(), |step| path.then(step));
        collect(&nested.block, object, &path, add);
    }
}

fn of_attribute(attribute: &Attribute, is_set: bool) -> Vec<(Variant, Value)> {
    let mut found = Vec::new();
    if attribute.required || attribute.optional {
        found.push((Variant::Unknown, Value::unknown()));
    }
    if attribute.optional && is_set {
        found.push((Variant::Null, Value::Null));
    }
    let empty = match attribute.of {
        Type::List(_) | Type::Set(_) => Some(Value::List(Vec::new())),
        Type::Map(_) => Some(Value::Map(Default::default())),
        _ => None,
    };
    if attribute.required || attribute.optional {
        found.extend(empty.map(|empty| (Variant::Empty, empty)));
    }
    found
}

/// The same value with another one at a path.
fn replaced(value: &Value, steps: &[Step], with: &Value) -> Value {
    let Some((step, rest)) = steps.split_first() else {
        return with.clone();
    };
    let mut value = value.clone();
    match (&mut value, step) {
        (Value::Map(entries), Step::Attribute(name) | Step::Key(name)) => {
            let inner = entries.get(name).cloned().unwrap_or(Value::Null);
            entries.insert(name.clone(), replaced(&inner, rest, with));
        }
        (Value::List(elements), Step::Index(index)) => {
            if let Some(element) = elements.get_mut(*index) {
                *element = replaced(element, rest, with);
            }
        }
        _ => {}
    }
    value
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::schema::Nesting;

    fn attribute(of: Type, nested: Option<Nested>) -> Attribute {
        Attribute {
            of,
            nested,
            required: false,
            optional: true,
            computed: false,
            write_only: false,
        }
    }

    #[test]
    fn each_nested_attribute_and_each_element_is_varied() {
        let inner = Block {
            attributes: [("tags".to_owned(), attribute(Type::list_of_strings(), None))].into(),
            blocks: BTreeMap::new(),
        };
        let schema = |nesting| {
            let nested = Nested {
                block: inner.clone(),
                nesting,
            };
            attribute(nested.value_type(), Some(nested))
        };
        let block = Block {
            attributes: [
                ("one".to_owned(), schema(Nesting::Single)),
                ("set".to_owned(), schema(Nesting::Set)),
                ("map".to_owned(), schema(Nesting::Map)),
            ]
            .into(),
            blocks: BTreeMap::new(),
        };
        let tags = || [("tags", Value::strings(["a"]))];
        let config = ["one", "set", "map"].map(|name| (name, block.nested(name, tags())));
        let found = variants(&block, &block.configuration(config));
        let found: Vec<String> = found
            .iter()
            .map(|(variant, path, _)| format!("{variant:?} {path}"))
            .collect();
        let expected = [
            "Unknown map",
            "Null map",
            "Empty map",
            "Unknown map[\"one\"]",
            "Unknown map[\"one\"].tags",
            "Null map[\"one\"].tags",
            "Empty map[\"one\"].tags",
            "Unknown one",
            "Null one",
            "Unknown one.tags",
            "Null one.tags",
            "Empty one.tags",
            "Unknown set",
            "Null set",
            "Empty set",
            "Unknown set[0]",
            "Unknown set[0].tags",
            "Null set[0].tags",
            "Empty set[0].tags",
        ];
        assert_eq!(found, expected);
    }
}
