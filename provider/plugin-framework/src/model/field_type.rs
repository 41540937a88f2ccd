//! What a field can be: Rust's types beside Terraform's.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    schema::{Nested, Nesting, Schema},
    value::{Number, Type, Value},
};

/// What a schema says of a type.
#[derive(Clone, Debug)]
pub enum Shape {
    /// A plain value.
    Value(Type),
    /// An object with a schema of its own.
    Object(Schema),
    /// A collection of these.
    Objects(Nested),
}

impl Shape {
    /// As a block, or a nested attribute; `None` for a plain value.
    pub(crate) fn into_nested(self) -> Option<Nested> {
        match self {
            Self::Value(_) => None,
            Self::Object(block) => Some(Nested {
                block,
                nesting: Nesting::Single,
            }),
            Self::Objects(nested) => Some(nested),
        }
    }

    /// The type of its values.
    fn value_type(&self) -> Type {
        match self {
            Self::Value(of) => of.clone(),
            Self::Object(block) => block.object_type(),
            Self::Objects(nested) => nested.value_type(),
        }
    }

    /// A collection of it.
    fn collected(self, nesting: Nesting, of: fn(Box<Type>) -> Type) -> Self {
        match self {
            Self::Value(element) => Self::Value(of(Box::new(element))),
            Self::Object(block) => Self::Objects(Nested { block, nesting }),
            // What is nested twice has no schema any more, only a type.
            Self::Objects(nested) => Self::Value(of(Box::new(nested.value_type()))),
        }
    }
}

/// A type that known values are kept in.
pub trait FieldType: Sized {
    /// What the schema says.
    fn shape() -> Shape;

    /// Reads a value; `None` when it is null, unknown, unknown in a part that the type has no place for, or none of this type.
    fn from_value(value: &Value) -> Option<Self>;

    /// As Terraform has it.
    fn to_value(&self) -> Value;

    /// Why a known value of the schema's type is none of this one.
    fn check(_value: &Value) -> Vec<String> {
        Vec::new()
    }
}

impl FieldType for String {
    fn shape() -> Shape {
        Shape::Value(Type::String)
    }

    fn from_value(value: &Value) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }

    fn to_value(&self) -> Value {
        Value::string(self)
    }
}

impl FieldType for bool {
    fn shape() -> Shape {
        Shape::Value(Type::Bool)
    }

    fn from_value(value: &Value) -> Option<Self> {
        value.as_bool()
    }

    fn to_value(&self) -> Value {
        Value::Bool(*self)
    }
}

impl FieldType for i64 {
    fn shape() -> Shape {
        Shape::Value(Type::Number)
    }

    fn from_value(value: &Value) -> Option<Self> {
        value.as_i64()
    }

    fn to_value(&self) -> Value {
        Value::integer(*self)
    }

    fn check(value: &Value) -> Vec<String> {
        match value.as_i64() {
            Some(_) => Vec::new(),
            None => vec!["a whole number is required".to_owned()],
        }
    }
}

/// Any number, without loss.
impl FieldType for Number {
    fn shape() -> Shape {
        Shape::Value(Type::Number)
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => Some(number.clone()),
            _ => None,
        }
    }

    fn to_value(&self) -> Value {
        Value::Number(self.clone())
    }
}

/// A number that a float holds without loss; any other is none.
impl FieldType for f64 {
    fn shape() -> Shape {
        Shape::Value(Type::Number)
    }

    fn from_value(value: &Value) -> Option<Self> {
        let float = value.as_f64()?;
        (*value == float.to_value()).then_some(float)
    }

    fn to_value(&self) -> Value {
        Value::Number(Number::from_f64(*self))
    }

    fn check(value: &Value) -> Vec<String> {
        match Self::from_value(value) {
            Some(_) => Vec::new(),
            None => vec!["the number has too many digits".to_owned()],
        }
    }
}

/// A value of any type, which it brings along.
impl FieldType for Value {
    fn shape() -> Shape {
        Shape::Value(Type::Dynamic)
    }

