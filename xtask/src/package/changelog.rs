//! What has changed since the last release, out of `.changes/unreleased`: a file a change.

use std::fs;

use anyhow::{Context, Result};

use crate::step;

/// As a page; a change a line, in the order of the names of their files.
pub fn text(version: &str) -> Result<String> {
    let folder = step::repository().join(".changes/unreleased");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .with_context(|| format!("{} cannot be read", folder.display()))?
        .collect::<Result<_, _>>()?;
    files.sort_by_key(fs::DirEntry::file_name);
    let changes = files
        .iter()
        .map(|file| Ok(fs::read_to_string(file.path())?))
        .collect::<Result<Vec<_>>>()?;
    Ok(page(version, &changes))
}

fn page(version: &str, changes: &[String]) -> String {
    let lines: String = changes
        .iter()
        .map(|change| format!("* {}\n", change.trim().replace('\n', "\n  ")))
        .collect();
    format!("# {version}\n\n{lines}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_a_line() {
        let changes = ["one\n".to_owned(), "two,\nlonger".to_owned()];
        assert_eq!(page("1.2.3", &changes), "# 1.2.3\n\n* one\n* two,\n  longer\n");
    }
}
