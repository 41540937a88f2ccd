//! The rules that Terraform holds answers to (reference: `objchange/plan_valid.go`, `compatible.go`), checked before
//! the answer leaves: a mistake of the provider becomes a diagnostic with a path instead of "this is a bug".

use super::nested_elements::nested_elements;
use crate::{
    diagnostics::Diagnostics,
    schema::{Attribute, Nested, Schema},
    value::{Path, Type, Value},
};

const SUMMARY: &str = "The provider made a mistake";
const NOT_AS_CONFIGURED: &str = "the plan differs from the configuration";

fn mistake(diagnostics: &mut Diagnostics, path: &Path, what: &str) {
    let detail = format!("{path}: {what}. Please report it; nothing is wrong with the configuration.");
    diagnostics.attribute_error(path.clone(), SUMMARY, detail);
}

/// A plan: what is configured stays as it is, what was not stays null or is computed, and write-only values are null.
pub fn check_planned(schema: &Schema, prior: &Value, config: &Value, planned: &Value) -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    planned_block(schema, prior, config, planned, &Path::root(), &mut diagnostics);
    diagnostics
}

fn of<'a>(value: &'a Value, name: &str) -> &'a Value {
    const NULL: &Value = &Value::Null;
    value.as_map().and_then(|it| it.get(name)).unwrap_or(NULL)
}

fn planned_block(
    schema: &Schema,
    prior: &Value,
    config: &Value,
    planned: &Value,
    path: &Path,
    diagnostics: &mut Diagnostics,
) {
    for (name, attribute) in &schema.attributes {
        let (path, values) = (
            path.then_attribute(name),
            (of(prior, name), of(config, name), of(planned, name)),
        );
        let nested = attribute
            .nested
            .as_ref()
            .filter(|_| has_same_elements(values.1, values.2));
        match (planned_attribute(attribute, values), nested) {
            (None, _) => {}
            // Which of the attributes in it differs, and whether it may.
            (Some(NOT_AS_CONFIGURED), Some(nested)) => {
                let (prior, config, planned) = values;
                planned_elements(nested, [prior, config, planned], &path, diagnostics);
            }
            (Some(what), _) => mistake(diagnostics, &path, what),
        }
    }
    for (name, nested) in &schema.blocks {
        let path = path.then_attribute(name);
        let (prior, config, planned) = (of(prior, name), of(config, name), of(planned, name));
        if config.is_unknown() {
            continue;
        }
        let count = |value: &Value| value.as_list().map_or(usize::from(!value.is_null()), <[Value]>::len);
        if count(config) != count(planned) {
            mistake(
                diagnostics,
                &path,
                "the plan has another number of blocks than the configuration",
            );
            continue;
        }
        planned_elements(nested, [prior, config, planned], &path, diagnostics);
    }
}

fn planned_elements(
    nested: &Nested,
    [prior, config, planned]: [&Value; 3],
    path: &Path,
    diagnostics: &mut Diagnostics,
) {
    let priors = nested_elements(nested, path, planned, prior);
    let configs = nested_elements(nested, path, planned, config);
    for ((path, inner, planned, prior), (_, _, _, config)) in priors.into_iter().zip(configs) {
        planned_block(inner, prior, config, planned, &path, diagnostics);
    }
}

/// Both are objects, or collections of as many of them, under the same keys.
fn has_same_elements(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::List(one), Value::List(other)) => one.len() == other.len(),
        (Value::Map(one), Value::Map(other)) => one.keys().eq(other.keys()),
        _ => false,
    }
}

fn planned_attribute(
    attribute: &Attribute,
    (prior, config, planned): (&Value, &Value, &Value),
) -> Option<&'static str> {
    if attribute.write_only {
        return (!planned.is_null()).then_some("a write-only value is in the plan");
    }
    if planned.equals(config, &attribute.of) {
        return None;
    }
    if config.is_null() {
        return (!attribute.computed).then_some("the plan sets what the configuration leaves out");
    }
    if !prior.is_null() && planned.equals(prior, &attribute.of) {
        return None;
    }
    Some(NOT_AS_CONFIGURED)
}

/// The result of an apply: known, as planned, without write-only values.
pub fn check_applied(schema: &Schema, planned: &Value, applied: &Value) -> Diagnostics {
    let mut diagnostics = check_read(schema, applied);
    applied_block(schema, planned, applied, &Path::root(), &mut diagnostics);
    diagnostics
}

