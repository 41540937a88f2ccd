//! What core proposes as the new state: the configuration, and what was there where the provider decides.

use plugin_framework::value::Value;

use crate::schema::{Block, Nested, Nesting, part};

/// Proposes. `prior` is null for a new resource.
pub(crate) fn propose(block: &Block, prior: &Value, config: &Value) -> Value {
    if !matches!(config, Value::Map(_)) {
        return config.clone();
    }
    let attributes = block.attributes.iter().map(|(name, attribute)| {
        let (prior, config) = (part(prior, name), part(config, name));
        let keeps_prior = attribute.computed && config.is_null();
        (name.clone(), if keeps_prior { prior } else { config }.clone())
    });
    let blocks = block.blocks.iter().map(|(name, nested)| {
        (
            name.clone(),
            nested_value(nested, part(prior, name), part(config, name)),
        )
    });
    Value::Map(attributes.chain(blocks).collect())
}

fn nested_value(nested: &Nested, prior: &Value, config: &Value) -> Value {
    let Value::List(configured) = config else {
        return propose(&nested.block, prior, config);
    };
    let mut left: Vec<&Value> = prior.as_list().unwrap_or_default().iter().collect();
    let elements = configured.iter().enumerate().map(|(index, config)| {
        let same = match nested.nesting {
            Nesting::List => Some(index).filter(|index| *index < left.len()),
            _ => left.iter().position(|prior| could_be(&nested.block, prior, config)),
        };
        let prior = same.map(|index| match nested.nesting {
            Nesting::List => left[index],
            _ => left.remove(index),
        });
        propose(&nested.block, prior.unwrap_or(&Value::Null), config)
    });
    Value::List(elements.collect())
}

/// An element of a set is the same when it differs in what the provider decides only.
fn could_be(block: &Block, prior: &Value, config: &Value) -> bool {
    block.attributes.iter().all(|(name, attribute)| {
        let (prior, config) = (part(prior, name), part(config, name));
        prior.equals(config, &attribute.of) || attribute.computed && config.is_null()
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
}
