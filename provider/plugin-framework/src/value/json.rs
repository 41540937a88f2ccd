//! JSON as Terraform stores states: read leniently, because the state may be of an older schema.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{Number, Type, Value, ValueError};

/// Reads a value of type `of`. Attributes that the type does not have are left out, missing ones are null.
pub fn from_json(json: &Json, of: &Type) -> Result<Value, ValueError> {
    let wrong = || ValueError(format!("expected {}, found {}", name(of), kind(json)));
    if json.is_null() {
        return Ok(Value::Null);
    }
    match of {
        Type::String => match json {
            Json::String(text) => Ok(Value::string(text)),
            // Older states keep numbers and truths where the schema now has text.
            Json::Number(_) | Json::Bool(_) => Ok(Value::string(json.to_string())),
            _ => Err(wrong()),
        },
        Type::Number => match json {
            Json::Number(number) => number_from(&number.to_string()).ok_or_else(wrong),
            Json::String(text) => number_from(text).ok_or_else(wrong),
            _ => Err(wrong()),
        },
        Type::Bool => match json {
            Json::Bool(truth) => Ok(Value::Bool(*truth)),
            Json::String(text) => text.parse().map(Value::Bool).map_err(|_| wrong()),
            _ => Err(wrong()),
        },
        Type::List(element) | Type::Set(element) => {
            let elements = json.as_array().ok_or_else(wrong)?;
            elements
                .iter()
                .map(|it| from_json(it, element))
                .collect::<Result<_, _>>()
                .map(Value::List)
        }
        Type::Tuple(elements) => {
            let values = json
                .as_array()
                .filter(|it| it.len() == elements.len())
                .ok_or_else(wrong)?;
            values
                .iter()
                .zip(elements)
                .map(|(it, of)| from_json(it, of))
                .collect::<Result<_, _>>()
                .map(Value::List)
        }
        Type::Map(element) => {
            let entries = json.as_object().ok_or_else(wrong)?.iter();
            let entries = entries.map(|(key, it)| Ok((key.clone(), from_json(it, element)?)));
            entries.collect::<Result<_, _>>().map(Value::Map)
        }
        Type::Object(attributes) => {
            let entries = json.as_object().ok_or_else(wrong)?;
            let read = attributes.iter().map(|(key, of)| {
                let value = entries.get(key).map_or(Ok(Value::Null), |it| from_json(it, of));
                value
                    .map(|value| (key.clone(), value))
                    .map_err(|error| ValueError(format!("{key}: {error}")))
            });
            read.collect::<Result<BTreeMap<_, _>, _>>().map(Value::Map)
        }
        Type::Dynamic => {
            let of = json.get("type").and_then(Type::from_json).ok_or_else(wrong)?;
            let value = from_json(json.get("value").unwrap_or(&Json::Null), &of)?;
            Ok(Value::Dynamic(of, Box::new(value)))
        }
    }
}

fn number_from(text: &str) -> Option<Value> {
    Number::from_decimal(text).map(Value::Number)
}

fn name(of: &Type) -> &'static str {
    match of {
        Type::String => "a string",
        Type::Number => "a number",
        Type::Bool => "a bool",
        Type::Dynamic => "a value with its type",
        Type::List(_) => "a list",
        Type::Set(_) => "a set",
        Type::Map(_) => "a map",
        Type::Object(_) => "an object",
        Type::Tuple(_) => "a tuple",
    }
}

fn kind(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "a bool",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn removed_attributes_are_left_out_and_new_ones_null() {
        let of = Type::Object([("kept".to_owned(), Type::Number), ("new".to_owned(), Type::String)].into());
        let value = from_json(&json!({ "kept": 3, "removed": true }), &of).expect("a value");
        assert_eq!(
            value,
            Value::Map([("kept".to_owned(), Value::integer(3)), ("new".to_owned(), Value::Null)].into())
        );
    }

    #[test]
    fn wrong_kinds_are_named() {
        assert_eq!(
            from_json(&json!([]), &Type::String).unwrap_err().to_string(),
            "expected a string, found an array"
        );
    }
}