fn applied_block(schema: &Schema, planned: &Value, applied: &Value, path: &Path, diagnostics: &mut Diagnostics) {
    for (name, attribute) in &schema.attributes {
        let (planned, applied) = (of(planned, name), of(applied, name));
        if !may_become(planned, applied, &attribute.of) {
            mistake(
                diagnostics,
                &path.then_attribute(name),
                "the value after apply is not the planned one",
            );
        }
    }
    for (name, nested) in &schema.blocks {
        let (planned, applied) = (of(planned, name), of(applied, name));
        for (path, inner, planned, applied) in nested_elements(nested, &path.then_attribute(name), planned, applied) {
            applied_block(inner, planned, applied, &path, diagnostics);
        }
    }
}

/// Whether what is partly known can turn out to be this.
fn may_become(planned: &Value, applied: &Value, of: &Type) -> bool {
    match (planned, applied, of) {
        (Value::Unknown(_), _, _) => true,
        // Which element of a set an unknown one turns into cannot be told.
        (Value::List(_), Value::List(_), Type::Set(_)) if !planned.is_wholly_known() => true,
        (Value::List(planned), Value::List(applied), Type::List(of)) => {
            planned.len() == applied.len() && planned.iter().zip(applied).all(|(one, two)| may_become(one, two, of))
        }
        (Value::Map(planned), Value::Map(applied), Type::Map(of)) => {
            planned.keys().eq(applied.keys())
                && planned
                    .values()
                    .zip(applied.values())
                    .all(|(one, two)| may_become(one, two, of))
        }
        (Value::Map(_), Value::Map(_), Type::Object(attributes)) => attributes
            .iter()
            .all(|(name, attribute)| may_become(self::of(planned, name), self::of(applied, name), attribute)),
        _ => planned.equals(applied, of),
    }
}

/// A state: wholly known, without write-only values.
pub fn check_read(schema: &Schema, state: &Value) -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    read_block(schema, state, &Path::root(), &mut diagnostics);
    diagnostics
}

/// What a data source has found: wholly known, and what was configured stands in it as it was.
pub fn check_looked_up(schema: &Schema, config: &Value, found: &Value) -> Diagnostics {
    let mut diagnostics = check_read(schema, found);
    for (name, attribute) in &schema.attributes {
        let (asked, answered) = (of(config, name), of(found, name));
        if !asked.is_null() && !answered.equals(asked, &attribute.of) {
            let path = Path::attribute(name);
            mistake(&mut diagnostics, &path, "the answer is about something else");
        }
    }
    diagnostics
}

