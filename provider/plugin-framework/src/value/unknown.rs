//! What is known of an unknown value: go-cty's refinements.

/// Refinements of an unknown value. A plan that carries them has to keep them at apply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refinements {
    /// It will not be null.
    pub not_null: bool,
    /// It will begin with this text.
    pub prefix: Option<String>,
    /// It will have at least so many elements.
    pub length_min: Option<u64>,
    /// It will have at most so many elements.
    pub length_max: Option<u64>,
}

impl Refinements {
    /// Nothing is known.
    pub fn none() -> Self {
        Self::default()
    }

    /// True when nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
