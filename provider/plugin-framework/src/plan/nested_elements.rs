//! Walks the objects of nested blocks and attributes beside those of other values.

use crate::{
    schema::{Nested, Nesting, Schema},
    value::{Path, Step, Value},
};

/// An object and the same object in two other values, element by element; elements without a partner get null.
pub(crate) fn nested_elements<'a>(
    nested: &'a Nested,
    path: &Path,
    value: &'a Value,
    partner: &'a Value,
) -> Vec<(Path, &'a Schema, &'a Value, &'a Value)> {
    steps(nested, value)
        .into_iter()
        .map(|step| {
            let path = step.iter().fold(path.clone(), |path, step| path.then(step.clone()));
            let (value, partner) = (element(value, step.as_ref()), element(partner, step.as_ref()));
            (path, &nested.block, value, partner)
        })
        .collect()
}

/// The same value with each of its objects replaced by what `change` makes of it and of its partners.
pub(crate) fn map_elements(
    nested: &Nested,
    value: &Value,
    [prior, config]: [&Value; 2],
    change: &mut dyn FnMut(&Value, &Value, &Value) -> Value,
) -> Value {
    let mut changed = value.clone();
    for step in steps(nested, value) {
        let of = |from| element(from, step.as_ref());
        let new = change(of(prior), of(config), of(value));
        match (&mut changed, &step) {
            (Value::List(elements), Some(Step::Index(index))) => elements[*index] = new,
            (Value::Map(entries), Some(Step::Key(key))) => {
                entries.insert(key.clone(), new);
            }
            (whole, _) => *whole = new,
        }
    }
    changed
}

/// The way to each object in a value: one step, or none where the value is the object.
fn steps(nested: &Nested, value: &Value) -> Vec<Option<Step>> {
    match value {
        Value::List(elements) => (0..elements.len()).map(|index| Some(Step::Index(index))).collect(),
        Value::Map(entries) if nested.nesting == Nesting::Map => {
            entries.keys().map(|key| Some(Step::Key(key.clone()))).collect()
        }
        Value::Map(_) => vec![None],
        _ => Vec::new(),
    }
}

fn element<'a>(value: &'a Value, step: Option<&Step>) -> &'a Value {
    const NULL: &Value = &Value::Null;
    let found = match step {
        None => Some(value),
        Some(Step::Index(index)) => value.as_list().and_then(|elements| elements.get(*index)),
        Some(Step::Key(name) | Step::Attribute(name)) => value.as_map().and_then(|entries| entries.get(name)),
    };
    found.unwrap_or(NULL)
}
