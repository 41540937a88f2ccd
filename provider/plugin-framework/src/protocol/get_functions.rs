//! GetFunctions: how every function is called; also part of GetProviderSchema.

use std::collections::HashMap;

use tfplugin_proto::tfplugin6 as proto;

use super::server::Shared;
use crate::function::{Parameter, Signature};

impl Shared {
    pub(crate) fn get_functions(&self) -> proto::get_functions::Response {
        proto::get_functions::Response {
            functions: self.described_functions(),
            diagnostics: Vec::new(),
        }
    }

    pub(super) fn described_functions(&self) -> HashMap<String, proto::Function> {
        let all = self.functions.iter();
        all.map(|(name, function)| ((*name).to_owned(), described(function.signature())))
            .collect()
    }
}

fn described(signature: &Signature) -> proto::Function {
    proto::Function {
        parameters: signature.parameters.iter().map(parameter).collect(),
        variadic_parameter: signature.variadic.as_ref().map(parameter),
        r#return: Some(proto::function::Return {
            r#type: signature.returns.to_json().to_string().into_bytes(),
        }),
        summary: signature.summary.to_owned(),
        description: signature.description.to_owned(),
        description_kind: proto::StringKind::Markdown.into(),
        deprecation_message: String::new(),
    }
}

fn parameter(parameter: &Parameter) -> proto::function::Parameter {
    proto::function::Parameter {
        name: parameter.name.to_owned(),
        r#type: parameter.of.to_json().to_string().into_bytes(),
        allow_null_value: parameter.allow_null,
        // Terraform answers for us: the result of something unknown is unknown.
        allow_unknown_values: false,
        description: parameter.description.to_owned(),
        description_kind: proto::StringKind::Markdown.into(),
    }
}
