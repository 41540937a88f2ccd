//! From prior state, configuration and Terraform's proposal to a plan: defaults, write-only values, unknowns, stable
//! values, equal meanings, replacement. The order is that of HashiCorp's framework.

use std::collections::BTreeMap;

use super::nested_elements::{map_elements, nested_elements};
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
    each_attribute(schema, prior, config, planned, &|attribute, _, config, planned| {
        if !attribute.computed || !config.is_null() || attribute.default.is_some() {
            return planned.clone();
        }
        // Terraform has put in what was there before, also where an element of a set was found again.
        if attribute.stable && !planned.is_null() {
            planned.clone()
        } else {
            Value::unknown()
        }
    })
}

/// A state with the prior value of every attribute whose new one means the same.
pub(crate) fn spelled_as_before(schema: &Schema, prior: &Value, state: &Value) -> Value {
    each_attribute(schema, prior, state, state, &|attribute, prior, _, state| {
        let same = attribute
            .same_meaning
            .as_ref()
            .filter(|_| !prior.is_null() && !state.is_null());
        match same {
            Some(same) if same(prior, state) => prior.clone(),
            _ => state.clone(),
        }
    })
}

/// A state of which Terraform keeps nothing write-only.
pub(crate) fn without_write_only(schema: &Schema, state: &Value) -> Value {
    each_attribute(schema, &Value::Null, state, state, &|attribute, _, _, state| {
        if attribute.write_only {
            Value::Null
        } else {
            state.clone()
        }
    })
}

type Change<'a> = &'a dyn Fn(&Attribute, &Value, &Value, &Value) -> Value;

/// Applies `change` to each attribute of a block, of its nested attributes and of the blocks in it. The shape comes from `value`. What
/// is nested in an attribute that nobody configured is what the provider says as a whole.
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
        let (prior, config) = (of(prior, name), of(config, name));
        let mut value = change(attribute, &prior, &config, value);
        if let Some(nested) = attribute.nested.as_ref().filter(|_| !config.is_null()) {
            value = map_elements(nested, &value, [&prior, &config], &mut |prior, config, value| {
                each_attribute(&nested.block, prior, config, value, change)
            });
        }
        changed.insert(name.clone(), value);
    }
    for (name, nested) in &schema.blocks {
        let value = entries.get(name).cloned().unwrap_or_else(|| nested.empty_value());
        let (prior, config) = (of(prior, name), of(config, name));
        let inside = map_elements(nested, &value, [&prior, &config], &mut |prior, config, value| {
            each_attribute(&nested.block, prior, config, value, change)
        });
        changed.insert(name.clone(), inside);
    }
    Value::Map(changed)
}

fn find_replacements(schema: &Schema, prior: &Value, planned: &Value, path: &Path, found: &mut Vec<Path>) {
    let (Some(before), Some(after)) = (prior.as_map(), planned.as_map()) else {
        return;
    };
    let of = |name: &str| {
        const NULL: &Value = &Value::Null;
        (before.get(name).unwrap_or(NULL), after.get(name).unwrap_or(NULL))
    };
    for (name, attribute) in &schema.attributes {
        let (before, after) = of(name);
        if attribute.replaces.is_some() && !before.equals(after, &attribute.of) {
            found.push(path.then_attribute(name));
        }
    }
    for (name, nested) in schema.nested() {
        let (before, after) = of(name);
        for (path, inner, after, before) in nested_elements(nested, &path.then_attribute(name), after, before) {
            find_replacements(inner, before, after, &path, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{schema::Nesting, value::Object};

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

    /// Rules of nested attributes: whoever writes one may leave out its size, and the provider numbers it.
    fn ruled() -> Schema {
        let rule = Schema::new()
            .attribute("name", Attribute::string().required().replaces("it is its identity"))
            .attribute("size", Attribute::number().optional().default(Value::integer(3)))
            .attribute("number", Attribute::number().computed().stable());
        let nesting = Nesting::Set { min: 0, max: 0 };
        Schema::new()
            .attribute("rules", Attribute::nested(nesting, rule.clone()).optional())
            .attribute("found", Attribute::nested(Nesting::Single, rule).computed())
    }

    fn rules(entries: &[(&str, Value, Value)], found: Value) -> Value {
        let rule = |(name, size, number): &(&str, Value, Value)| {
            let entries = [
                ("name", Value::string(name)),
                ("size", size.clone()),
                ("number", number.clone()),
            ];
            Value::Map(entries.map(|(name, value)| (name.to_owned(), value)).into())
        };
        let rules = Value::List(entries.iter().map(rule).collect());
        Value::Map([("rules".to_owned(), rules), ("found".to_owned(), found)].into())
    }

    #[test]
    fn nested_attributes_are_planned_one_by_one() {
        let config = rules(
            &[("a", Value::Null, Value::Null), ("b", Value::integer(9), Value::Null)],
            Value::Null,
        );
        let planned = propose(&ruled(), &Value::Null, &config, &config).planned;
        let new = |name, size| (name, Value::integer(size), Value::unknown());
        assert_eq!(planned, rules(&[new("a", 3), new("b", 9)], Value::unknown()));

        // Terraform has found the second rule again in the set, where it is the first now.
        let known = |name, size, number| (name, Value::integer(size), Value::integer(number));
        let prior = rules(&[known("a", 3, 1), known("b", 9, 2)], Value::Null);
        let config = rules(
            &[("b", Value::integer(9), Value::Null), ("c", Value::Null, Value::Null)],
            Value::Null,
        );
        let proposed = rules(&[known("b", 9, 2), ("c", Value::Null, Value::Null)], Value::Null);
        let proposal = propose(&ruled(), &prior, &config, &proposed);
        assert_eq!(
            proposal.planned,
            rules(&[known("b", 9, 2), new("c", 3)], Value::unknown())
        );
        assert_eq!(proposal.replaces[0].to_string(), "rules[0].name");
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
