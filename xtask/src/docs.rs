//! `cargo xtask docs`: writes the pages of data sources, list resources, actions and functions from the provider's schema and the
//! examples, and the schema itself as the tests know it.

use std::fs;

use acceptance_tests::{registry_docs, tools::Tools};
use anyhow::Result;

use crate::{check, cores, step};

/// Writes the folders of `docs/` that are made, and the schema.
pub fn run() -> Result<()> {
    step::build("build", &check::PACKAGES, &["--bins"])?;
    let cache = Tools::directory();
    fs::create_dir_all(&cache)?;
    let terraform = step::step("the newest Terraform", || cores::newest_terraform(&cache))?;
    let (root, docs) = (step::repository(), step::repository().join("docs"));
    let schema = registry_docs::schema(&terraform)?;
    fs::write(root.join(registry_docs::SCHEMA_FILE), format!("{schema:#}\n"))?;
    let pages = registry_docs::pages(&schema, &root.join("examples"))?;
    for folder in registry_docs::folders() {
        // A page of what is not there any more must not stay.
        let _ = fs::remove_dir_all(docs.join(folder));
        fs::create_dir_all(docs.join(folder))?;
    }
    for (path, text) in &pages {
        fs::write(docs.join(path), text)?;
    }
    step::say(&format!(
        "{} pages are written; `git diff docs` shows what changed.",
        pages.len()
    ));
    Ok(())
}
