//! The example of a provider that comes with the framework, which has nested attributes and blocks of every nesting: real cores and
//! the conformance client take its schema, its plans and its states.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use acceptance_tests::{
    binaries, folder,
    program::{self, Finished},
    suite::Suite,
    tools::Tools,
};
use anyhow::{Context, Result, ensure};
use plugin_conformance::{Block, Life, start};
use plugin_framework::value::Value;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

/// How long one command may take.
const LIMIT: Duration = Duration::from_secs(60);

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    crate::for_each_core(suite, tools, "nested_attributes_live_their_life_with", |program| {
        life(&program)
    });
    suite.test_with(
        "nested_attributes_live_their_life_with_newest_terraform",
        "the newest terraform",
        tools.newest_terraform.clone(),
        |program| life(&program),
    );
    suite.test("nested_attributes_conform", conform);
}

fn provider() -> Result<PathBuf> {
    let path = binaries::directory()?.join("examples/terraform-provider-contacts");
    let hint = "the example is not built: run `cargo build -p plugin-framework --examples` first";
    ensure!(path.is_file(), "{hint}");
    Ok(path)
}

/// A configuration in a folder of its own, where the cards are kept too.
struct Cards<'a> {
    program: &'a Path,
    folder: TempDir,
}

impl<'a> Cards<'a> {
    fn new(program: &'a Path) -> Result<Self> {
        let folder = folder::fresh("openmsk-contacts-")?;
        let examples = provider()?.parent().context("its folder")?.display().to_string();
        let sources = ["example/contacts", "registry.opentofu.org/example/contacts"];
        let overrides: String = sources
            .iter()
            .map(|it| format!("    \"{it}\" = \"{examples}\"\n"))
            .collect();
        fs::write(
            folder.path().join("cli.tfrc"),
            format!("provider_installation {{\n  dev_overrides {{\n{overrides}  }}\n  direct {{}}\n}}\n"),
        )?;
        Ok(Self { program, folder })
    }

    /// Applies a configuration, and requires that nothing is left to do then.
    fn apply(&self, body: &str) -> Result<Finished> {
        let required =
            "terraform {\n  required_providers {\n    contacts = { source = \"example/contacts\" }\n  }\n}\n";
        fs::write(self.folder.path().join("main.tf"), format!("{required}{body}"))?;
        let applied = self.succeed(&["apply", "-auto-approve", "-no-color", "-input=false"])?;
        let plan = ["plan", "-detailed-exitcode", "-no-color", "-input=false"];
        self.succeed(&plan).context("there is something left to do")?;
        Ok(applied)
    }

    fn succeed(&self, arguments: &[&str]) -> Result<Finished> {
        let mut command = Command::new(self.program);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("TF_CLI_CONFIG_FILE", self.folder.path().join("cli.tfrc"))
            .env("CHECKPOINT_DISABLE", "1")
            .env("TF_IN_AUTOMATION", "1");
        program::succeed(&mut command, LIMIT)
    }

    fn card(&self, file: &str) -> Result<Json> {
        Ok(serde_json::from_slice(&fs::read(self.folder.path().join(file))?)?)
    }
}

/// Two cards: the second is made of what is only known once the first is there.
fn both(street: &str, phones: &str, rest: &str) -> String {
    format!(
        r#"
resource "contacts_card" "one" {{
  path    = "one.json"
  name    = "Ada"
  address = {{ street = "{street}", door_code = "Planted-0815" }}
  phones  = {phones}
{rest}
}}
resource "contacts_card" "two" {{
  path   = "two.json"
  name   = "two"
  phones = [for it in contacts_card.one.phones : {{ number = tostring(it.id) }}]
  emails = [for it in coalesce(contacts_card.one.emails, []) : {{ address = "mail-${{it.id}}" }}]
  links  = {{ for key, it in coalesce(contacts_card.one.links, {{}}) : key => {{ url = "link-${{it.id}}" }} }}
}}
"#
    )
}

