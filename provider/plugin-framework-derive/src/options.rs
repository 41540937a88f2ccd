//! What stands in `#[model(…)]`, `#[attribute(…)]`, `#[block(…)]` and `#[flatten]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Expr, Field, LitStr, Result, meta::ParseNestedMeta, spanned::Spanned};

/// An attribute or a block of a schema, with the calls that describe it.
pub(crate) enum Kind {
    /// An attribute: calls of methods of `schema::Attribute`.
    Attribute { calls: TokenStream },
    /// A block: its nesting is the type's, or one that is said.
    Block { nesting: Option<TokenStream> },
    /// The attributes and blocks of another model.
    Flattened,
}

/// A field of a model.
pub(crate) struct Options {
    /// Its name in the schema, where it is not the field's.
    pub(crate) name: Option<LitStr>,
    /// What it is.
    pub(crate) kind: Kind,
}

impl Options {
    /// Reads those of a field.
    pub(crate) fn of(field: &Field) -> Result<Self> {
        let mut found = field.attrs.iter().filter(|it| {
            ["attribute", "block", "flatten"]
                .iter()
                .any(|kind| it.path().is_ident(kind))
        });
        let (Some(attribute), None) = (found.next(), found.next()) else {
            let what = "a field of a model is either #[attribute(…)], #[block] or #[flatten]";
            return Err(syn::Error::new(field.span(), what));
        };
        let mut name = None;
        let kind = if attribute.path().is_ident("attribute") {
            let mut calls = TokenStream::new();
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("name") {
                    name = Some(meta.value()?.parse()?);
                    return Ok(());
                }
                calls.extend(attribute_call(&meta)?);
                Ok(())
            })?;
            Kind::Attribute { calls }
        } else if attribute.path().is_ident("flatten") {
            attribute.meta.require_path_only()?;
            Kind::Flattened
        } else {
            let mut limits = Limits::default();
            if !matches!(attribute.meta, syn::Meta::Path(_)) {
                attribute.parse_nested_meta(|meta| {
                    if meta.path.is_ident("name") {
                        name = Some(meta.value()?.parse()?);
                        return Ok(());
                    }
                    limits.read(&meta)
                })?;
            }
            Kind::Block {
                nesting: limits.nesting(),
            }
        };
        Ok(Self { name, kind })
    }
}

/// One option of an attribute, as a call of the method of its name.
fn attribute_call(meta: &ParseNestedMeta<'_>) -> Result<TokenStream> {
    const FLAGS: [&str; 6] = ["required", "optional", "computed", "sensitive", "write_only", "stable"];
    const VALUES: [&str; 6] = ["deprecated", "default", "replaces", "check", "one_of", "same_meaning"];
    let name = meta
        .path
        .get_ident()
        .ok_or_else(|| meta.error("an option is one word"))?;
    if FLAGS.iter().any(|flag| name == flag) {
        return Ok(quote! { .#name() });
    }
    if VALUES.iter().any(|option| name == option) {
        let value: Expr = meta.value()?.parse()?;
        return Ok(quote! { .#name(#value) });
    }
    if name == "between" {
        let limits: Expr = meta.value()?.parse()?;
        return match &limits {
            Expr::Tuple(tuple) if tuple.elems.len() == 2 => {
                let (least, most) = (&tuple.elems[0], &tuple.elems[1]);
                Ok(quote! { .between(#least, #most) })
            }
            _ => Err(syn::Error::new(
                limits.span(),
                "between is two numbers: between = (1, 15)",
            )),
        };
    }
    let known = FLAGS.iter().chain(&VALUES).copied().collect::<Vec<_>>().join(", ");
    Err(meta.error(format!("attributes have the options {known}, between and name")))
}

/// How often a block may stand there.
#[derive(Default)]
struct Limits {
    min: Option<Expr>,
    max: Option<Expr>,
    is_group: bool,
}

impl Limits {
    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        if meta.path.is_ident("group") {
            self.is_group = true;
        } else if meta.path.is_ident("min") {
            self.min = Some(meta.value()?.parse()?);
        } else if meta.path.is_ident("max") {
            self.max = Some(meta.value()?.parse()?);
        } else {
            return Err(meta.error("blocks have the options min, max, group and name"));
        }
        Ok(())
    }

    /// A function of the nesting that the type has.
    fn nesting(self) -> Option<TokenStream> {
        if self.is_group {
            return Some(quote! { |_| ::plugin_framework::schema::Nesting::Group });
        }
        if self.min.is_none() && self.max.is_none() {
            return None;
        }
        let (min, max) = (limit(self.min), limit(self.max));
        Some(quote! { |nesting: ::plugin_framework::schema::Nesting| nesting.limited(#min, #max) })
    }
}

fn limit(number: Option<Expr>) -> TokenStream {
    number.map_or_else(|| quote! { 0 }, |number| quote! { #number })
}

/// The version in `#[model(version = 1)]`.
pub(crate) fn version(attributes: &[syn::Attribute]) -> Result<Option<Expr>> {
    let mut version = None;
    for attribute in attributes.iter().filter(|it| it.path().is_ident("model")) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("version") {
                return Err(meta.error("models have the option version"));
            }
            version = Some(meta.value()?.parse()?);
            Ok(())
        })?;
    }
    Ok(version)
}
