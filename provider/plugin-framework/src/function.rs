//! A function of the provider: `provider::NAME::function(…)`. The same arguments always give the same result, and nothing outside
//! is asked, so that Terraform may call it at any time.

use crate::value::{Type, Value};

/// A parameter.
#[derive(Clone, Debug)]
pub struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) of: Type,
    pub(crate) description: &'static str,
    pub(crate) allow_null: bool,
}

impl Parameter {
    /// One that is neither null nor unknown when the function is called.
    pub fn new(name: &'static str, of: Type, description: &'static str) -> Self {
        Self {
            name,
            of,
            description,
            allow_null: false,
        }
    }

    /// One that may be null.
    #[must_use]
    pub fn or_null(mut self) -> Self {
        self.allow_null = true;
        self
    }
}

/// How a function is called.
#[derive(Clone, Debug)]
pub struct Signature {
    /// One line.
    pub summary: &'static str,
    /// Markdown.
    pub description: &'static str,
    /// Parameters in order.
    pub parameters: Vec<Parameter>,
    /// Any number of further arguments.
    pub variadic: Option<Parameter>,
    /// Type of the result.
    pub returns: Type,
}

impl Signature {
    /// The parameter that argument number `index` is for.
    pub(crate) fn parameter(&self, index: usize) -> Option<&Parameter> {
        self.parameters.get(index).or(self.variadic.as_ref())
    }
}

/// Why a call has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionError {
    /// The argument that is wrong, counted from 0; `None` when it is no single one.
    pub argument: Option<usize>,
    /// What is wrong with it.
    pub text: String,
}

impl FunctionError {
    /// An argument is wrong.
    pub fn argument(index: usize, text: impl Into<String>) -> Self {
        Self {
            argument: Some(index),
            text: text.into(),
        }
    }
}

/// A function.
pub trait Function: Send + Sync {
    /// Its name.
    fn name(&self) -> &'static str;

    /// How it is called.
    fn signature(&self) -> &Signature;

    /// Its result. There are as many arguments as the signature says, of its types.
    fn call(&self, arguments: &[Value]) -> Result<Value, FunctionError>;
}
