//! What is derived for a model, and what derived code calls.

use super::FieldType;
use crate::{
    schema::{Nested, Nesting, Schema},
    value::{Object, Value},
};

/// A type that a schema is derived from, and that values of it are kept in.
pub trait Model: Sized {
    /// The schema.
    fn schema() -> Schema;

    /// Reads an object of the schema. Nothing is lost: what is null, or unknown, or known in part only, says so.
    fn from_object(object: &Object) -> Self;

    /// The object that this was read from, apart from what has been changed since.
    fn to_object(&self) -> Object;
}

/// For derived code: the object in a value.
pub fn object_of(value: &Value) -> Option<Object> {
    Object::from_value(value.clone())
}

/// For derived code: a field of an object.
pub fn read<T: FieldType + Default>(object: &Object, name: &str) -> T {
    T::from_value(object.get(name)).unwrap_or_default()
}

/// For derived code: the block that a type stands for.
///
/// # Panics
///
/// Where the type is no model and no collection of models.
pub fn block_of<T: FieldType>(nesting: fn(Nesting) -> Nesting, description: &str) -> Nested {
    let mut nested = T::shape()
        .into_nested()
        .expect("the type of a block is a model or a collection of them");
    nested.nesting = nesting(nested.nesting);
    if !description.is_empty() {
        nested.block = nested.block.description(description);
    }
    nested
}

/// For derived code: what a block is, also where it is left out.
pub fn block_value<T: FieldType>(field: &T, nesting: fn(Nesting) -> Nesting) -> Value {
    match field.to_value() {
        Value::Null => block_of::<T>(nesting, "").empty_value(),
        value => value,
    }
}
