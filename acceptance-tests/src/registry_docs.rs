//! Pages of the Terraform Registry for data sources, list resources, actions and functions, made of what `terraform providers schema
//! -json` says and of the examples. `cargo xtask docs` writes them; a test compares.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use crate::terraform::{REQUIRED_PROVIDERS, Workspace};

/// What the provider says of itself, as it was when somebody last looked; from the root of the repository.
pub const SCHEMA_FILE: &str = "acceptance-tests/terraform/provider-schema.json";

/// The provider, as Terraform names it.
const PROVIDER: &str = "registry.terraform.io/openmsk/msk";

/// A kind of object that has a page each, made of a schema of arguments and attributes.
struct Kind {
    /// Where the schemas are in what Terraform prints.
    schemas: &'static str,
    /// Folder of the pages below `docs/`, and of the examples below `examples/`.
    folder: &'static str,
    /// What a page says that it is of.
    title: &'static str,
    /// Name of the file with the example.
    example: &'static str,
    /// Title of the part with arguments.
    arguments: &'static str,
}

const KINDS: [Kind; 3] = [
    Kind {
        schemas: "data_source_schemas",
        folder: "data-sources",
        title: "Data Source",
        example: "data-source.tf",
        arguments: "Arguments and attributes",
    },
    Kind {
        schemas: "list_resource_schemas",
        folder: "list-resources",
        title: "List Resource",
        example: "list-resource.tfquery.hcl",
        arguments: "Arguments of the config block",
    },
    Kind {
        schemas: "action_schemas",
        folder: "actions",
        title: "Action",
        example: "action.tf",
        arguments: "Arguments of the config block",
    },
];

/// Folder of the pages of functions.
const FUNCTIONS: &str = "functions";

/// The folders of all pages that are made, below `docs/`.
pub fn folders() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|kind| kind.folder).chain([FUNCTIONS])
}

/// What `terraform providers schema -json` says of our provider. Only the newest Terraform says all.
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
    for kind in &KINDS {
        for (name, of) in entries(&schema[kind.schemas]) {
            let short = name.trim_start_matches("msk_");
            let example = examples.join(format!("{}/{name}/{}", kind.folder, kind.example));
            let text = block_page(kind, name, &of["block"], &read(&example)?);
            pages.insert(format!("{}/{short}.md", kind.folder), text);
        }
    }
    for (name, function) in entries(&schema["functions"]) {
        let example = examples.join(format!("{FUNCTIONS}/{name}/function.tf"));
        pages.insert(
            format!("{FUNCTIONS}/{name}.md"),
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

fn block_page(kind: &Kind, name: &str, block: &Value, example: &str) -> String {
    let description = text(block, "description");
    let (title, heading) = (kind.title, kind.arguments);
    let mut page = head(&format!("{name} {title} - msk"), description);
    let _ = write!(
        page,
        "\n# {name} ({title})\n\n{description}\n\n## Example\n\n```terraform\n{}\n```\n",
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
    let _ = writeln!(page, "\n## {heading}");
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
