//! Configurations beside the one that a person would write: a value unknown, left out, or empty, at every attribute.

use plugin_framework::value::{Path, Step, Type, Value};

use crate::schema::{Attribute, Block};

/// What is done to one attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// Its value is only known after apply.
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
    for (name, attribute) in &block.attributes {
        let path = path.then_attribute(name);
        let is_set = entries.get(name).is_some_and(|value| !value.is_null());
        for (variant, value) in of_attribute(attribute, is_set) {
            add(variant, &path, value);
        }
    }
    for (name, nested) in &block.blocks {
        let path = path.then_attribute(name);
        match entries.get(name) {
            Some(Value::List(elements)) => {
                for (index, element) in elements.iter().enumerate() {
                    collect(&nested.block, element, &path.then_index(index), add);
                }
            }
            Some(single) => collect(&nested.block, single, &path, add),
            None => {}
        }
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
