//! What a function is.

use plugin_framework::{Function, FunctionError, Signature, value::Value};

/// A function of the provider: how it is called, and what it does.
pub(super) struct Pure {
    pub(super) name: &'static str,
    pub(super) signature: Signature,
    pub(super) call: fn(&[Value]) -> Result<Value, FunctionError>,
}

impl Function for Pure {
    fn name(&self) -> &'static str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn call(&self, arguments: &[Value]) -> Result<Value, FunctionError> {
        (self.call)(arguments)
    }
}

/// The text of an argument, which the signature promises.
pub(super) fn text(arguments: &[Value], index: usize) -> &str {
    arguments.get(index).and_then(Value::as_str).unwrap_or_default()
}
