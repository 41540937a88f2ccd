//! Schemas and codecs that are derived, beside those written by hand.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::{
    schema::{Attribute, Nesting, Schema},
    value::{Object, Path, Type, Value},
};

/// Everything that a model can have.
///
/// And a second paragraph
/// of two lines.
#[derive(Clone, Debug, Default, PartialEq, Model)]
#[model(version = 2)]
struct Everything {
    /// It is its identity.
    #[attribute(required, replaces = "the name is its identity", check = not_empty)]
    name: Field<String>,
    #[attribute(optional, default = 3, between = (1, SIZE_MAX))]
    size: Field<i64>,
    #[attribute(optional)]
    count: Field<i64>,
    #[attribute(optional, one_of = &["a", "b"], deprecated = "use name")]
    r#type: Field<String>,
    #[attribute(optional, write_only, sensitive)]
    password: Field<String>,
    #[attribute(computed, stable, name = "arn")]
    address: Field<String>,
    #[attribute(optional)]
    tags: Field<BTreeMap<String, String>>,
    #[attribute(optional)]
    subnets: Field<BTreeSet<String>>,
    #[attribute(optional)]
    rules: Field<BTreeMap<String, Rule>>,
    /// Another description.
    #[block]
    timeouts: Field<Rule>,
    #[block(max = 1)]
    list: Field<Vec<Rule>>,
    #[block]
    set: Field<Distinct<Rule>>,
    #[block(group)]
    group: Field<Rule>,
    /// All that hold.
    #[attribute(computed)]
    plain: Field<Plain<Vec<Rule>>>,
    #[attribute(computed)]
    plain_object: Field<Plain<Rule>>,
    #[flatten]
    common: Common,
}

/// What models have in common.
#[derive(Clone, Debug, Default, PartialEq, Model)]
struct Common {
    /// Who has it.
    #[attribute(optional)]
    owner: Field<String>,
    #[block]
    exception: Field<Vec<Rule>>,
}

const SIZE_MAX: i64 = 9;

/// A rule.
#[derive(Clone, Debug, Default, PartialEq, Model)]
struct Rule {
    /// From 0 on.
    #[attribute(optional, same_meaning = same)]
    number: Field<crate::value::Number>,
    #[attribute(optional)]
    is_on: Field<bool>,
    #[attribute(optional)]
    share: Field<f64>,
}

fn not_empty(value: &Value) -> Vec<String> {
    if value.as_str() == Some("") {
        return vec!["it is empty".to_owned()];
    }
    Vec::new()
}

fn same(one: &Value, other: &Value) -> bool {
    one.as_f64() == other.as_f64()
}

fn rule() -> Schema {
    Schema::new()
        .description("A rule.")
        .attribute(
            "number",
            Attribute::number()
                .optional()
                .same_meaning(same)
                .description("From 0 on."),
        )
        .attribute("is_on", Attribute::bool().optional())
        .attribute("share", Attribute::number().optional())
}

fn by_hand() -> Schema {
    Schema::new()
        .version(2)
        .description("Everything that a model can have.\n\nAnd a second paragraph of two lines.")
        .attribute(
            "name",
            Attribute::string()
                .required()
                .replaces("the name is its identity")
                .check(not_empty)
                .description("It is its identity."),
        )
        .attribute(
            "size",
            Attribute::number()
                .optional()
                .default(Value::integer(3))
                .between(1, SIZE_MAX),
        )
        .attribute("count", Attribute::number().optional())
        .attribute(
            "type",
            Attribute::string()
                .optional()
                .one_of(&["a", "b"])
                .deprecated("use name"),
        )
        .attribute("password", Attribute::string().optional().write_only().sensitive())
        .attribute("arn", Attribute::string().computed().stable())
        .attribute("tags", Attribute::map_of_strings().optional())
        .attribute("subnets", Attribute::set_of_strings().optional())
        .attribute("rules", Attribute::nested(Nesting::Map, rule()).optional())
        .block("timeouts", Nesting::Single, rule().description("Another description."))
        .block("list", Nesting::List { min: 0, max: 1 }, rule())
        .block("set", Nesting::Set { min: 0, max: 0 }, rule())
        .block("group", Nesting::Group, rule())
        .attribute(
            "plain",
            Attribute::of(Type::List(Box::new(plain_rule())))
                .computed()
                .description("All that hold."),
        )
        .attribute("plain_object", Attribute::of(plain_rule()).computed())
        .attribute("owner", Attribute::string().optional().description("Who has it."))
        .block("exception", Nesting::List { min: 0, max: 0 }, rule())
}

fn plain_rule() -> Type {
    let attributes = [("number", Type::Number), ("is_on", Type::Bool), ("share", Type::Number)];
    Type::Object(attributes.map(|(name, of)| (name.to_owned(), of)).into())
}

#[test]
fn derived_schema_is_the_one_written_by_hand() {
    let (derived, by_hand) = (Everything::schema(), by_hand());
    assert_eq!(derived.problems(), Vec::<String>::new());
    assert_eq!(derived.to_proto(), by_hand.to_proto());
    for (name, attribute) in &by_hand.attributes {
        let other = &derived.attributes[name];
        assert_eq!(other.default, attribute.default, "{name}");
        assert_eq!(other.stable, attribute.stable, "{name}");
        assert_eq!(other.replaces, attribute.replaces, "{name}");
        assert_eq!(other.of, attribute.of, "{name}");
        assert_eq!(other.nested.is_some(), attribute.nested.is_some(), "{name}");
    }
}

