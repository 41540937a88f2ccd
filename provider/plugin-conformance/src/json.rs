//! Values as core stores them: JSON.

use plugin_framework::value::Value;
use serde_json::{Number, Value as Json};

/// The stored form of a wholly known value.
pub(crate) fn to_json(value: &Value) -> Json {
    match value {
        Value::Null | Value::Unknown(_) => Json::Null,
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Number(_) => number(value),
        Value::String(text) => Json::String(text.clone()),
        Value::List(elements) => elements.iter().map(to_json).collect(),
        Value::Map(entries) => entries
            .iter()
            .map(|(key, value)| (key.clone(), to_json(value)))
            .collect(),
        Value::Dynamic(of, value) => serde_json::json!({ "type": of.to_json(), "value": to_json(value) }),
    }
}

fn number(value: &Value) -> Json {
    let whole = value.as_i64().map(Number::from);
    let number = whole.or_else(|| value.as_f64().and_then(Number::from_f64));
    number.map_or(Json::Null, Json::Number)
}
