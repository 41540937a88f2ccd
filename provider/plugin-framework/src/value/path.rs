//! Paths to a part of a value, as diagnostics and replacements name it.

use std::fmt;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// An attribute or block.
    Attribute(String),
    /// An element of a list or tuple.
    Index(usize),
    /// An element of a map.
    Key(String),
}

/// A path from the root of a resource's value. The empty path is the whole of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(Vec<Step>);

impl Path {
    /// The whole value.
    pub fn root() -> Self {
        Self::default()
    }

    /// An attribute or block of the root.
    pub fn attribute(name: &str) -> Self {
        Self::root().then(Step::Attribute(name.to_owned()))
    }

    /// This path and one step more.
    #[must_use]
    pub fn then(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// This path and an attribute.
    #[must_use]
    pub fn then_attribute(&self, name: &str) -> Self {
        self.then(Step::Attribute(name.to_owned()))
    }

    /// This path and an element of a list.
    #[must_use]
    pub fn then_index(&self, index: usize) -> Self {
        self.then(Step::Index(index))
    }

    /// This path and an element of a map.
    #[must_use]
    pub fn then_key(&self, key: &str) -> Self {
        self.then(Step::Key(key.to_owned()))
    }

    /// The steps.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Attribute(name) if position == 0 => write!(formatter, "{name}")?,
                Step::Attribute(name) => write!(formatter, ".{name}")?,
                Step::Index(index) => write!(formatter, "[{index}]")?,
                Step::Key(key) => write!(formatter, "[{key:?}]")?,
            }
        }
        Ok(())
    }
}
