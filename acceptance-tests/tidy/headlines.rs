//! Every headline that the provider can print stands on the page for troubleshooting.

use std::{collections::BTreeSet, fs, path::Path};

use acceptance_tests::{binaries, suite::Suite};
use anyhow::{Result, ensure};

/// What makes a diagnostic out of a headline.
const MAKERS: [&str; 6] = [
    "from_error(",
    "from_attribute_error(",
    "attribute_error(",
    "attribute_warning(",
    ".warning(",
    "explanation(",
];
/// Headlines of our own mistakes end with a request to report them.
const OURS: [&str; 3] = [
    "The provider is not configured",
    "The plan is incomplete",
    "The runtime answered",
];
/// A shorter piece of a headline would stand in any other.
const CHARS_MIN: usize = 6;

/// Adds the test of this file.
pub fn add(suite: &mut Suite) {
    suite.test("every_headline_is_on_the_page_for_troubleshooting", explained);
}

fn explained() -> Result<()> {
    let root = binaries::repository();
    let page = fs::read_to_string(root.join("docs/guides/troubleshooting.md"))?;
    let on_page: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split(" | ").next())
        .flat_map(|cell| cell.split('`'))
        .flat_map(|text| text.split('…'))
        .map(str::trim)
        .filter(|text| text.chars().count() >= CHARS_MIN)
        .collect();
    let mut headlines = BTreeSet::new();
    collect(&root.join("provider/terraform-provider-msk/src"), &mut headlines)?;
    ensure!(headlines.len() > 50, "{} headlines are found", headlines.len());
    let missing: Vec<&String> = headlines
        .iter()
        .filter(|headline| !on_page.iter().any(|known| headline.contains(known)))
        .filter(|headline| !OURS.contains(&headline.as_str()))
        .collect();
    ensure!(missing.is_empty(), "docs/guides/troubleshooting.md lacks {missing:#?}");
    Ok(())
}

fn collect(folder: &Path, headlines: &mut BTreeSet<String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, headlines)?;
            continue;
        }
        let text = fs::read_to_string(&path)?;
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for maker in MAKERS {
            headlines.extend(code.split(maker).skip(1).filter_map(headline));
        }
    }
    Ok(())
}

/// The text literal that a call begins with, behind a path.
fn headline(arguments: &str) -> Option<String> {
    let mut rest = arguments.trim_start();
    if rest.starts_with("Path::") {
        rest = rest.split_once("),")?.1.trim_start();
    }
    let rest = rest.strip_prefix("format!(").unwrap_or(rest).trim_start();
    let literal = rest.strip_prefix('"')?;
    let end = literal
        .char_indices()
        .find(|(index, letter)| *letter == '"' && !literal[..*index].ends_with('\\'))?;
    Some(literal[..end.0].to_owned())
}
