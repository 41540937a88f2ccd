//! CallFunction: one call of a function. Errors are no diagnostics here: each names an argument, or none.

use tfplugin_proto::tfplugin6 as proto;

use super::{
    dynamic_value::{decode, encode},
    server::{Shared, guarded},
};
use crate::{
    diagnostics::Diagnostics,
    function::{FunctionError, Signature},
    value::Value,
};

impl Shared {
    pub(crate) async fn call_function(
        &self,
        request: &proto::call_function::Request,
    ) -> proto::call_function::Response {
        let called = guarded(async { self.called(request) }).await;
        let called = called.unwrap_or_else(|panicked| Err(from_diagnostics(None, &panicked)));
        match called {
            Ok(result) => proto::call_function::Response {
                result: Some(result),
                error: None,
            },
            Err(error) => proto::call_function::Response {
                result: None,
                error: Some(proto::FunctionError {
                    text: error.text,
                    function_argument: error.argument.and_then(|index| i64::try_from(index).ok()),
                }),
            },
        }
    }

    fn called(&self, request: &proto::call_function::Request) -> Result<proto::DynamicValue, FunctionError> {
        let function = self.functions.get(request.name.as_str()).ok_or_else(|| FunctionError {
            argument: None,
            text: format!(
                "there is no function {:?} in this version of the provider",
                request.name
            ),
        })?;
        let signature = function.signature();
        let arguments = arguments(signature, &request.arguments)?;
        let result = function.call(&arguments)?;
        if !result.is_wholly_known() {
            return Err(FunctionError {
                argument: None,
                text: format!(
                    "the provider made a mistake: {} gives something unknown. Please report it",
                    function.name()
                ),
            });
        }
        Ok(encode(&result, &signature.returns))
    }
}

fn arguments(signature: &Signature, given: &[proto::DynamicValue]) -> Result<Vec<Value>, FunctionError> {
    let least = signature.parameters.len();
    if given.len() < least || (given.len() > least && signature.variadic.is_none()) {
        return Err(FunctionError {
            argument: None,
            text: format!("{least} arguments are expected, not {}", given.len()),
        });
    }
    let mut arguments = Vec::new();
    for (index, value) in given.iter().enumerate() {
        let Some(parameter) = signature.parameter(index) else {
            break;
        };
        let value = decode(Some(value), &parameter.of).map_err(|problem| from_diagnostics(Some(index), &problem))?;
        if value.is_null() && !parameter.allow_null {
            return Err(FunctionError::argument(
                index,
                format!("{} must not be null", parameter.name),
            ));
        }
        arguments.push(value);
    }
    Ok(arguments)
}

fn from_diagnostics(argument: Option<usize>, diagnostics: &Diagnostics) -> FunctionError {
    let texts: Vec<String> = diagnostics
        .iter()
        .map(|it| format!("{}: {}", it.summary, it.detail))
        .collect();
    FunctionError {
        argument,
        text: texts.join("; "),
    }
}
