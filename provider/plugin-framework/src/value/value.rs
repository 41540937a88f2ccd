//! A value: null, unknown, or known.

use std::collections::BTreeMap;

use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

use super::{Number, Refinements, Type};

/// A value of some [`Type`]; the type stands in the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Absent.
    Null,
    /// Known after apply.
    Unknown(Refinements),
    /// True or false.
    Bool(bool),
    /// A number.
    Number(Number),
    /// Text in normal form C.
    String(String),
    /// Elements of a list, set or tuple.
    List(Vec<Value>),
    /// Attributes of an object, or elements of a map.
    Map(BTreeMap<String, Value>),
    /// A value that brings its type along.
    Dynamic(Type, Box<Value>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::string(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::integer(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

/// Bytes that are no value of the type.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ValueError(pub String);

impl Value {
    /// Unknown, and nothing known of it.
    pub fn unknown() -> Self {
        Self::Unknown(Refinements::none())
    }

    /// Text, in the normal form that Terraform uses.
    pub fn string(text: impl AsRef<str>) -> Self {
        Self::String(text.as_ref().nfc().collect())
    }

    /// A whole number.
    pub fn integer(number: i64) -> Self {
        Self::Number(Number::Integer(number))
    }

    /// A list of text.
    pub fn strings<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(Self::string).collect())
    }

    /// A map of text.
    pub fn map_of_strings<'a>(entries: impl IntoIterator<Item = (&'a String, &'a String)>) -> Self {
        Self::Map(
            entries
                .into_iter()
                .map(|(key, text)| (key.clone(), Self::string(text)))
                .collect(),
        )
    }

    /// It is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null) || matches!(self, Self::Dynamic(_, inner) if inner.is_null())
    }

    /// It is unknown as a whole.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_)) || matches!(self, Self::Dynamic(_, inner) if inner.is_unknown())
    }

    /// Nothing in it is unknown.
    pub fn is_wholly_known(&self) -> bool {
        match self {
            Self::Unknown(_) => false,
            Self::List(elements) => elements.iter().all(Self::is_wholly_known),
            Self::Map(entries) => entries.values().all(Self::is_wholly_known),
            Self::Dynamic(_, inner) => inner.is_wholly_known(),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => true,
        }
    }

    /// The text, if it is known text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The truth, if it is known.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// The whole number, if it is a known one.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// The number, if it is a known one, as the nearest float.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(number.as_f64()),
            _ => None,
        }
    }

    /// The elements, if it is a known list, set or tuple.
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(elements) => Some(elements),
            _ => None,
        }
    }

    /// The entries, if it is a known map or object.
    pub fn as_map(&self) -> Option<&BTreeMap<String, Self>> {
        match self {
            Self::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// Equal as a set is: the same elements in any order. For all else plain equality.
    pub fn equals(&self, other: &Self, of: &Type) -> bool {
        match (self, other, of) {
            (Self::List(ours), Self::List(theirs), Type::Set(element)) => {
                ours.len() == theirs.len()
                    && ours
                        .iter()
                        .all(|it| theirs.iter().any(|candidate| it.equals(candidate, element)))
            }
            (Self::List(ours), Self::List(theirs), Type::List(element)) => {
                ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(one, two)| one.equals(two, element))
            }
            (Self::Map(ours), Self::Map(theirs), Type::Map(element)) => {
                ours.len() == theirs.len()
                    && ours
                        .iter()
                        .all(|(key, one)| theirs.get(key).is_some_and(|two| one.equals(two, element)))
            }
            (Self::Map(ours), Self::Map(theirs), Type::Object(attributes)) => {
                attributes
                    .iter()
                    .all(|(name, attribute)| match (ours.get(name), theirs.get(name)) {
                        (Some(one), Some(two)) => one.equals(two, attribute),
                        (one, two) => one.is_none_or(Self::is_null) && two.is_none_or(Self::is_null),
                    })
            }
            _ => self == other,
        }
    }
}
