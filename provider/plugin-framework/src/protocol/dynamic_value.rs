//! Values on the wire: msgpack to Terraform, msgpack or JSON from it.

use tfplugin_proto::tfplugin6::DynamicValue;

use crate::{
    diagnostics::Diagnostics,
    value::{Object, Type, Value, decode as decode_msgpack, encode as encode_msgpack, from_json},
};

/// Decodes; an absent or empty value is null.
pub(crate) fn decode(value: Option<&DynamicValue>, of: &Type) -> Result<Value, Diagnostics> {
    let Some(value) = value else { return Ok(Value::Null) };
    let decoded = if value.msgpack.is_empty() && !value.json.is_empty() {
        serde_json::from_slice(&value.json)
            .map_err(|error| crate::value::ValueError(error.to_string()))
            .and_then(|json| from_json(&json, of))
    } else {
        decode_msgpack(&value.msgpack, of)
    };
    decoded.map_err(|error| {
        Diagnostics::from_error("Terraform sent a value that does not fit the schema", error.to_string())
    })
}

/// Encodes.
pub(crate) fn encode(value: &Value, of: &Type) -> DynamicValue {
    DynamicValue {
        msgpack: encode_msgpack(value, of),
        json: Vec::new(),
    }
}

/// The object in a value that has to be there.
pub(crate) fn object(value: Value, what: &str) -> Result<Object, Diagnostics> {
    Object::from_value(value).ok_or_else(|| Diagnostics::from_error(format!("Terraform sent no {what}"), "It is null."))
}
