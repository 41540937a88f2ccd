//! What core proposes as the new state: the configuration, and what was there where the provider decides.

use plugin_framework::value::Value;

use crate::schema::{Attribute, Block, Nested, Nesting, object_at, part};

/// Proposes. `prior` is null for a new resource.
pub(crate) fn propose(block: &Block, prior: &Value, config: &Value) -> Value {
    if !matches!(config, Value::Map(_)) {
        return config.clone();
    }
    let attributes = block.attributes.iter().map(|(name, attribute)| {
        let (prior, config) = (part(prior, name), part(config, name));
        (name.clone(), attribute_value(attribute, prior, config))
    });
    let blocks = block.blocks.iter().map(|(name, nested)| {
        (
            name.clone(),
            nested_value(nested, part(prior, name), part(config, name)),
        )
    });
    Value::Map(attributes.chain(blocks).collect())
}

fn attribute_value(attribute: &Attribute, prior: &Value, config: &Value) -> Value {
    if attribute.computed && config.is_null() && !was_configured(attribute, prior) {
        return prior.clone();
    }
    match &attribute.nested {
        Some(nested) => nested_value(nested, prior, config),
        None => config.clone(),
    }
}

/// Optional nested attributes of which only a configuration can have set a part: it has been taken away then.
fn was_configured(attribute: &Attribute, prior: &Value) -> bool {
    let nested = attribute.nested.as_ref().filter(|_| attribute.optional);
    nested.is_some_and(|nested| holds_configured(nested, prior))
}

fn holds_configured(nested: &Nested, value: &Value) -> bool {
    nested.objects(value).into_iter().any(|(_, object)| {
        nested.block.attributes.iter().any(|(name, attribute)| {
            let value = part(object, name);
            let inside = || {
                attribute
                    .nested
                    .as_ref()
                    .is_some_and(|inner| holds_configured(inner, value))
            };
            !value.is_null() && (!attribute.computed || inside())
        })
    })
}

/// Blocks and nested attributes alike, element by element.
fn nested_value(nested: &Nested, prior: &Value, config: &Value) -> Value {
    match (nested.nesting, config) {
        (Nesting::Single | Nesting::Group, _) => propose(&nested.block, prior, config),
        (Nesting::Set, Value::List(elements)) => Value::List(set_elements(&nested.block, prior, elements)),
        (_, Value::List(_)) => {
            let elements = nested.objects(config).into_iter();
            let elements =
                elements.map(|(step, config)| propose(&nested.block, object_at(prior, step.as_ref()), config));
            Value::List(elements.collect())
        }
        (_, Value::Map(entries)) => {
            let entries = entries
                .iter()
                .map(|(key, config)| (key.clone(), propose(&nested.block, part(prior, key), config)));
            Value::Map(entries.collect())
        }
        _ => config.clone(),
    }
}

/// Each element with the first one of the prior state that it could be, which is then taken.
fn set_elements(block: &Block, prior: &Value, configured: &[Value]) -> Vec<Value> {
    let mut left: Vec<&Value> = prior.as_list().unwrap_or_default().iter().collect();
    let elements = configured.iter().map(|config| {
        let same = left.iter().position(|prior| could_be(block, prior, config));
        let prior = same.map(|index| left.remove(index));
        propose(block, prior.unwrap_or(&Value::Null), config)
    });
    elements.collect()
}

/// An element of a set is the same when it differs in what the provider decides only.
fn could_be(block: &Block, prior: &Value, config: &Value) -> bool {
    let attributes = block.attributes.iter().all(|(name, attribute)| {
        let (prior, config) = (part(prior, name), part(config, name));
        match &attribute.nested {
            _ if prior.equals(config, &attribute.of) => true,
            Some(nested) => objects_could_be(nested, prior, config),
            None => attribute.computed && config.is_null(),
        }
    });
    let mut blocks = block.blocks.iter();
    attributes && blocks.all(|(name, nested)| objects_could_be(nested, part(prior, name), part(config, name)))
}

