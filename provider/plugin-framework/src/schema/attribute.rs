//! One attribute: its type, who sets it, and how it is planned.

use std::{fmt, sync::Arc};

use super::block::{Nested, Nesting, Schema};
use crate::{
    model::{FieldType, Shape},
    value::{Type, Value},
};

/// Checks a known, non-null value; each text of the answer becomes one error on the attribute.
pub type Check = Arc<dyn Fn(&Value) -> Vec<String> + Send + Sync>;

/// Two values that mean the same although they differ in spelling.
pub type SameMeaning = Arc<dyn Fn(&Value, &Value) -> bool + Send + Sync>;

/// An attribute. Made by [`Attribute::string`] and its sisters, then described by the methods.
#[derive(Clone)]
pub struct Attribute {
    pub(crate) of: Type,
    pub(crate) nested: Option<Nested>,
    pub(crate) description: String,
    pub(crate) required: bool,
    pub(crate) optional: bool,
    pub(crate) computed: bool,
    pub(crate) sensitive: bool,
    pub(crate) write_only: bool,
    pub(crate) deprecated: Option<String>,
    pub(crate) default: Option<Value>,
    pub(crate) stable: bool,
    pub(crate) replaces: Option<String>,
    pub(crate) checks: Vec<Check>,
    /// Whether a value is one of the Rust type that it is kept in; asked where no other check has an answer.
    pub(crate) fits: Option<Check>,
    pub(crate) same_meaning: Option<SameMeaning>,
}

impl fmt::Debug for Attribute {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Attribute")
            .field("of", &self.of)
            .finish_non_exhaustive()
    }
}

impl Attribute {
    /// Of any type.
    pub fn of(of: Type) -> Self {
        Self {
            of,
            nested: None,
            description: String::new(),
            required: false,
            optional: false,
            computed: false,
            sensitive: false,
            write_only: false,
            deprecated: None,
            default: None,
            stable: false,
            replaces: None,
            checks: Vec::new(),
            fits: None,
            same_meaning: None,
        }
    }

    /// Text.
    pub fn string() -> Self {
        Self::of(Type::String)
    }

    /// A number.
    pub fn number() -> Self {
        Self::of(Type::Number)
    }

    /// True or false.
    pub fn bool() -> Self {
        Self::of(Type::Bool)
    }

    /// A list of text.
    pub fn list_of_strings() -> Self {
        Self::of(Type::list_of_strings())
    }

    /// A set of text.
    pub fn set_of_strings() -> Self {
        Self::of(Type::Set(Box::new(Type::String)))
    }

    /// A map of text.
    pub fn map_of_strings() -> Self {
        Self::of(Type::map_of_strings())
    }

    /// Objects of nested attributes: what a block is, set with `=`, so that a person can leave it out, or give it as a whole.
    /// The schema has attributes only. The limits of lists and sets are for checks: the protocol does not tell Terraform of them.
    pub fn nested(nesting: Nesting, schema: Schema) -> Self {
        let nested = Nested { block: schema, nesting };
        Self {
            nested: Some(nested.clone()),
            ..Self::of(nested.value_type())
        }
    }

    /// What a type says of its values.
    pub fn field<T: FieldType + 'static>() -> Self {
        let attribute = match T::shape() {
            Shape::Value(of) => Self::of(of),
            Shape::Object(schema) => Self::nested(Nesting::Single, schema),
            Shape::Objects(nested) => Self::nested(nested.nesting, nested.block),
        };
        Self {
            fits: Some(Arc::new(T::check)),
            ..attribute
        }
    }

    /// Markdown: what it is.
    #[must_use]
    pub fn description(mut self, text: &str) -> Self {
        text.clone_into(&mut self.description);
        self
    }

    /// A person has to set it.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// A person may set it.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// The provider sets it, when a person does not.
    #[must_use]
    pub fn computed(mut self) -> Self {
        self.computed = true;
        self
    }

    /// Terraform hides it.
    #[must_use]
    pub fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    /// It is in the configuration only, never in the plan or the state.
    #[must_use]
    pub fn write_only(mut self) -> Self {
        self.write_only = true;
        self
    }

    /// It should not be used any more; the text says what to use.
    #[must_use]
    pub fn deprecated(mut self, instead: &str) -> Self {
        self.deprecated = Some(instead.to_owned());
        self
    }

    /// The value when a person sets none; makes the attribute computed.
    #[must_use]
    pub fn default(mut self, value: impl Into<Value>) -> Self {
        self.default = Some(value.into());
        self.computed = true;
        self
    }

    /// A computed value that an update does not change: the plan keeps what the state has.
    #[must_use]
    pub fn stable(mut self) -> Self {
        self.stable = true;
        self
    }

    /// A change makes a new resource; the text says why.
    #[must_use]
    pub fn replaces(mut self, reason: &str) -> Self {
        self.replaces = Some(reason.to_owned());
        self
    }

    /// Checks known values, at validation.
    #[must_use]
    pub fn check(mut self, check: impl Fn(&Value) -> Vec<String> + Send + Sync + 'static) -> Self {
        self.checks.push(Arc::new(check));
        self
    }

    /// Text of one of these.
    #[must_use]
    pub fn one_of(self, allowed: &'static [&'static str]) -> Self {
        self.check(move |value| match value.as_str() {
            Some(text) if !allowed.contains(&text) => vec![format!("{text:?} is none of {}", allowed.join(", "))],
            _ => Vec::new(),
        })
    }

    /// A whole number between these, both included.
    #[must_use]
    pub fn between(self, least: i64, most: i64) -> Self {
        self.check(move |value| match value.as_i64() {
            Some(number) if (least..=most).contains(&number) => Vec::new(),
            _ => vec![format!("a whole number from {least} to {most} is required")],
        })
    }

    /// Two spellings of one meaning: a plan between them keeps what the state has.
    #[must_use]
    pub fn same_meaning(mut self, same: impl Fn(&Value, &Value) -> bool + Send + Sync + 'static) -> Self {
        self.same_meaning = Some(Arc::new(same));
        self
    }

    /// A person may or must set it.
    pub(crate) fn is_configurable(&self) -> bool {
        self.required || self.optional
    }
}
