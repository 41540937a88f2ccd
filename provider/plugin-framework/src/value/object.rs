//! The value of a resource or a block, with accessors that say what is wrong and where.

use std::collections::BTreeMap;

use super::{Path, Value};

/// Attributes and blocks by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object(BTreeMap<String, Value>);

const NULL: &Value = &Value::Null;

impl Object {
    /// Without any attribute.
    pub fn new() -> Self {
        Self::default()
    }

    /// The object in a value; `None` when it is null or unknown.
    pub fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Map(entries) => Some(Self(entries)),
            _ => None,
        }
    }

    /// As a value.
    pub fn into_value(self) -> Value {
        Value::Map(self.0)
    }

    /// An attribute; null when it is not there.
    pub fn get(&self, name: &str) -> &Value {
        self.0.get(name).unwrap_or(NULL)
    }

    /// Sets an attribute.
    pub fn set(&mut self, name: &str, value: Value) -> &mut Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    /// Sets what is set in another.
    pub fn extend(&mut self, other: Self) -> &mut Self {
        self.0.extend(other.0);
        self
    }

    /// Sets text.
    pub fn set_string(&mut self, name: &str, text: impl AsRef<str>) -> &mut Self {
        self.set(name, Value::string(text))
    }

    /// Sets text, or null.
    pub fn set_optional_string(&mut self, name: &str, text: Option<impl AsRef<str>>) -> &mut Self {
        self.set(name, text.map_or(Value::Null, Value::string))
    }

    /// Sets a whole number.
    pub fn set_i64(&mut self, name: &str, number: i64) -> &mut Self {
        self.set(name, Value::integer(number))
    }

    /// Sets a truth.
    pub fn set_bool(&mut self, name: &str, truth: bool) -> &mut Self {
        self.set(name, Value::Bool(truth))
    }

    /// The text of an attribute; `None` when it is null or unknown.
    pub fn string(&self, name: &str) -> Option<&str> {
        self.get(name).as_str()
    }

    /// The whole number of an attribute; `None` when it is null or unknown.
    pub fn i64(&self, name: &str) -> Option<i64> {
        self.get(name).as_i64()
    }

    /// The truth of an attribute; `None` when it is null or unknown.
    pub fn bool(&self, name: &str) -> Option<bool> {
        self.get(name).as_bool()
    }

    /// A map of text; `None` when it is null, unknown, or holds an unknown.
    pub fn map_of_strings(&self, name: &str) -> Option<BTreeMap<String, String>> {
        let entries = self.get(name).as_map()?;
        entries
            .iter()
            .map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect()
    }

    /// The blocks of a type: one for each element of a list or set, one for a single block.
    pub fn blocks(&self, name: &str) -> Vec<(Path, Self)> {
        let path = Path::attribute(name);
        match self.get(name) {
            Value::List(elements) => elements
                .iter()
                .enumerate()
                .filter_map(|(index, it)| Some((path.then_index(index), Self::from_value(it.clone())?)))
                .collect(),
            Value::Map(entries) => vec![(path, Self(entries.clone()))],
            _ => Vec::new(),
        }
    }

    /// The first block of a type.
    pub fn block(&self, name: &str) -> Option<Self> {
        self.blocks(name).into_iter().next().map(|(_, block)| block)
    }

    /// The attribute is null or absent.
    pub fn is_null(&self, name: &str) -> bool {
        self.get(name).is_null()
    }

    /// The attribute is unknown.
    pub fn is_unknown(&self, name: &str) -> bool {
        self.get(name).is_unknown()
    }

    /// Attributes by name.
    pub fn entries(&self) -> &BTreeMap<String, Value> {
        &self.0
    }
}
