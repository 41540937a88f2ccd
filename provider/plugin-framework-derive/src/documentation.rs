//! Comments of documentation, as the Markdown of a description.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The text of the comments: a paragraph is a line, and an empty line stands between two.
pub(crate) fn markdown(attributes: &[Attribute]) -> String {
    let lines: Vec<String> = attributes.iter().filter_map(line).collect();
    let paragraphs = lines.split(|line| line.is_empty());
    let paragraphs = paragraphs.map(|lines| lines.join(" ")).filter(|it| !it.is_empty());
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

fn line(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else {
        return None;
    };
    match &pair.value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text), ..
        }) if pair.path.is_ident("doc") => Some(text.value().trim().to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use syn::{ItemStruct, parse_quote};

    use super::*;

    #[test]
    fn lines_of_a_paragraph_are_one() {
        let item: ItemStruct = parse_quote! {
            /// One line
            /// and another.
            ///
            /// A second paragraph.
            #[derive(Debug)]
            struct Documented;
        };
        assert_eq!(markdown(&item.attrs), "One line and another.\n\nA second paragraph.");
    }
}
