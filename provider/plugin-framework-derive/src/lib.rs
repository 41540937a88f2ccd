//! `#[derive(Model)]`: one Rust type is the schema of a resource, what its values are kept in, and its documentation. The trait, and what
//! each option means, are described in `plugin_framework::model`.

mod documentation;
mod expand;
mod options;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Derives `plugin_framework::model::Model`, and `FieldType`, so that the type can be nested in others.
#[proc_macro_derive(Model, attributes(model, attribute, block, flatten))]
pub fn derive_model(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::model(&input)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