fn read_block(schema: &Schema, state: &Value, path: &Path, diagnostics: &mut Diagnostics) {
    for (name, attribute) in &schema.attributes {
        let (path, value) = (path.then_attribute(name), of(state, name));
        if !value.is_wholly_known() {
            mistake(diagnostics, &path, "the value is still unknown");
        }
        if attribute.write_only && !value.is_null() {
            mistake(diagnostics, &path, "a write-only value is in the state");
        }
    }
    for (name, nested) in schema.nested() {
        for (path, inner, element, _) in
            nested_elements(nested, &path.then_attribute(name), of(state, name), &Value::Null)
        {
            read_block(inner, element, &path, diagnostics);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{schema::Nesting, value::Object};

    fn schema() -> Schema {
        Schema::new()
            .attribute("name", Attribute::string().required())
            .attribute("note", Attribute::string().optional())
            .attribute("arn", Attribute::string().computed())
            .attribute("secret", Attribute::string().optional().write_only())
            .block_at_most_once("inner", Schema::new().attribute("id", Attribute::string().optional()))
    }

    fn object(entries: &[(&str, Value)]) -> Value {
        let mut object = Object::from_value(schema().empty_value()).expect("an object");
        for (name, value) in entries {
            object.set(name, value.clone());
        }
        object.into_value()
    }

    fn paths(diagnostics: &Diagnostics) -> Vec<String> {
        diagnostics.iter().map(|it| it.path.to_string()).collect()
    }

    #[test]
    fn each_broken_rule_of_a_plan_is_found_at_its_path() {
        let config = object(&[("name", Value::string("a")), ("secret", Value::string("s"))]);
        let fine = object(&[("name", Value::string("a")), ("arn", Value::unknown())]);
        assert!(check_planned(&schema(), &Value::Null, &config, &fine).is_empty());
        let bad = object(&[
            ("name", Value::string("b")),
            ("note", Value::string("new")),
            ("secret", Value::string("s")),
            (
                "inner",
                Value::List(vec![Value::Map([("id".to_owned(), Value::Null)].into())]),
            ),
        ]);
        let found = check_planned(&schema(), &Value::Null, &config, &bad);
        assert_eq!(paths(&found), ["name", "note", "secret", "inner"]);
    }

    #[test]
    fn prior_value_may_stand_in_for_an_equivalent_configuration() {
        let config = object(&[("name", Value::string("A"))]);
        let prior = object(&[("name", Value::string("a")), ("arn", Value::string("x"))]);
        assert!(check_planned(&schema(), &prior, &config, &prior).is_empty());
    }

    #[test]
    fn each_broken_rule_of_an_apply_is_found_at_its_path() {
        let planned = object(&[("name", Value::string("a")), ("arn", Value::unknown())]);
        let fine = object(&[("name", Value::string("a")), ("arn", Value::string("x"))]);
        assert!(check_applied(&schema(), &planned, &fine).is_empty());
        let bad = object(&[
            ("name", Value::string("A")),
            ("arn", Value::unknown()),
            ("secret", Value::string("s")),
        ]);
        let mut found = paths(&check_applied(&schema(), &planned, &bad));
        found.sort();
        found.dedup();
        assert_eq!(found, ["arn", "name", "secret"]);
    }

    /// A map of rules, each with a name to be configured, and an identifier that the provider gives it.
    fn rules(entries: &[(&str, &str, Value)]) -> Value {
        let rule = |name: &str, id: &Value| {
            Value::Map([("name".to_owned(), Value::string(name)), ("id".to_owned(), id.clone())].into())
        };
        let rules = entries
            .iter()
            .map(|(key, name, id)| ((*key).to_owned(), rule(name, id)));
        Value::Map([("rules".to_owned(), Value::Map(rules.collect()))].into())
    }

    #[test]
    fn nested_attributes_are_held_to_the_rules_one_by_one() {
        let rule = Schema::new()
            .attribute("name", Attribute::string().required())
            .attribute("id", Attribute::string().computed());
        let schema = Schema::new().attribute("rules", Attribute::nested(Nesting::Map, rule).optional());
        assert_eq!(schema.problems(), Vec::<String>::new());
        let config = rules(&[("a", "one", Value::Null), ("b", "two", Value::Null)]);
        let planned = rules(&[("a", "one", Value::unknown()), ("b", "two", Value::unknown())]);
        assert!(check_planned(&schema, &Value::Null, &config, &planned).is_empty());
        let bad = rules(&[("a", "one", Value::unknown()), ("b", "other", Value::unknown())]);
        let found = check_planned(&schema, &Value::Null, &config, &bad);
        assert_eq!(paths(&found), ["rules[\"b\"].name"]);
        let fewer = rules(&[("a", "one", Value::unknown())]);
        let found = check_planned(&schema, &Value::Null, &config, &fewer);
        assert_eq!(paths(&found), ["rules"]);
        let applied = rules(&[("a", "one", Value::string("1")), ("b", "two", Value::string("2"))]);
        assert!(check_applied(&schema, &planned, &applied).is_empty());
        let other = rules(&[("a", "one", Value::string("1")), ("b", "x", Value::string("2"))]);
        assert_eq!(paths(&check_applied(&schema, &planned, &other)), ["rules"]);
        assert_eq!(
            paths(&check_applied(&schema, &planned, &planned)),
            ["rules", "rules[\"a\"].id", "rules[\"b\"].id"]
        );
    }

    #[test]
    fn what_is_looked_up_is_what_was_asked_for() {
        let object = |name: &str| {
            let mut object = Object::new();
            object.set_string("name", name).set_string("arn", "a");
            object.into_value()
        };
        let asked = Object::from_value(object("orders")).map(|mut it| {
            it.set("arn", Value::Null);
            it.into_value()
        });
        let asked = asked.unwrap();
        assert!(!check_looked_up(&schema(), &asked, &object("orders")).has_errors());
        assert!(check_looked_up(&schema(), &asked, &object("others")).has_errors());
    }
}