#[test]
fn whole_numbers_are_asked_for_once() {
    let problems = |name: &str, value: Value| {
        let mut config = Object::from_value(Everything::schema().empty_value()).unwrap();
        config.set_string("name", "n").set(name, value);
        let found = crate::plan::validate(&Everything::schema(), &config.into_value(), true);
        found
            .iter()
            .map(|it| (it.path.clone(), it.detail.clone()))
            .collect::<Vec<_>>()
    };
    let half = || Value::Number(crate::value::Number::from_f64(1.5));
    let expected = |name: &str, detail: &str| vec![(Path::attribute(name), detail.to_owned())];
    assert_eq!(
        problems("count", half()),
        expected("count", "a whole number is required")
    );
    assert_eq!(
        problems("size", half()),
        expected("size", "a whole number from 1 to 9 is required")
    );
    assert_eq!(problems("name", Value::string("")), expected("name", "it is empty"));
}

#[test]
fn nothing_in_a_collection_is_null() {
    let null_in = |value: Value| Everything::schema().attributes["subnets"].fits.as_ref().unwrap()(&value);
    let elements = |last: Value| Value::List(vec![Value::string("a"), last]);
    assert_eq!(
        null_in(elements(Value::Null)),
        ["an element of it is null; leave it out"]
    );
    assert!(null_in(elements(Value::unknown())).is_empty());
    let check = BTreeMap::<String, String>::check;
    let map = |value: Value| Value::Map([("a".to_owned(), value)].into());
    assert_eq!(check(&map(Value::Null)).len(), 1);
    assert!(check(&map(Value::string("b"))).is_empty());
    assert_eq!(
        Vec::<i64>::check(&elements(Value::Null)),
        ["a whole number is required"]
    );
    assert!(Vec::<Field<String>>::check(&elements(Value::Null)).is_empty());
}

#[test]
fn plain_models_and_flattened_ones_are_written_where_they_stand() {
    let rule = Rule {
        is_on: true.into(),
        ..Rule::default()
    };
    let everything = Everything {
        plain: Plain(vec![rule.clone()]).into(),
        common: Common {
            owner: "o".into(),
            exception: vec![rule.clone()].into(),
        },
        ..Everything::default()
    };
    let object = everything.to_object();
    assert_eq!(*object.get("plain"), Value::List(vec![rule.to_value()]));
    assert_eq!(*object.get("exception"), *object.get("plain"));
    assert_eq!(object.string("owner"), Some("o"));
    let read = Everything::from_object(&object);
    assert_eq!((read.plain, read.common), (everything.plain, everything.common));
}

#[test]
#[should_panic(expected = "owner is in both schemas")]
fn what_is_flattened_takes_no_name_that_is_taken() {
    let _schema = Common::schema().including(Common::schema());
}

#[test]
fn model_from_scratch_is_an_object_of_its_schema() {
    let empty = Everything::default().to_object();
    assert_eq!(empty.into_value(), Everything::schema().empty_value());
}

/// Values of a type, with nulls and unknowns in all places.
fn values(of: &Type) -> BoxedStrategy<Value> {
    let known = match of {
        Type::String => "[a-z]{0,3}".prop_map(Value::string).boxed(),
        Type::Number => prop_oneof![
            any::<i64>().prop_map(Value::integer),
            (0..9).prop_map(|half| Value::Number(crate::value::Number::from_f64(f64::from(half) / 2.0)))
        ]
        .boxed(),
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::Map(element) => prop::collection::btree_map("[a-z]", values(element), 0..3)
            .prop_map(Value::Map)
            .boxed(),
        Type::List(element) => prop::collection::vec(values(element), 0..3)
            .prop_map(Value::List)
            .boxed(),
        // Sets have each value once, and in the order of the values where they are of text.
        Type::Set(element) => prop::collection::vec(values(element), 0..2)
            .prop_map(Value::List)
            .boxed(),
        Type::Object(attributes) => {
            let entries: Vec<_> = attributes
                .iter()
                .map(|(name, of)| (Just(name.clone()), values(of)))
                .collect();
            entries
                .prop_map(|entries| Value::Map(entries.into_iter().collect()))
                .boxed()
        }
        Type::Dynamic | Type::Tuple(_) => Just(Value::Null).boxed(),
    };
    prop_oneof![1 => Just(Value::Null), 1 => Just(Value::unknown()), 4 => known].boxed()
}

proptest! {
    #[test]
    fn nothing_is_lost_on_the_way_through_a_model(value in values(&Everything::schema().object_type())) {
        if let Some(mut object) = object_of(&value) {
            let read = Everything::from_object(&object);
            // A block that is left out is never null where it is kept in a collection or a group.
            for (name, nested) in &Everything::schema().blocks {
                if object.is_null(name) {
                    object.set(name, nested.empty_value());
                }
            }
            prop_assert_eq!(read.to_object(), object);
        }
    }
}
