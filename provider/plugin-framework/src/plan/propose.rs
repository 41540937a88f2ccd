//! From prior state, configuration and Terraform's proposal to a plan: defaults, write-only values, unknowns, stable
//! values, equal meanings, replacement. The order is that of HashiCorp's framework.

use std::collections::BTreeMap;

use super::nested_elements::nested_elements;
use crate::{
    schema::{Attribute, Schema},
    value::{Path, Value},
};

/// What will be, before the resource itself has its say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The planned value.
    pub planned: Value,
    /// Changed attributes that make a new resource.
    pub replaces: Vec<Path>,
}

/// Proposes a plan. `prior` is null for a new resource.
pub fn propose(schema: &Schema, prior: &Value, config: &Value, proposed: &Value) -> Proposal {
    let mut planned = known(schema, prior, config, proposed);
    if prior.is_null() || !planned.equals(prior, &schema.object_type()) {
        planned = with_unknowns(schema, prior, config, &planned);
    }
    let mut replaces = Vec::new();
    if !prior.is_null() {
        find_replacements(schema, prior, &planned, &Path::root(), &mut replaces);
    }
    Proposal { planned, replaces }
}

/// Defaults where nothing is configured, no write-only values, and the prior spelling where the meaning is the same.
fn known(schema: &Schema, prior: &Value, config: &Value, proposed: &Value) -> Value {
    each_attribute(
        schema,
        prior,
        config,
        proposed,
        &|attribute, prior, config, proposed| {
            if attribute.write_only {
                return Value::Null;
            }
            if config.is_null()
                && let Some(default) = &attribute.default
            {
                return default.clone();
            }
            let same = attribute.same_meaning.as_ref();
            if !prior.is_null() && proposed.is_wholly_known() && same.is_some_and(|same| same(prior, proposed)) {
                return prior.clone();
            }
            proposed.clone()
        },
    )
}

/// Something changes: what the provider computes is unknown, unless it is stable.
fn with_unknowns(schema: &Schema, prior: &Value, config: &Value, planned: &Value) -> Value {
    each_attribute(schema, prior, config, planned, &|attribute, prior, config, planned| {
        if !attribute.computed || !config.is_null() || attribute.default.is_some() {
            return planned.clone();
        }
        if attribute.stable && !prior.is_null() {
            prior.clone()
        } else {
            Value::unknown()
        }
    })
}

type Change<'a> = &'a dyn Fn(&Attribute, &Value, &Value, &Value) -> Value;

/// Applies `change` to each attribute of a block and of the blocks in it. The shape comes from `value`.
fn each_attribute(schema: &Schema, prior: &Value, config: &Value, value: &Value, change: Change<'_>) -> Value {
    let Some(entries) = value.as_map() else {
        return value.clone();
    };
    let of = |from: &Value, name: &str| {
        from.as_map()
            .and_then(|it| it.get(name))
            .cloned()
            .unwrap_or(Value::Null)
    };
    let mut changed = BTreeMap::new();
    for (name, attribute) in &schema.attributes {
        let value = entries.get(name).unwrap_or(&Value::Null);
        changed.insert(
            name.clone(),
            change(attribute, &of(prior, name), &of(config, name), value),
        );
    }
    for (name, nested) in &schema.blocks {
        let value = entries.get(name).cloned().unwrap_or_else(|| nested.empty_value());
        let (prior, config) = (of(prior, name), of(config, name));
        let element = |index: usize, from: &Value| from.as_list().and_then(|it| it.get(index)).cloned();
        let inside = match &value {
            Value::List(elements) => Value::List(
                elements
                    .iter()
                    .enumerate()
                    .map(|(index, it)| {
                        let prior = element(index, &prior).unwrap_or(Value::Null);
                        let config = element(index, &config).unwrap_or(Value::Null);
                        each_attribute(&nested.block, &prior, &config, it, change)
                    })
                    .collect(),
            ),
            other => each_attribute(&nested.block, &prior, &config, other, change),
        };
        changed.insert(name.clone(), inside);
    }
    Value::Map(changed)
}