    fn from_value(value: &Value) -> Option<Self> {
        Some(value.clone())
    }

    fn to_value(&self) -> Value {
        self.clone()
    }
}

fn elements<T: FieldType, C: FromIterator<T>>(value: &Value) -> Option<C> {
    value.as_list()?.iter().map(T::from_value).collect()
}

/// Why these are no elements of this type. One that is null has no place in a collection, unless the type has one for it.
fn check_elements<'a, T: FieldType>(elements: impl Iterator<Item = &'a Value>) -> Vec<String> {
    let problems = elements.flat_map(|element| match element {
        Value::Null if T::from_value(element).is_none() => vec!["an element of it is null; leave it out".to_owned()],
        Value::Null | Value::Unknown(_) => Vec::new(),
        element => T::check(element),
    });
    // One that several elements have is told once.
    problems.take(1).collect()
}

fn check_list<T: FieldType>(value: &Value) -> Vec<String> {
    check_elements::<T>(value.as_list().unwrap_or_default().iter())
}

fn list<'a, T: FieldType + 'a>(elements: impl IntoIterator<Item = &'a T>) -> Value {
    Value::List(elements.into_iter().map(T::to_value).collect())
}

impl<T: FieldType> FieldType for Vec<T> {
    fn shape() -> Shape {
        T::shape().collected(Nesting::List { min: 0, max: 0 }, Type::List)
    }

    fn from_value(value: &Value) -> Option<Self> {
        elements(value)
    }

    fn to_value(&self) -> Value {
        list(self)
    }

    fn check(value: &Value) -> Vec<String> {
        check_list::<T>(value)
    }
}

/// A set of what has no order: of models.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distinct<T>(pub Vec<T>);

impl<T: FieldType> FieldType for Distinct<T> {
    fn shape() -> Shape {
        T::shape().collected(Nesting::Set { min: 0, max: 0 }, Type::Set)
    }

    fn from_value(value: &Value) -> Option<Self> {
        elements(value).map(Self)
    }

    fn to_value(&self) -> Value {
        list(&self.0)
    }

    fn check(value: &Value) -> Vec<String> {
        check_list::<T>(value)
    }
}

impl<T: FieldType + Ord> FieldType for BTreeSet<T> {
    fn shape() -> Shape {
        Distinct::<T>::shape()
    }

    fn from_value(value: &Value) -> Option<Self> {
        elements(value)
    }

    fn to_value(&self) -> Value {
        list(self)
    }

    fn check(value: &Value) -> Vec<String> {
        check_list::<T>(value)
    }
}

impl<T: FieldType> FieldType for BTreeMap<String, T> {
    fn shape() -> Shape {
        T::shape().collected(Nesting::Map, Type::Map)
    }

    fn from_value(value: &Value) -> Option<Self> {
        let entries = value.as_map()?.iter();
        entries
            .map(|(key, value)| Some((key.clone(), T::from_value(value)?)))
            .collect()
    }

    fn to_value(&self) -> Value {
        Value::Map(
            self.iter()
                .map(|(key, value)| (key.clone(), value.to_value()))
                .collect(),
        )
    }

    fn check(value: &Value) -> Vec<String> {
        check_elements::<T>(value.as_map().into_iter().flat_map(BTreeMap::values))
    }
}

/// A model, or a collection of models, as a plain value: the schema says its type and no more, so that what stands at the attributes
/// in it, such as descriptions, checks and defaults, reaches nobody. It is for what is computed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plain<T>(pub T);

impl<T: FieldType> FieldType for Plain<T> {
    fn shape() -> Shape {
        Shape::Value(T::shape().value_type())
    }

    fn from_value(value: &Value) -> Option<Self> {
        T::from_value(value).map(Self)
    }

    fn to_value(&self) -> Value {
        self.0.to_value()
    }

    fn check(value: &Value) -> Vec<String> {
        T::check(value)
    }
}
