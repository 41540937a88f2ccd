//! Schemas as a provider sends them: what core knows of a resource.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use plugin_framework::{
    proto::tfplugin6 as proto,
    value::{Type, Value},
};

/// An attribute.
#[derive(Clone, Debug)]
pub struct Attribute {
    /// Its type.
    pub of: Type,
    /// It has to be configured.
    pub required: bool,
    /// It may be configured.
    pub optional: bool,
    /// The provider may set it where it is not configured.
    pub computed: bool,
    /// It is never in a plan or a state.
    pub write_only: bool,
}

/// How often a block may stand there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nesting {
    /// At most once: an object, or null.
    Single,
    /// In order.
    List,
    /// Without order.
    Set,
}

/// A block in a block.
#[derive(Clone, Debug)]
pub struct Nested {
    /// What is in it.
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
    /// Reads a schema. Nested attributes and maps of blocks are not known here yet.
    pub fn of(block: &proto::schema::Block) -> Result<Self> {
        let mut read = Self::default();
        for attribute in &block.attributes {
            if attribute.nested_type.is_some() {
                bail!(
                    "attribute {:?} has nested attributes, which are not known here yet",
                    attribute.name
                );
            }
            let json = serde_json::from_slice(&attribute.r#type)?;
            let of = Type::from_json(&json).with_context(|| format!("{:?} has the type {json}", attribute.name))?;
            let known = Attribute {
                of,
                required: attribute.required,
                optional: attribute.optional,
                computed: attribute.computed,
                write_only: attribute.write_only,
            };
            read.attributes.insert(attribute.name.clone(), known);
        }
        for nested in &block.block_types {
            use proto::schema::nested_block::NestingMode;
            let nesting = match nested.nesting() {
                NestingMode::Single | NestingMode::Group => Nesting::Single,
                NestingMode::List => Nesting::List,
                NestingMode::Set => Nesting::Set,
                other => bail!(
                    "block {:?} has the nesting {other:?}, which is not known here yet",
                    nested.type_name
                ),
            };
            let block = Self::of(nested.block.as_ref().context("a block without content")?)?;
            read.blocks.insert(nested.type_name.clone(), Nested { block, nesting });
        }
        Ok(read)
    }

    /// The type of its values.
    pub fn object_type(&self) -> Type {
        let attributes = self.attributes.iter().map(|(name, it)| (name.clone(), it.of.clone()));
        let blocks = self.blocks.iter().map(|(name, nested)| {
            let object = Box::new(nested.block.object_type());
            let of = match nested.nesting {
                Nesting::Single => *object,
                Nesting::List => Type::List(object),
                Nesting::Set => Type::Set(object),
            };
            (name.clone(), of)
        });
        Type::Object(attributes.chain(blocks).collect())
    }

    /// With every attribute null and no block.
    pub fn empty(&self) -> Value {
        let attributes = self.attributes.keys().map(|name| (name.clone(), Value::Null));
        let blocks = self.blocks.iter().map(|(name, nested)| {
            let none = match nested.nesting {
                Nesting::Single => Value::Null,
                Nesting::List | Nesting::Set => Value::List(Vec::new()),
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
}

impl Block {
    /// The block of this name, once, with these attributes and blocks set and nothing else. Null where there is no such block.
    pub fn nested(&self, name: &str, set: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
        match self.blocks.get(name) {
            Some(nested) if nested.nesting == Nesting::Single => nested.block.configuration(set),
            Some(nested) => Value::List(vec![nested.block.configuration(set)]),
            None => Value::Null,
        }
    }
}

/// A part of an object; null where there is none.
pub(crate) fn part<'a>(value: &'a Value, name: &str) -> &'a Value {
    const NULL: &Value = &Value::Null;
    value.as_map().and_then(|entries| entries.get(name)).unwrap_or(NULL)
}
