//! Attributes and nested blocks: the schema of a resource, of a provider, and of a block in them.

use std::collections::BTreeMap;

use super::attribute::Attribute;
use crate::value::{Type, Value};

/// How often a block may stand there, and how its values are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nesting {
    /// At most once; an object or null.
    Single,
    /// At most once; an object, whose attributes are null where the block is left out.
    Group,
    /// Any number between the limits (0 for no upper one), in order.
    List {
        /// At least so many.
        min: i64,
        /// At most so many.
        max: i64,
    },
    /// Any number between the limits, without order.
    Set {
        /// At least so many.
        min: i64,
        /// At most so many.
        max: i64,
    },
    /// Any number, by label.
    Map,
}

impl Nesting {
    /// The same, with limits where there are any.
    #[must_use]
    pub fn limited(self, min: i64, max: i64) -> Self {
        match self {
            Self::List { .. } => Self::List { min, max },
            Self::Set { .. } => Self::Set { min, max },
            Self::Single | Self::Group | Self::Map => self,
        }
    }
}

/// Nested blocks, or the objects of nested attributes.
#[derive(Clone, Debug)]
pub struct Nested {
    /// Its content.
    pub block: Schema,
    /// How often.
    pub nesting: Nesting,
}

/// A schema.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    pub(crate) version: i64,
    pub(crate) description: String,
    pub(crate) attributes: BTreeMap<String, Attribute>,
    pub(crate) blocks: BTreeMap<String, Nested>,
}

impl Schema {
    /// Without content.
    pub fn new() -> Self {
        Self::default()
    }

    /// Version of the stored form; an older state is upgraded.
    #[must_use]
    pub fn version(mut self, version: i64) -> Self {
        self.version = version;
        self
    }

    /// Markdown: what it is.
    #[must_use]
    pub fn description(mut self, text: &str) -> Self {
        text.clone_into(&mut self.description);
        self
    }

    /// Adds an attribute.
    #[must_use]
    pub fn attribute(mut self, name: &str, attribute: Attribute) -> Self {
        self.attributes.insert(name.to_owned(), attribute);
        self
    }

    /// Adds the attributes and blocks of another schema.
    ///
    /// # Panics
    ///
    /// Where one of them is there already: a value would have to be both.
    #[must_use]
    pub fn including(mut self, other: Self) -> Self {
        for name in other.attributes.keys().chain(other.blocks.keys()) {
            let is_taken = self.attributes.contains_key(name) || self.blocks.contains_key(name);
            assert!(!is_taken, "{name} is in both schemas");
        }
        self.attributes.extend(other.attributes);
        self.blocks.extend(other.blocks);
        self
    }

    /// Adds a block type.
    #[must_use]
    pub fn block(mut self, name: &str, nesting: Nesting, block: Self) -> Self {
        self.blocks.insert(name.to_owned(), Nested { block, nesting });
        self
    }

    /// Adds a block type that a model says all of.
    #[must_use]
    pub fn nested_block(mut self, name: &str, nested: Nested) -> Self {
        self.blocks.insert(name.to_owned(), nested);
        self
    }

    /// Adds a block that may stand there once, kept as a list of at most one: the form of the older providers.
    #[must_use]
    pub fn block_at_most_once(self, name: &str, block: Self) -> Self {
        self.block(name, Nesting::List { min: 0, max: 1 }, block)
    }

    /// What is nested in it: the objects of attributes, and blocks.
    pub(crate) fn nested(&self) -> impl Iterator<Item = (&str, &Nested)> {
        let attributes = self.attributes.iter();
        let attributes = attributes.filter_map(|(name, it)| Some((name.as_str(), it.nested.as_ref()?)));
        attributes.chain(self.blocks.iter().map(|(name, it)| (name.as_str(), it)))
    }

    /// The type of its values.
    pub fn object_type(&self) -> Type {
        let attributes = self.attributes.iter().map(|(name, it)| (name.clone(), it.of.clone()));
        let blocks = self.blocks.iter().map(|(name, it)| (name.clone(), it.value_type()));
        Type::Object(attributes.chain(blocks).collect())
    }

    /// A value with every attribute null and no block.
    pub fn empty_value(&self) -> Value {
        let attributes = self.attributes.keys().map(|name| (name.clone(), Value::Null));
        let blocks = self.blocks.iter().map(|(name, it)| (name.clone(), it.empty_value()));
        Value::Map(attributes.chain(blocks).collect())
    }

    /// What is wrong with the schema itself; an empty answer means that Terraform will take it.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let nested_attributes = self
            .attributes
            .iter()
            .filter_map(|(name, attribute)| Some((name, attribute.nested.as_ref()?)));
        for (name, nested) in nested_attributes {
            problems.extend(nested.problems_of_attribute(name));
        }
        for (name, attribute) in &self.attributes {
            let mut expect = |holds: bool, rule: &str| {
                if !holds {
                    problems.push(format!("attribute {name:?}: {rule}"));
                }
            };
            let configurable = attribute.is_configurable();
            expect(
                valid_name(name),
                "a name has lower-case letters, digits and underscores only",
            );
            expect(
                !(attribute.required && attribute.optional),
                "required and optional exclude each other",
            );
            expect(
                !(attribute.required && attribute.computed),
                "what is required cannot be computed",
            );
            expect(
                configurable || attribute.computed,
                "it has to be required, optional or computed",
            );
            expect(
                !attribute.write_only || (configurable && !attribute.computed),
                "write-only values are configured",
            );
            expect(!self.blocks.contains_key(name), "a block has the same name");
        }
        for (name, nested) in &self.blocks {
            problems.extend(
                nested
                    .block
                    .problems()
                    .into_iter()
                    .map(|it| format!("block {name:?}: {it}")),
            );
        }
        problems
    }
}

fn valid_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_')
}

impl Nested {
    pub(crate) fn value_type(&self) -> Type {
        let object = Box::new(self.block.object_type());
        match self.nesting {
            Nesting::Single | Nesting::Group => *object,
            Nesting::List { .. } => Type::List(object),
            Nesting::Set { .. } => Type::Set(object),
            Nesting::Map => Type::Map(object),
        }
    }

    /// The value of a block that is left out.
    pub(crate) fn empty_value(&self) -> Value {
        match self.nesting {
            Nesting::Single => Value::Null,
            Nesting::Group => self.block.empty_value(),
            Nesting::List { .. } | Nesting::Set { .. } => Value::List(Vec::new()),
            Nesting::Map => Value::Map(BTreeMap::new()),
        }
    }

    fn problems_of_attribute(&self, name: &str) -> Vec<String> {
        let inner = self.block.problems().into_iter();
        let mut problems: Vec<String> = inner.map(|it| format!("attribute {name:?}: {it}")).collect();
        if !self.block.blocks.is_empty() {
            problems.push(format!("attribute {name:?}: there are no blocks in nested attributes"));
        }
        if self.nesting == Nesting::Group {
            problems.push(format!("attribute {name:?}: nested attributes are not kept as a group"));
        }
        let is_secret = |attribute: &Attribute| attribute.write_only;
        if matches!(self.nesting, Nesting::Set { .. }) && self.block.attributes.values().any(is_secret) {
            problems.push(format!("attribute {name:?}: there is nothing write-only in a set"));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contradictions_are_found() {
        let schema = Schema::new()
            .attribute("nobody", Attribute::string())
            .attribute("Upper", Attribute::string().optional())
            .attribute("both", Attribute::string().required().computed())
            .attribute("fine", Attribute::string().optional().computed());
        assert_eq!(schema.problems().len(), 3, "{:?}", schema.problems());
    }
}
