//! What is nested in a lamp: the same part as an attribute of each nesting, as labelled blocks and as a group, and the mistakes that
//! can be made in each of them.

use std::collections::BTreeMap;

use plugin_conformance::Rule;
use plugin_framework::{
    proto::tfplugin6::schema::{Attribute, Block, NestedBlock, Object as NestedType, nested_block, object},
    value::{Object, Type, Value},
};

use crate::attribute;

/// How the parts at a place are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Once,
    List,
    Set,
    Map,
}

/// Where parts of a lamp are.
#[derive(Debug, PartialEq, Eq)]
pub struct Place {
    /// Name of the attribute or block.
    pub name: &'static str,
    kept: Kept,
    is_block: bool,
}

const fn place(name: &'static str, kept: Kept, is_block: bool) -> Place {
    Place { name, kept, is_block }
}

/// All of them.
pub const PLACES: [Place; 6] = [
    place("shade", Kept::Once, false),
    place("switch", Kept::List, false),
    place("sticker", Kept::Set, false),
    place("cable", Kept::Map, false),
    place("plug", Kept::Map, true),
    place("stand", Kept::Once, true),
];

/// What is done wrong with the parts at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    PlansOtherColour,
    PlansNote,
    PlansPin,
    PlansMore,
    PlansUnknown,
    AppliesOtherColour,
    AppliesMore,
    AppliesUnknown,
}

/// All that can be done wrong.
pub const WRONGS: [Wrong; 8] = [
    Wrong::PlansOtherColour,
    Wrong::PlansNote,
    Wrong::PlansPin,
    Wrong::PlansMore,
    Wrong::PlansUnknown,
    Wrong::AppliesOtherColour,
    Wrong::AppliesMore,
    Wrong::AppliesUnknown,
];

impl Wrong {
    /// The rule that it breaks at a place; `None` where it cannot be done.
    pub fn breaks(self, place: &Place) -> Option<Rule> {
        match self {
            Self::PlansMore | Self::AppliesMore if place.kept == Kept::Once => None,
            // There is nothing write-only in a set.
            Self::PlansPin if place.kept == Kept::Set => None,
            Self::PlansPin => Some(Rule::WriteOnlyIsNull),
            // What is wrong with an element of a set cannot be told.
            Self::PlansNote if place.kept != Kept::Set => Some(Rule::PlanAddsOnlyComputed),
            Self::PlansMore | Self::PlansUnknown if place.is_block => Some(Rule::PlanKeepsBlocks),
            Self::PlansOtherColour | Self::PlansNote | Self::PlansMore | Self::PlansUnknown => {
                Some(Rule::PlanKeepsConfiguration)
            }
            Self::AppliesOtherColour | Self::AppliesMore => Some(Rule::ApplyKeepsPlan),
            Self::AppliesUnknown => Some(Rule::StateIsKnown),
        }
    }
}

fn names(place: &Place) -> Vec<&'static str> {
    let all = ["colour", "note", "id", "pin"];
    all[..if place.kept == Kept::Set { 3 } else { 4 }].to_vec()
}

/// The type of a place.
pub fn of(place: &Place) -> Type {
    let attributes = names(place)
        .into_iter()
        .map(|name| (name.to_owned(), Type::String))
        .collect();
    let part = Type::Object(attributes);
    match place.kept {
        Kept::Once => part,
        Kept::List => Type::List(Box::new(part)),
        Kept::Set => Type::Set(Box::new(part)),
        Kept::Map => Type::Map(Box::new(part)),
    }
}

fn part_attributes(place: &Place) -> Vec<Attribute> {
    let attributes = names(place).into_iter().map(|name| {
        let how = match name {
            "id" => [false, false, true, false],
            "pin" => [false, true, false, true],
            _ => [false, true, false, false],
        };
        attribute(name, "\"string\"", how)
    });
    attributes.collect()
}

/// The attributes with attributes nested in them.
pub fn attributes() -> impl Iterator<Item = Attribute> {
    PLACES.iter().filter(|place| !place.is_block).map(|place| {
        let nesting = match place.kept {
            Kept::Once => object::NestingMode::Single,
            Kept::List => object::NestingMode::List,
            Kept::Set => object::NestingMode::Set,
            Kept::Map => object::NestingMode::Map,
        };
        Attribute {
            r#type: Vec::new(),
            nested_type: Some(NestedType {
                attributes: part_attributes(place),
                nesting: nesting.into(),
            }),
            ..attribute(place.name, "", [false, true, false, false])
        }
    })
}

