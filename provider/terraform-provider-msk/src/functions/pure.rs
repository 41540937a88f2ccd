//! What a function is, and the functions that there are.

use std::sync::Arc;

use plugin_framework::{Function, FunctionError, Signature, value::Value};

use super::{arns, client_configuration, texts};

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

/// All of them.
pub(crate) fn all() -> Vec<Arc<dyn Function>> {
    let all = [
        arns::parse_cluster_arn(),
        arns::topic_arn(),
        texts::bootstrap_brokers(),
        texts::parse_server_properties(),
        texts::server_properties(),
        client_configuration::client_configuration(),
    ];
    all.into_iter().map(|one| Arc::new(one) as Arc<dyn Function>).collect()
}

/// The text of an argument, which the signature promises.
pub(super) fn text(arguments: &[Value], index: usize) -> &str {
    arguments.get(index).and_then(Value::as_str).unwrap_or_default()
}
