//! A field of a model: null, unknown, or known.

use super::{FieldType, Shape};
use crate::value::Value;

/// An attribute or block as Terraform has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Field<T> {
    /// Nobody says.
    #[default]
    Null,
    /// It is known after apply, as a whole or in part: the value, as it was read.
    Unknown(Value),
    /// It is this.
    Known(T),
}

impl<T> Field<T> {
    /// Known after apply, and nothing known of it.
    pub fn unknown() -> Self {
        Self::Unknown(Value::unknown())
    }

    /// What is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Null | Self::Unknown(_) => None,
        }
    }

    /// What is known, to be changed.
    pub fn known_mut(&mut self) -> Option<&mut T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Null | Self::Unknown(_) => None,
        }
    }

    /// What is known.
    pub fn into_known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Null | Self::Unknown(_) => None,
        }
    }

    /// Nobody says.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// It is known after apply, as a whole or in part.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }
}

impl<T: Copy> Field<T> {
    /// What is known.
    pub fn copied(&self) -> Option<T> {
        self.known().copied()
    }
}

impl<T: Clone> Field<T> {
    /// What is known.
    pub fn cloned(&self) -> Option<T> {
        self.known().cloned()
    }
}

impl<T: Clone + Default> Field<T> {
    /// What is known, or what its type begins with: no text, 0, an empty collection.
    pub fn or_default(&self) -> T {
        self.cloned().unwrap_or_default()
    }
}

impl<T: Default + PartialEq> Field<T> {
    /// Takes the value of a service that has no null, only an empty value. Between these two the field keeps the one it has, and
    /// what was something else and is empty now becomes null.
    pub fn follow(&mut self, value: T) {
        let empty = T::default();
        if self.is_unknown() || *self.known().unwrap_or(&empty) != value {
            *self = Some(value).filter(|value| *value != empty).into();
        }
    }
}

impl<T: FieldType> Field<T> {
    /// Nothing in it is unknown, however deep.
    pub fn is_wholly_known(&self) -> bool {
        self.to_value().is_wholly_known()
    }
}

impl Field<bool> {
    /// It is known to be true.
    pub fn is_true(&self) -> bool {
        self.copied() == Some(true)
    }
}

impl Field<String> {
    /// The text, if it is known.
    pub fn as_str(&self) -> Option<&str> {
        self.known().map(String::as_str)
    }
}

impl<T> Field<Vec<T>> {
    /// What is in it; nothing where it is null or unknown.
    pub fn elements(&self) -> &[T] {
        self.known().map_or(&[], Vec::as_slice)
    }
}

impl<T> From<T> for Field<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

impl<T> From<Option<T>> for Field<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Self::Known)
    }
}

impl From<&str> for Field<String> {
    fn from(text: &str) -> Self {
        Self::Known(text.to_owned())
    }
}

impl From<Option<&str>> for Field<String> {
    fn from(text: Option<&str>) -> Self {
        text.map_or(Self::Null, Self::from)
    }
}

impl<T: FieldType> FieldType for Field<T> {
    fn shape() -> Shape {
        T::shape()
    }

    fn from_value(value: &Value) -> Option<Self> {
        Some(match T::from_value(value) {
            Some(known) => Self::Known(known),
            None if value.is_null() => Self::Null,
            None => Self::Unknown(value.clone()),
        })
    }

    fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Unknown(value) => value.clone(),
            Self::Known(known) => known.to_value(),
        }
    }

    fn check(value: &Value) -> Vec<String> {
        T::check(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_and_empty_are_one_to_a_service_and_the_field_keeps_its_own() {
        let text = |text: &str| Field::from(text);
        let cases = [
            (Field::Null, "", Field::Null),
            (text(""), "", text("")),
            (text("a"), "", Field::Null),
            (Field::unknown(), "", Field::Null),
            (Field::Null, "b", text("b")),
            (text("a"), "b", text("b")),
        ];
        for (mut field, value, expected) in cases {
            field.follow(value.to_owned());
            assert_eq!(field, expected, "{value:?}");
        }
    }
}
