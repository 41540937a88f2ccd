//! The checks of a schema on a configuration.

use super::nested_elements::nested_elements;
use crate::{
    diagnostics::Diagnostics,
    schema::{Attribute, Schema},
    value::{Path, Value},
};

/// Runs every check of the schema on the known values of `config`. `write_only_allowed` is false for a Terraform that
/// would store write-only values.
pub fn validate(schema: &Schema, config: &Value, write_only_allowed: bool) -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    block(schema, config, &Path::root(), write_only_allowed, &mut diagnostics);
    diagnostics
}

fn block(schema: &Schema, config: &Value, path: &Path, write_only_allowed: bool, diagnostics: &mut Diagnostics) {
    let Some(entries) = config.as_map() else { return };
    for (name, attribute) in &schema.attributes {
        let value = entries.get(name).unwrap_or(&Value::Null);
        check(
            attribute,
            value,
            &path.then_attribute(name),
            write_only_allowed,
            diagnostics,
        );
    }
    for (name, nested) in schema.nested() {
        let value = entries.get(name).unwrap_or(&Value::Null);
        for (path, inner, element, _) in nested_elements(nested, &path.then_attribute(name), value, &Value::Null) {
            block(inner, element, &path, write_only_allowed, diagnostics);
        }
    }
}

fn check(attribute: &Attribute, value: &Value, path: &Path, write_only_allowed: bool, diagnostics: &mut Diagnostics) {
    if value.is_null() || value.is_unknown() {
        return;
    }
    if attribute.write_only && !write_only_allowed {
        let detail = format!("{path} is write-only, which needs Terraform 1.11 or OpenTofu 1.11, or newer.");
        diagnostics.attribute_error(path.clone(), "Write-only attributes are not supported here", detail);
    }
    let mut problems: Vec<String> = attribute.checks.iter().flat_map(|check| check(value)).collect();
    if problems.is_empty() {
        problems.extend(attribute.fits.iter().flat_map(|fits| fits(value)));
    }
    for problem in problems {
        diagnostics.attribute_error(path.clone(), format!("Invalid value for {path}"), problem);
    }
}
