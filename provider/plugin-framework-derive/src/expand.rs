//! From a struct to the implementations of `Model` and `FieldType`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Field, Fields, Result, ext::IdentExt, spanned::Spanned};

use crate::{
    documentation::markdown,
    options::{Kind, Options, version},
};

/// What is derived for a struct with named fields.
pub(crate) fn model(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(syn::Error::new(input.span(), "a model is a struct"));
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(syn::Error::new(input.span(), "a model has named fields"));
    };
    let read: Vec<Derived> = fields.named.iter().map(derived).collect::<Result<_>>()?;
    let schema_steps = read.iter().map(|it| &it.schema);
    let decoded = read.iter().map(|it| &it.decode);
    let encoded = read.iter().map(|it| &it.encode);
    let name = &input.ident;
    let (generics, type_generics, bounds) = input.generics.split_for_impl();
    let description = markdown(&input.attrs);
    let version = version(&input.attrs)?.map(|version| quote! { .version(#version) });
    Ok(quote! {
        #[automatically_derived]
        impl #generics ::plugin_framework::model::Model for #name #type_generics #bounds {
            fn schema() -> ::plugin_framework::schema::Schema {
                ::plugin_framework::schema::Schema::new()
                    .description(#description)
                    #version
                    #(#schema_steps)*
            }

            fn from_object(object: &::plugin_framework::value::Object) -> Self {
                Self { #(#decoded,)* }
            }

            fn to_object(&self) -> ::plugin_framework::value::Object {
                let mut object = ::plugin_framework::value::Object::new();
                #(#encoded)*
                object
            }
        }

        #[automatically_derived]
        impl #generics ::plugin_framework::model::FieldType for #name #type_generics #bounds {
            fn shape() -> ::plugin_framework::model::Shape {
                ::plugin_framework::model::Shape::Object(<Self as ::plugin_framework::model::Model>::schema())
            }

            fn from_value(value: &::plugin_framework::value::Value) -> ::core::option::Option<Self> {
                ::plugin_framework::model::object_of(value)
                    .map(|object| <Self as ::plugin_framework::model::Model>::from_object(&object))
            }

            fn to_value(&self) -> ::plugin_framework::value::Value {
                ::plugin_framework::model::Model::to_object(self).into_value()
            }
        }
    })
}

/// What comes of one field.
struct Derived {
    schema: TokenStream,
    decode: TokenStream,
    encode: TokenStream,
}

fn derived(field: &Field) -> Result<Derived> {
    let options = Options::of(field)?;
    let Some(ident) = &field.ident else {
        return Err(syn::Error::new(field.span(), "a model has named fields"));
    };
    let of = &field.ty;
    let name = options
        .name
        .map_or_else(|| ident.unraw().to_string(), |name| name.value());
    let description = markdown(&field.attrs);
    let described = (!description.is_empty()).then(|| quote! { .description(#description) });
    let read = quote! { #ident: ::plugin_framework::model::read::<#of>(object, #name) };
    Ok(match options.kind {
        Kind::Attribute { calls } => Derived {
            schema: quote! { .attribute(#name, ::plugin_framework::schema::Attribute::field::<#of>() #calls #described) },
            decode: read,
            encode: quote! { object.set(#name, ::plugin_framework::model::FieldType::to_value(&self.#ident)); },
        },
        Kind::Block { nesting } => {
            let nesting = nesting.unwrap_or_else(|| quote! { |nesting| nesting });
            let block = quote! { ::plugin_framework::model::block_of::<#of>(#nesting, #description) };
            Derived {
                schema: quote! { .nested_block(#name, #block) },
                decode: read,
                encode: quote! { object.set(#name, ::plugin_framework::model::block_value(&self.#ident, #nesting)); },
            }
        }
        Kind::Flattened => Derived {
            schema: quote! { .including(<#of as ::plugin_framework::model::Model>::schema()) },
            decode: quote! { #ident: <#of as ::plugin_framework::model::Model>::from_object(object) },
            encode: quote! { object.extend(::plugin_framework::model::Model::to_object(&self.#ident)); },
        },
    })
}
