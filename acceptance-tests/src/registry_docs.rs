//! Pages of the Terraform Registry for data sources and functions, made of what `terraform providers schema -json` says and of the
//! examples. `cargo xtask docs` writes them; a test compares.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use crate::terraform::{REQUIRED_PROVIDERS, Workspace};

/// The provider, as Terraform names it.
const PROVIDER: &str = "registry.terraform.io/openmsk/msk";

/// What `terraform providers schema -json` says of our provider.
pub fn schema(terraform: &Path) -> Result<Value> {
    let workspace = Workspace::new(terraform)?;
    workspace.write(REQUIRED_PROVIDERS)?;
    let printed = workspace.succeed(&["providers", "schema", "-json"])?.stdout;
    let all: Value = serde_json::from_str(&printed)?;
    let ours = all["provider_schemas"].get(PROVIDER).cloned();
    ours.context("our provider in the schemas")
}

/// Text of each page, by its path below `docs/`.
pub fn pages(schema: &Value, examples: &Path) -> Result<BTreeMap<String, String>> {
    let mut pages = BTreeMap::new();
    for (name, data_source) in entries(&schema["data_source_schemas"]) {
        let short = name.trim_start_matches("msk_");
        let example = examples.join(format!("data-sources/{name}/data-source.tf"));
        let text = data_source_page(name, &data_source["block"], &read(&example)?);
        pages.insert(format!("data-sources/{short}.md"), text);
    }
    for (name, function) in entries(&schema["functions"]) {
        let example = examples.join(format!("functions/{name}/function.tf"));
        pages.insert(
            format!("functions/{name}.md"),
            function_page(name, function, &read(&example)?),
        );
    }
    Ok(pages)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("{} is missing", path.display()))
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn head(title: &str, description: &str) -> String {
    format!("---\npage_title: \"{title}\"\nsubcategory: \"\"\ndescription: |-\n  {description}\n---\n")
}

fn data_source_page(name: &str, block: &Value, example: &str) -> String {
    let description = text(block, "description");
    let mut page = head(&format!("{name} Data Source - msk"), description);
    let _ = write!(
        page,
        "\n# {name} (Data Source)\n\n{description}\n\n## Example\n\n```terraform\n{}\n```\n",
        example.trim_end()
    );
    let none = Map::new();
    let attributes = block["attributes"].as_object().unwrap_or(&none);
    let is = |attribute: &Value, what: &str| attribute[what].as_bool().unwrap_or_default();
    let groups = [
        ("Required", "required"),
        ("Optional", "optional"),
        ("Read-only", "computed"),
    ];
    page.push_str("\n## Arguments and attributes\n");
    for (title, what) in groups {
        let of_group = attributes
            .iter()
            .filter(|(_, attribute)| is(attribute, what) && (what != "computed" || !is(attribute, "optional")));
        let lines: Vec<String> = of_group
            .map(|(name, attribute)| {
                format!(
                    "* `{name}` ({}) {}\n",
                    type_name(&attribute["type"]),
                    text(attribute, "description")
                )
            })
            .collect();
        if !lines.is_empty() {
            let _ = write!(page, "\n### {title}\n\n{}", lines.concat());
        }
    }
    page
}

fn function_page(name: &str, function: &Value, example: &str) -> String {
    let (summary, description) = (text(function, "summary"), text(function, "description"));
    let mut page = head(&format!("{name} Function - msk"), summary);
    let parameters = function["parameters"].as_array().cloned().unwrap_or_default();
    let signature: Vec<String> = parameters
        .iter()
        .map(|parameter| format!("{} {}", text(parameter, "name"), type_name(&parameter["type"])))
        .collect();
    let _ = write!(
        page,
        "\n# {name} (Function)\n\n{description}\n\n## Example\n\n```terraform\n{}\n```\n\n## Signature\n\n```text\n{name}({}) {}\n```\n\n## \
         Arguments\n\n",
        example.trim_end(),
        signature.join(", "),
        type_name(&function["return_type"])
    );
    for (number, parameter) in parameters.iter().enumerate() {
        let _ = writeln!(
            page,
            "{}. `{}` ({}) {}",
            number + 1,
            text(parameter, "name"),
            type_name(&parameter["type"]),
            text(parameter, "description")
        );
    }
    page
}

/// A type, as the Registry writes it.
fn type_name(of: &Value) -> String {
    if let Some(name) = of.as_str() {
        return capitalised(name);
    }
    match (of[0].as_str(), &of[1]) {
        (Some("object"), Value::Object(attributes)) => {
            let attributes: Vec<String> = attributes
                .iter()
                .map(|(name, of)| format!("`{name}` {}", type_name(of)))
                .collect();
            format!("Object: {}", attributes.join(", "))
        }
        (Some(kind), element) => format!("{} of {}", capitalised(kind), type_name(element)),
        _ => "Any".to_owned(),
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_are_written_as_the_registry_writes_them() {
        assert_eq!(type_name(&json!("string")), "String");
        assert_eq!(type_name(&json!(["map", "number"])), "Map of Number");
        let rows = json!(["list", ["object", {"name": "string", "id": "number"}]]);
        assert_eq!(type_name(&rows), "List of Object: `id` Number, `name` String");
    }
}
