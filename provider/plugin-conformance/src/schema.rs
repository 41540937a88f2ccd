//! Schemas as a provider sends them: what core knows of a resource.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use plugin_framework::{
    proto::tfplugin6 as proto,
    value::{Refinements, Step, Type, Value},
};

/// An attribute.
#[derive(Clone, Debug)]
pub struct Attribute {
    /// Its type.
    pub of: Type,
    /// The attributes nested in it, where it has a schema of its own.
    pub nested: Option<Nested>,
    /// It has to be configured.
    pub required: bool,
    /// It may be configured.
    pub optional: bool,
    /// The provider may set it where it is not configured.
    pub computed: bool,
    /// It is never in a plan or a state.
    pub write_only: bool,
}

/// How often something may stand there, and how its values are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nesting {
    /// At most once: an object, or null.
    Single,
    /// At most once: an object, whose attributes are null where it is left out.
    Group,
    /// In order.
    List,
    /// Without order.
    Set,
    /// By label.
    Map,
}

/// A block in a block, or the objects of nested attributes.
#[derive(Clone, Debug)]
pub struct Nested {
    /// What is in it. Nested attributes have no blocks.
    pub block: Block,
    /// How often.
    pub nesting: Nesting,
}

/// Attributes and blocks.
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// By name.
    pub attributes: BTreeMap<String, Attribute>,
    /// By name.
    pub blocks: BTreeMap<String, Nested>,
}

impl Block {
    /// Reads a schema.
    pub fn of(block: &proto::schema::Block) -> Result<Self> {
        let mut read = Self {
            attributes: attributes(&block.attributes)?,
            blocks: BTreeMap::new(),
        };
        for nested in &block.block_types {
            use proto::schema::nested_block::NestingMode;
            let nesting = match nested.nesting() {
                NestingMode::Single => Nesting::Single,
                NestingMode::Group => Nesting::Group,
                NestingMode::List => Nesting::List,
                NestingMode::Set => Nesting::Set,
                NestingMode::Map => Nesting::Map,
                NestingMode::Invalid => bail!("block {:?} has no nesting", nested.type_name),
            };
            let block = Self::of(nested.block.as_ref().context("a block without content")?)?;
            read.blocks.insert(nested.type_name.clone(), Nested { block, nesting });
        }
        Ok(read)
    }

    /// The type of its values.
    pub fn object_type(&self) -> Type {
        let attributes = self.attributes.iter().map(|(name, it)| (name.clone(), it.of.clone()));
        let blocks = self.blocks.iter().map(|(name, it)| (name.clone(), it.value_type()));
        Type::Object(attributes.chain(blocks).collect())
    }

    /// With every attribute null and no block.
    pub fn empty(&self) -> Value {
        let attributes = self.attributes.keys().map(|name| (name.clone(), Value::Null));
        let blocks = self.blocks.iter().map(|(name, nested)| {
            let none = match nested.nesting {
                Nesting::Single => Value::Null,
                Nesting::Group => nested.block.empty(),
                Nesting::List | Nesting::Set => Value::List(Vec::new()),
                Nesting::Map => Value::Map(BTreeMap::new()),
            };
            (name.clone(), none)
        });
        Value::Map(attributes.chain(blocks).collect())
    }

    /// A configuration that sets these attributes and blocks, and nothing else.
    pub fn configuration(&self, set: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
        let mut all = self.empty();
        if let Value::Map(entries) = &mut all {
            entries.extend(set.into_iter().map(|(name, value)| (name.to_owned(), value)));
        }
        all
    }

    /// The block, or the schema of the attribute, of this name.
    pub fn inner(&self, name: &str) -> Option<&Nested> {
        let attribute = self.attributes.get(name).and_then(|it| it.nested.as_ref());
        attribute.or_else(|| self.blocks.get(name))
    }