fn life(program: &Path) -> Result<()> {
    let cards = Cards::new(program)?;
    let rest = r#"
  emails  = [{ address = "a@example.com" }, { address = "b@example.com" }]
  links   = {
    home = { url = "https://example.com", password = "Planted-0815" }
    work = { url = "https://example.org" }
  }
  note "first" { text = "hello" }
  note "second" { text = "again" }
  privacy { public = true }
"#;
    let phones = r#"[{ number = "1" }, { number = "2", kind = "home" }]"#;
    cards.apply(&both("Main Street 1", phones, rest))?;
    let first = cards.card("one.json")?;
    ensure!(first["address"]["country"] == "NL", "{first}");
    ensure!(first["phones"][1]["kind"] == "home", "{first}");
    let two = cards.card("two.json")?;
    let id = first["phones"][0]["id"].to_string();
    ensure!(two["phones"][0]["number"] == json!(id), "{two}");
    let state = fs::read_to_string(cards.folder.path().join("terraform.tfstate"))?;
    ensure!(!state.contains("Planted-0815"), "a write-only value is in the state");

    // What stays keeps its id: by place, by what it is, by key.
    let rest = r#"
  emails  = [{ address = "b@example.com" }, { address = "c@example.com" }]
  links   = { work = { url = "https://example.net" }, new = { url = "https://example.com" } }
  note "second" { text = "changed" }
"#;
    let phones = r#"[{ number = "1", kind = "work" }]"#;
    cards.apply(&both("Main Street 2", phones, rest))?;
    let changed = cards.card("one.json")?;
    ensure!(changed["phones"][0]["id"] == first["phones"][0]["id"], "{changed}");
    ensure!(
        changed["links"]["work"]["id"] == first["links"]["work"]["id"],
        "{changed}"
    );
    ensure!(
        changed["note"]["second"]["id"] == first["note"]["second"]["id"],
        "{changed}"
    );
    let id_of = |card: &Json, address: &str| {
        let emails = card["emails"].as_array().into_iter().flatten();
        emails
            .filter(|it| it["address"] == address)
            .map(|it| it["id"].clone())
            .next()
    };
    ensure!(
        id_of(&changed, "b@example.com") == id_of(&first, "b@example.com"),
        "{changed}"
    );

    let moved = both("Main Street 2", phones, rest).replace("one.json", "other.json");
    let replaced = cards.apply(&moved)?;
    ensure!(replaced.stdout.contains("1 destroyed"), "{}", replaced.text());
    ensure!(cards.card("one.json").is_err(), "the old card is still there");

    // Nested attributes that are left out are gone, and so is what was made of them.
    cards.apply(&both("Main Street 2", "[]", "").replace("one.json", "other.json"))?;
    let less = cards.card("other.json")?;
    ensure!(less["emails"].is_null() && less["phones"] == json!([]), "{less}");
    cards.succeed(&["destroy", "-auto-approve", "-no-color", "-input=false"])?;
    ensure!(cards.card("other.json").is_err(), "a card is left");
    Ok(())
}

fn conform() -> Result<()> {
    let folder = folder::fresh("openmsk-contacts-")?;
    let path = folder.path().join("card.json").display().to_string();
    let tasks = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let found = tasks.block_on(async {
        let mut provider = start(&provider()?, &[]).await?;
        provider.core.configure([]).await?;
        let block = provider.core.block("contacts_card")?.clone();
        let life = Life {
            type_name: "contacts_card",
            configs: vec![card(&block, &path, &["1", "2"]), card(&block, &path, &["2", "3", "4"])],
            import_id: Some(|state| {
                let path = state.as_map().and_then(|it| it.get("path")).and_then(Value::as_str);
                path.unwrap_or_default().to_owned()
            }),
            unknown_to_import: &[],
        };
        life.run(&mut provider.core).await
    })?;
    let text: String = found.iter().map(|finding| format!("{finding}\n")).collect();
    ensure!(found.is_empty(), "core would refuse:\n{text}");
    Ok(())
}

/// A card with one element for each text, where there can be several.
fn card(block: &Block, path: &str, texts: &[&str]) -> Value {
    let objects = |name: &str, set: &[(&'static str, &str)]| {
        let values = set.iter().map(|(name, text)| (*name, Value::string(*text)));
        block
            .inner(name)
            .map(|nested| nested.block.configuration(values))
            .unwrap_or(Value::Null)
    };
    let list = |name: &str, attribute: &'static str| {
        Value::List(texts.iter().map(|text| objects(name, &[(attribute, text)])).collect())
    };
    let map = |name: &str, set: &[(&'static str, &str)]| {
        Value::Map(
            texts
                .iter()
                .map(|text| ((*text).to_owned(), objects(name, set)))
                .collect(),
        )
    };
    block.configuration([
        ("path", Value::string(path)),
        ("name", Value::string(texts[0])),
        (
            "address",
            objects("address", &[("street", texts[0]), ("door_code", "0815")]),
        ),
        ("phones", list("phones", "number")),
        ("emails", list("emails", "address")),
        ("links", map("links", &[("url", texts[0]), ("password", "0815")])),
        ("note", map("note", &[("text", texts[0])])),
        ("privacy", block.nested("privacy", [("public", Value::Bool(true))])),
    ])
}
