//! Walks the elements of a nested block beside those of other values.

use crate::{
    schema::{Nested, Schema},
    value::{Path, Value},
};

/// A block and the same block in two other values, element by element; elements without a partner get null.
pub(crate) fn nested_elements<'a>(
    nested: &'a Nested,
    path: &Path,
    value: &'a Value,
    partner: &'a Value,
) -> Vec<(Path, &'a Schema, &'a Value, &'a Value)> {
    const NULL: &Value = &Value::Null;
    match value {
        Value::List(elements) => elements
            .iter()
            .enumerate()
            .map(|(index, element)| {
                let other = partner.as_list().and_then(|it| it.get(index)).unwrap_or(NULL);
                (path.then_index(index), &nested.block, element, other)
            })
            .collect(),
        Value::Map(_) => vec![(path.clone(), &nested.block, value, partner)],
        _ => Vec::new(),
    }
}
