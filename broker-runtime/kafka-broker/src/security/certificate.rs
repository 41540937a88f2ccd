//! Who a client is by its certificate: the distinguished name of the subject as Kafka writes it, which is Java's
//! `X500Principal.getName()` (RFC 2253): the most specific part first, known types by their short names, others by their
//! numbers.

use std::fmt::Write as _;

use x509_parser::prelude::{AttributeTypeAndValue, FromDer, X509Certificate};

/// Short names of RFC 2253, by their numbers.
const NAMES: [(&str, &str); 9] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.6", "C"),
    ("2.5.4.9", "STREET"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("0.9.2342.19200300.100.1.1", "UID"),
];
/// What is written with a backslash before it.
const ESCAPED: &str = ",+\"\\<>;";

/// The name in a certificate (DER); `None` when it cannot be read.
pub(crate) fn principal_of_certificate(certificate: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let mut parts: Vec<String> = certificate
        .subject()
        .iter_rdn()
        .map(|part| part.iter().map(attribute).collect::<Vec<_>>().join("+"))
        .collect();
    parts.reverse();
    Some(parts.join(","))
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let number = attribute.attr_type().to_id_string();
    let named = NAMES.iter().find(|(known, _)| *known == number);
    match (named, attribute.as_str()) {
        (Some((_, name)), Ok(value)) => format!("{name}={}", escaped(value)),
        _ => {
            let mut text = format!("{number}=#");
            for byte in attribute.attr_value().data {
                let _ = write!(text, "{byte:02x}");
            }
            text
        }
    }
}

fn escaped(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    let mut text = String::with_capacity(value.len());
    for (index, character) in value.chars().enumerate() {
        let at_an_end = character == ' ' && (index == 0 || index == last) || character == '#' && index == 0;
        if at_an_end || ESCAPED.contains(character) {
            text.push('\\');
        }
        text.push(character);
    }
    text
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

    use super::*;

    fn named(parts: &[(DnType, &str)]) -> String {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in parts {
            params.distinguished_name.push(kind.clone(), *value);
        }
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        principal_of_certificate(certificate.der()).unwrap()
    }

    #[test]
    fn the_most_specific_part_is_first() {
        let parts = [
            (DnType::CountryName, "DE"),
            (DnType::OrganizationName, "Shop"),
            (DnType::CommonName, "orders"),
        ];
        assert_eq!(named(&parts), "CN=orders,O=Shop,C=DE");
    }

    #[test]
    fn what_would_be_read_otherwise_is_escaped() {
        assert_eq!(named(&[(DnType::CommonName, "a,b+c ")]), r"CN=a\,b\+c\ ");
        assert_eq!(named(&[(DnType::CommonName, "#1")]), r"CN=\#1");
    }

    #[test]
    fn what_is_no_certificate_is_nobody() {
        assert_eq!(principal_of_certificate(b"no"), None);
    }
}