/// What is nested in an element of a set: each object of the prior state is in the configuration too. Core does not look into sets.
fn objects_could_be(nested: &Nested, prior: &Value, config: &Value) -> bool {
    if nested.nesting == Nesting::Set {
        return prior.equals(config, &nested.value_type());
    }
    let mut objects = nested.objects(prior).into_iter();
    objects.all(|(step, prior)| match object_at(config, step.as_ref()) {
        Value::Map(_) if prior.is_null() => true,
        config @ Value::Map(_) => could_be(&nested.block, prior, config),
        config => prior.is_null() && config.is_null(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use plugin_framework::value::Type;

    use super::*;
    use crate::schema::Attribute;

    fn attribute(optional: bool, computed: bool) -> Attribute {
        Attribute {
            of: Type::String,
            nested: None,
            required: false,
            optional,
            computed,
            write_only: false,
        }
    }

    fn object(entries: &[(&str, &str)]) -> Value {
        let entries = entries
            .iter()
            .map(|(name, text)| ((*name).to_owned(), Value::string(text)));
        Value::Map(entries.collect())
    }

    #[test]
    fn what_was_there_stays_where_the_provider_decides() {
        let names = [("set", true, false), ("both", true, true), ("own", false, true)];
        let attributes: BTreeMap<_, _> = names
            .into_iter()
            .map(|(name, optional, computed)| (name.to_owned(), attribute(optional, computed)))
            .collect();
        let inner = Block {
            attributes,
            blocks: BTreeMap::new(),
        };
        let nested = Nested {
            block: inner.clone(),
            nesting: Nesting::Set,
        };
        let block = Block {
            blocks: [("element".to_owned(), nested)].into(),
            ..inner.clone()
        };
        let mut prior = object(&[("set", "old"), ("both", "b"), ("own", "o")]);
        let mut config = object(&[("set", "new")]);
        if let (Value::Map(prior), Value::Map(config)) = (&mut prior, &mut config) {
            let elements = [
                object(&[("set", "x"), ("own", "1")]),
                object(&[("set", "y"), ("own", "2")]),
            ];
            prior.insert("element".to_owned(), Value::List(elements.to_vec()));
            let elements = [object(&[("set", "y")]), object(&[("set", "z")])];
            config.insert("element".to_owned(), Value::List(elements.to_vec()));
        }
        let proposed = propose(&block, &prior, &config);
        assert_eq!(part(&proposed, "set"), &Value::string("new"));
        assert_eq!(part(&proposed, "both"), &Value::string("b"));
        assert_eq!(part(&proposed, "own"), &Value::string("o"));
        let elements = part(&proposed, "element").as_list().unwrap();
        assert_eq!(part(&elements[0], "own"), &Value::string("2"), "found again in the set");
        assert_eq!(part(&elements[1], "own"), &Value::Null);
    }
    /// An object with a name that is configured, and an identifier that the provider gives it.
    fn named(optional: bool, computed: bool, nesting: Nesting) -> Attribute {
        let block = Block {
            attributes: [
                ("name".to_owned(), attribute(true, false)),
                ("id".to_owned(), attribute(false, true)),
            ]
            .into(),
            blocks: BTreeMap::new(),
        };
        let nested = Nested { block, nesting };
        Attribute {
            of: nested.value_type(),
            nested: Some(nested),
            ..attribute(optional, computed)
        }
    }

    fn elements(value: &Value) -> Vec<(&Value, &Value)> {
        let elements = value.as_list().unwrap();
        elements.iter().map(|it| (part(it, "name"), part(it, "id"))).collect()
    }

    #[test]
    fn nested_attributes_are_paired_by_index_by_key_and_by_what_they_could_be() {
        let prior = [
            object(&[("name", "a"), ("id", "1")]),
            object(&[("name", "b"), ("id", "2")]),
        ];
        let config = [object(&[("name", "b")]), object(&[("name", "c")])];
        let (b, c) = (Value::string("b"), Value::string("c"));
        let (one, two) = (Value::string("1"), Value::string("2"));
        let lists = |elements: &[Value]| Value::List(elements.to_vec());
        let list = attribute_value(&named(true, false, Nesting::List), &lists(&prior), &lists(&config));
        assert_eq!(elements(&list), [(&b, &one), (&c, &two)]);
        let set = attribute_value(&named(true, false, Nesting::Set), &lists(&prior), &lists(&config));
        assert_eq!(elements(&set), [(&b, &two), (&c, &Value::Null)]);
        let maps = |elements: &[Value], keys: [&str; 2]| {
            let entries = keys.iter().map(|key| (*key).to_owned()).zip(elements.iter().cloned());
            Value::Map(entries.collect())
        };
        let (prior, config) = (maps(&prior, ["x", "y"]), maps(&config, ["y", "z"]));
        let map = attribute_value(&named(true, false, Nesting::Map), &prior, &config);
        assert_eq!(part(part(&map, "y"), "id"), &two);
        assert_eq!(part(part(&map, "z"), "id"), &Value::Null);
    }

    #[test]
    fn nested_attributes_that_were_configured_go_and_others_stay() {
        let both = named(true, true, Nesting::Single);
        let configured = object(&[("name", "a"), ("id", "1")]);
        let computed = object(&[("id", "1")]);
        assert_eq!(attribute_value(&both, &configured, &Value::Null), Value::Null);
        assert_eq!(attribute_value(&both, &computed, &Value::Null), computed);
        let own = named(false, true, Nesting::Single);
        assert_eq!(attribute_value(&own, &configured, &Value::Null), configured);
        assert_eq!(attribute_value(&both, &configured, &Value::unknown()), Value::unknown());
    }
}
