//! What a person reads, or a program that a person has written.

use std::{fmt, io::Write};

use comfy_table::presets;
use serde_json::Value;

/// Writes a line to standard output; a reader that is gone is nobody's problem.
pub(crate) fn line(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{text}");
    let _ = stdout.flush();
}

/// Writes a value as JSON, for programs.
pub(crate) fn json(value: &Value) {
    line(&format!("{value:#}"));
}

/// A JSON value in a table.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

/// A table without lines.
pub(crate) struct Table(comfy_table::Table);

impl Table {
    /// With its header.
    pub(crate) fn new(header: &[&str]) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING).set_header(header.iter().copied());
        Self(table)
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.0.add_row(cells);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
