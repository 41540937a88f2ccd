//! GenerateResourceConfig: a configuration that would lead to a state, for `terraform query -generate-config-out` and `import`
//! blocks. It has what a person would write: nothing that only the provider sets, and nothing that is a default.

use std::collections::BTreeMap;

use tfplugin_proto::tfplugin6 as proto;

use super::{
    dynamic_value::{decode, encode},
    server::{Shared, guarded},
};
use crate::{
    diagnostics::Diagnostics,
    plan,
    schema::{Attribute, Nested, Schema},
    value::Value,
};

type Request = proto::generate_resource_config::Request;
type Response = proto::generate_resource_config::Response;

impl Shared {
    pub(crate) async fn generate_resource_config(&self, request: Request) -> Response {
        match guarded(async { self.configuration_of(&request) })
            .await
            .and_then(|it| it)
        {
            Ok(config) => Response {
                config: Some(config),
                diagnostics: Vec::new(),
            },
            Err(diagnostics) => Response {
                config: None,
                diagnostics: diagnostics.into_proto(),
            },
        }
    }

    fn configuration_of(&self, request: &Request) -> Result<proto::DynamicValue, Diagnostics> {
        let registered = self.resource(&request.type_name)?;
        let state = decode(request.state.as_ref(), &registered.of)?;
        Ok(encode(&written(registered.schema(), state), &registered.of))
    }
}

/// What a person would have written to get this value.
fn written(schema: &Schema, value: Value) -> Value {
    let Value::Map(entries) = value else { return value };
    let entries = entries.into_iter().map(|(name, value)| {
        let value = match (schema.attributes.get(&name), schema.blocks.get(&name)) {
            (Some(attribute), _) => written_attribute(attribute, value),
            (None, Some(nested)) => written_elements(nested, &value),
            (None, None) => value,
        };
        (name, value)
    });
    Value::Map(entries.collect::<BTreeMap<_, _>>())
}

fn written_attribute(attribute: &Attribute, value: Value) -> Value {
    let nobody_writes_it = !attribute.is_configurable() || attribute.write_only || attribute.deprecated.is_some();
    if nobody_writes_it || attribute.default.as_ref() == Some(&value) {
        return Value::Null;
    }
    match &attribute.nested {
        Some(nested) => written_elements(nested, &value),
        None => value,
    }
}

fn written_elements(nested: &Nested, value: &Value) -> Value {
    plan::map_elements(nested, value, [&Value::Null; 2], &mut |_, _, value| {
        written(&nested.block, value.clone())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Nesting;

    #[test]
    fn what_nobody_would_write_is_left_out() {
        let inner = Schema::new()
            .attribute("size", Attribute::number().optional())
            .attribute("seen", Attribute::number().computed());
        let schema = Schema::new()
            .attribute("name", Attribute::string().required())
            .attribute("id", Attribute::string().computed())
            .attribute("host", Attribute::string().optional().default(Value::string("*")))
            .attribute("other", Attribute::string().optional().default(Value::string("*")))
            .attribute("password", Attribute::string().optional().write_only())
            .attribute("old", Attribute::string().optional().deprecated("use name"))
            .attribute("spare", Attribute::nested(Nesting::Single, inner.clone()).optional())
            .block_at_most_once("disk", inner);
        let text = Value::string;
        let number = Value::integer;
        let map = |entries: &[(&str, Value)]| {
            Value::Map(
                entries
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), value.clone()))
                    .collect(),
            )
        };
        let state = map(&[
            ("name", text("n")),
            ("id", text("i")),
            ("host", text("*")),
            ("other", text("h")),
            ("password", Value::Null),
            ("old", text("o")),
            ("spare", map(&[("size", number(1)), ("seen", number(2))])),
            (
                "disk",
                Value::List(vec![map(&[("size", number(1)), ("seen", number(2))])]),
            ),
        ]);
        let wanted = map(&[
            ("name", text("n")),
            ("id", Value::Null),
            ("host", Value::Null),
            ("other", text("h")),
            ("password", Value::Null),
            ("old", Value::Null),
            ("spare", map(&[("size", number(1)), ("seen", Value::Null)])),
            (
                "disk",
                Value::List(vec![map(&[("size", number(1)), ("seen", Value::Null)])]),
            ),
        ]);
        assert_eq!(written(&schema, state), wanted);
    }
}