    /// The block or attribute of this name, once, with these attributes and blocks set and nothing else; in a map by the label
    /// `one`. Null where there is no such block and no such attribute.
    pub fn nested(&self, name: &str, set: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
        let Some(nested) = self.inner(name) else {
            return Value::Null;
        };
        let object = nested.block.configuration(set);
        match nested.nesting {
            Nesting::Single | Nesting::Group => object,
            Nesting::List | Nesting::Set => Value::List(vec![object]),
            Nesting::Map => Value::Map([("one".to_owned(), object)].into()),
        }
    }
}

fn attributes(sent: &[proto::schema::Attribute]) -> Result<BTreeMap<String, Attribute>> {
    let attributes = sent.iter().map(|attribute| {
        let name = &attribute.name;
        let nested = attribute.nested_type.as_ref().map(nested_attributes).transpose();
        let nested = nested.with_context(|| format!("attribute {name:?}"))?;
        let of = match &nested {
            Some(nested) => nested.value_type(),
            None => {
                let json = serde_json::from_slice(&attribute.r#type)?;
                Type::from_json(&json).with_context(|| format!("{name:?} has the type {json}"))?
            }
        };
        let known = Attribute {
            of,
            nested,
            required: attribute.required,
            optional: attribute.optional,
            computed: attribute.computed,
            write_only: attribute.write_only,
        };
        Ok((name.clone(), known))
    });
    attributes.collect()
}

fn nested_attributes(sent: &proto::schema::Object) -> Result<Nested> {
    use proto::schema::object::NestingMode;
    let nesting = match sent.nesting() {
        NestingMode::Single => Nesting::Single,
        NestingMode::List => Nesting::List,
        NestingMode::Set => Nesting::Set,
        NestingMode::Map => Nesting::Map,
        NestingMode::Invalid => bail!("the nested attributes have no nesting"),
    };
    let block = Block {
        attributes: attributes(&sent.attributes)?,
        blocks: BTreeMap::new(),
    };
    Ok(Nested { block, nesting })
}

impl Nested {
    /// The type of its values.
    pub fn value_type(&self) -> Type {
        let object = Box::new(self.block.object_type());
        match self.nesting {
            Nesting::Single | Nesting::Group => *object,
            Nesting::List => Type::List(object),
            Nesting::Set => Type::Set(object),
            Nesting::Map => Type::Map(object),
        }
    }

    /// The objects in a value, each with the step to it; none where the value itself is the object. Nothing where it is null, or
    /// unknown as a whole.
    pub(crate) fn objects<'a>(&self, value: &'a Value) -> Vec<(Option<Step>, &'a Value)> {
        match (self.nesting, value) {
            (Nesting::Single | Nesting::Group, Value::Map(_)) => vec![(None, value)],
            (Nesting::Map, Value::Map(entries)) => entries
                .iter()
                .map(|(key, element)| (Some(Step::Key(key.clone())), element))
                .collect(),
            (Nesting::List | Nesting::Set, Value::List(elements)) => elements
                .iter()
                .enumerate()
                .map(|(index, element)| (Some(Step::Index(index)), element))
                .collect(),
            _ => Vec::new(),
        }
    }
}

/// A part of an object: null where there is none, unknown where the whole object is.
pub(crate) fn part<'a>(value: &'a Value, name: &str) -> &'a Value {
    const NULL: &Value = &Value::Null;
    const UNKNOWN: &Value = &Value::Unknown(Refinements {
        not_null: false,
        prefix: None,
        length_min: None,
        length_max: None,
    });
    match value {
        Value::Unknown(_) => UNKNOWN,
        _ => value.as_map().and_then(|entries| entries.get(name)).unwrap_or(NULL),
    }
}

/// The object at a step of [`Nested::objects`]; null where there is none.
pub(crate) fn object_at<'a>(value: &'a Value, step: Option<&Step>) -> &'a Value {
    const NULL: &Value = &Value::Null;
    let found = match step {
        None => Some(value),
        Some(Step::Index(index)) => value.as_list().and_then(|elements| elements.get(*index)),
        Some(Step::Key(name) | Step::Attribute(name)) => value.as_map().and_then(|entries| entries.get(name)),
    };
    found.unwrap_or(NULL)
}
