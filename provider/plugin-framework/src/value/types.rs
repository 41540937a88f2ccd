//! Types of values (cty), and their JSON form in schemas.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

/// The type of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// Text.
    String,
    /// A number of any size and precision.
    Number,
    /// True or false.
    Bool,
    /// Any type; the value carries it.
    Dynamic,
    /// Ordered values of one type.
    List(Box<Type>),
    /// Distinct values of one type.
    Set(Box<Type>),
    /// Values of one type by key.
    Map(Box<Type>),
    /// Named attributes.
    Object(BTreeMap<String, Type>),
    /// Ordered values, each of a type of its own.
    Tuple(Vec<Type>),
}

impl Type {
    /// A list of text.
    pub fn list_of_strings() -> Self {
        Self::List(Box::new(Self::String))
    }

    /// A map of text.
    pub fn map_of_strings() -> Self {
        Self::Map(Box::new(Self::String))
    }

    /// The JSON form that schemas and dynamic values use.
    pub fn to_json(&self) -> Json {
        match self {
            Self::String => json!("string"),
            Self::Number => json!("number"),
            Self::Bool => json!("bool"),
            Self::Dynamic => json!("dynamic"),
            Self::List(element) => json!(["list", element.to_json()]),
            Self::Set(element) => json!(["set", element.to_json()]),
            Self::Map(element) => json!(["map", element.to_json()]),
            Self::Object(attributes) => {
                let attributes: BTreeMap<&String, Json> =
                    attributes.iter().map(|(name, of)| (name, of.to_json())).collect();
                json!(["object", attributes])
            }
            Self::Tuple(elements) => json!(["tuple", elements.iter().map(Self::to_json).collect::<Vec<_>>()]),
        }
    }

    /// Reads the JSON form; `None` when it is none.
    pub fn from_json(json: &Json) -> Option<Self> {
        if let Some(name) = json.as_str() {
            return match name {
                "string" => Some(Self::String),
                "number" => Some(Self::Number),
                "bool" => Some(Self::Bool),
                "dynamic" => Some(Self::Dynamic),
                _ => None,
            };
        }
        let parts = json.as_array()?;
        let argument = parts.get(1)?;
        let element = || Self::from_json(argument).map(Box::new);
        match parts.first()?.as_str()? {
            "list" => Some(Self::List(element()?)),
            "set" => Some(Self::Set(element()?)),
            "map" => Some(Self::Map(element()?)),
            "tuple" => argument
                .as_array()?
                .iter()
                .map(Self::from_json)
                .collect::<Option<_>>()
                .map(Self::Tuple),
            "object" => argument
                .as_object()?
                .iter()
                .map(|(name, of)| Some((name.clone(), Self::from_json(of)?)))
                .collect::<Option<_>>()
                .map(Self::Object),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_make_the_round_trip_through_json() {
        let object = Type::Object(
            [
                ("a".to_owned(), Type::list_of_strings()),
                ("b".to_owned(), Type::Number),
            ]
            .into(),
        );
        for of in [
            Type::Dynamic,
            Type::Set(Box::new(object.clone())),
            Type::Tuple(vec![Type::Bool, object]),
        ] {
            assert_eq!(Type::from_json(&of.to_json()), Some(of));
        }
        assert_eq!(Type::from_json(&json!(["list"])), None);
    }
}
