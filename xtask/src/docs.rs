//! `cargo xtask docs`: writes the pages of data sources and functions from the provider's schema and the examples.

use std::fs;

use acceptance_tests::registry_docs;
use anyhow::{Context, Result};

use crate::step;

/// Writes `docs/data-sources` and `docs/functions`.
pub fn run() -> Result<()> {
    step::step("build", || {
        let mut build = step::program("cargo");
        build.args([
            "build",
            "--quiet",
            "-p",
            "broker-runtime",
            "-p",
            "terraform-provider-msk",
        ]);
        step::quietly(&mut build).map(drop)
    })?;
    let terraform = step::find("terraform").context("not on the PATH; install Terraform 1.11 or newer")?;
    let (root, docs) = (step::repository(), step::repository().join("docs"));
    let pages = registry_docs::pages(&registry_docs::schema(&terraform)?, &root.join("examples"))?;
    for folder in ["data-sources", "functions"] {
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
