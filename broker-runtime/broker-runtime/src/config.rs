//! `broker-runtime config`: what is in force and where it comes from.

use anyhow::Result;
use serde_json::json;

use crate::{
    background,
    context::{Context, VERSION},
    output::{self, Table},
};

/// Prints it, in a table or as JSON.
pub(crate) fn run(context: &Context, as_json: bool) -> Result<()> {
    let data_dir = &context.data_dir;
    let endpoint = background::ready(data_dir).map(|info| info.endpoint);
    let rows = [
        ("version", VERSION.to_owned(), "this program"),
        ("program", context.executable.display().to_string(), "this program"),
        (
            "data directory",
            data_dir.root().display().to_string(),
            "--data-dir, OPENMSK_DATA_DIR, XDG_DATA_HOME",
        ),
        (
            "endpoint",
            endpoint.unwrap_or_else(|| "-".to_owned()),
            "runtime.json; - when nothing answers",
        ),
        (
            "credentials",
            data_dir.credentials().display().to_string(),
            "made at the first start",
        ),
        ("log filter", context.log_filter.clone(), "OPENMSK_LOG"),
        ("logs", data_dir.logs().display().to_string(), "the data directory"),
    ];
    if as_json {
        let object: serde_json::Map<_, _> = rows
            .iter()
            .map(|(name, value, _)| (name.replace(' ', "_"), json!(value)))
            .collect();
        output::json(&object.into());
        return Ok(());
    }
    let mut table = Table::new(&["WHAT", "VALUE", "FROM"]);
    for (name, value, from) in rows {
        table.row([name.to_owned(), value, from.to_owned()]);
    }
    output::line(&table.to_string());
    Ok(())
}