/// The blocks: one kept as a map, the other as a group.
pub fn blocks() -> impl Iterator<Item = NestedBlock> {
    PLACES.iter().filter(|place| place.is_block).map(|place| {
        let nesting = match place.kept {
            Kept::Map => nested_block::NestingMode::Map,
            _ => nested_block::NestingMode::Group,
        };
        NestedBlock {
            type_name: place.name.to_owned(),
            block: Some(Block {
                attributes: part_attributes(place),
                ..Default::default()
            }),
            nesting: nesting.into(),
            ..Default::default()
        }
    })
}

/// Parts of these colours as a person configures them; the first one where there can be one only.
pub fn configured(place: &Place, colours: &[&str]) -> Value {
    let part = |colour: &&str| {
        let parts = names(place).into_iter().map(|name| {
            let value = match name {
                "colour" => Value::string(*colour),
                "pin" => Value::string("0815"),
                _ => Value::Null,
            };
            (name.to_owned(), value)
        });
        Value::Map(parts.collect())
    };
    match place.kept {
        Kept::Once => part(&colours[0]),
        Kept::List | Kept::Set => Value::List(colours.iter().map(part).collect()),
        Kept::Map => Value::Map(colours.iter().map(|it| ((*it).to_owned(), part(it))).collect()),
    }
}

type Part = BTreeMap<String, Value>;

fn each_part(lamp: &mut Object, place: &Place, change: &mut dyn FnMut(&mut Part)) {
    let mut value = lamp.get(place.name).clone();
    let parts: Vec<&mut Value> = match (&mut value, place.kept) {
        (Value::List(parts), _) => parts.iter_mut().collect(),
        (Value::Map(parts), Kept::Map) => parts.values_mut().collect(),
        (once, _) => vec![once],
    };
    for part in parts {
        if let Value::Map(part) = part {
            change(part);
        }
    }
    lamp.set(place.name, value);
}

fn add_one(lamp: &mut Object, place: &Place) {
    let Value::Map(mut more) = configured(&place_of_one(place), &["more"]) else {
        return;
    };
    more.insert("id".to_owned(), Value::string("more"));
    more.remove("pin");
    let mut value = lamp.get(place.name).clone();
    match &mut value {
        Value::List(parts) => parts.push(Value::Map(more)),
        Value::Map(parts) => drop(parts.insert("more".to_owned(), Value::Map(more))),
        _ => {}
    }
    lamp.set(place.name, value);
}

fn place_of_one(of: &Place) -> Place {
    place(of.name, Kept::Once, of.is_block)
}

fn set(lamp: &mut Object, place: &Place, name: &str, value: &Value) {
    each_part(lamp, place, &mut |part| {
        part.insert(name.to_owned(), value.clone());
    });
}

/// Makes a plan of what core proposes.
pub fn plan(lamp: &mut Object, wrong: Option<(&Place, Wrong)>) {
    for place in &PLACES {
        each_part(lamp, place, &mut |part| {
            if part.get("id").is_none_or(Value::is_null) {
                part.insert("id".to_owned(), Value::unknown());
            }
            if part.contains_key("pin") {
                part.insert("pin".to_owned(), Value::Null);
            }
        });
    }
    let Some((place, wrong)) = wrong else { return };
    match wrong {
        Wrong::PlansOtherColour => set(lamp, place, "colour", &Value::string("black")),
        Wrong::PlansNote => set(lamp, place, "note", &Value::string("planned")),
        Wrong::PlansPin => set(lamp, place, "pin", &Value::string("planned")),
        Wrong::PlansMore => add_one(lamp, place),
        Wrong::PlansUnknown => drop(lamp.set(place.name, Value::unknown())),
        _ => {}
    }
}

/// Makes a state of a plan.
pub fn apply(lamp: &mut Object) {
    for place in &PLACES {
        each_part(lamp, place, &mut |part| {
            if part.get("id").is_some_and(Value::is_unknown) {
                part.insert("id".to_owned(), Value::string("part"));
            }
        });
    }
}

/// Answers an apply with something else than what there is.
pub fn spoil(lamp: &mut Object, place: &Place, wrong: Wrong) {
    match wrong {
        Wrong::AppliesOtherColour => set(lamp, place, "colour", &Value::string("black")),
        Wrong::AppliesUnknown => set(lamp, place, "id", &Value::unknown()),
        Wrong::AppliesMore => add_one(lamp, place),
        _ => {}
    }
}