fn find_replacements(schema: &Schema, prior: &Value, planned: &Value, path: &Path, found: &mut Vec<Path>) {
    let (Some(before), Some(after)) = (prior.as_map(), planned.as_map()) else {
        return;
    };
    for (name, attribute) in &schema.attributes {
        let (before, after) = (
            before.get(name).unwrap_or(&Value::Null),
            after.get(name).unwrap_or(&Value::Null),
        );
        if attribute.replaces.is_some() && !before.equals(after, &attribute.of) {
            found.push(path.then_attribute(name));
        }
    }
    for (name, nested) in &schema.blocks {
        let (before, after) = (
            before.get(name).unwrap_or(&Value::Null),
            after.get(name).unwrap_or(&Value::Null),
        );
        for (path, inner, after, before) in nested_elements(nested, &path.then_attribute(name), after, before) {
            find_replacements(inner, before, after, &path, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Object;

    fn schema() -> Schema {
        Schema::new()
            .attribute("name", Attribute::string().required().replaces("it is its identity"))
            .attribute("size", Attribute::number().optional().default(Value::integer(3)))
            .attribute("arn", Attribute::string().computed().stable())
            .attribute("version", Attribute::string().computed())
            .attribute("secret", Attribute::string().optional().write_only())
            .attribute(
                "text",
                Attribute::string()
                    .optional()
                    .same_meaning(|one, two| one.as_str().map(str::trim) == two.as_str().map(str::trim)),
            )
            .block_at_most_once("inner", Schema::new().attribute("id", Attribute::string().computed()))
    }

    fn object(entries: &[(&str, Value)]) -> Value {
        let mut object = Object::from_value(schema().empty_value()).expect("an object");
        for (name, value) in entries {
            object.set(name, value.clone());
        }
        object.into_value()
    }

    #[test]
    fn new_resource_has_defaults_unknowns_and_no_secret() {
        let config = object(&[("name", Value::string("a")), ("secret", Value::string("s"))]);
        let proposal = propose(&schema(), &Value::Null, &config, &config);
        let expected = object(&[
            ("name", Value::string("a")),
            ("size", Value::integer(3)),
            ("arn", Value::unknown()),
            ("version", Value::unknown()),
        ]);
        assert_eq!(
            proposal,
            Proposal {
                planned: expected,
                replaces: Vec::new()
            }
        );
    }

    fn existing(text: &str) -> Value {
        object(&[
            ("name", Value::string("a")),
            ("size", Value::integer(3)),
            ("arn", Value::string("arn")),
            ("version", Value::string("1")),
            ("text", Value::string(text)),
        ])
    }

    #[test]
    fn nothing_to_do_keeps_everything_and_equal_meaning_is_nothing_to_do() {
        let prior = existing("a");
        let config = object(&[("name", Value::string("a")), ("text", Value::string(" a "))]);
        let mut proposed = Object::from_value(prior.clone()).expect("an object");
        proposed.set_string("text", " a ");
        assert_eq!(
            propose(&schema(), &prior, &config, &proposed.into_value()).planned,
            prior
        );
    }

    #[test]
    fn update_keeps_what_is_stable_and_a_new_name_replaces() {
        let prior = existing("a");
        let config = object(&[("name", Value::string("b")), ("text", Value::string("a"))]);
        let mut proposed = Object::from_value(prior.clone()).expect("an object");
        proposed.set_string("name", "b");
        let proposal = propose(&schema(), &prior, &config, &proposed.into_value());
        let planned = Object::from_value(proposal.planned).expect("an object");
        assert_eq!(planned.string("arn"), Some("arn"));
        assert!(planned.is_unknown("version"));
        assert_eq!(proposal.replaces, [Path::attribute("name")]);
    }
}
