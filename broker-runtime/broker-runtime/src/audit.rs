//! `broker-runtime audit`: who called what.

use anyhow::Result;
use clap::Args;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    api_client::ApiClient,
    context::Context,
    output::{self, Table},
};

/// Which calls are shown.
#[derive(Args, Debug)]
pub(crate) struct Audit {
    /// Part of the principal's ARN.
    #[arg(long)]
    principal: Option<String>,
    /// Part of the action, such as Delete.
    #[arg(long)]
    action: Option<String>,
    /// Part of the resource's ARN.
    #[arg(long)]
    resource: Option<String>,
    /// From this moment on, ISO 8601.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only calls that were refused or failed.
    #[arg(long)]
    failed: bool,
    /// How many at most, newest first.
    #[arg(long, default_value_t = 50)]
    limit: u32,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Asks the control plane that runs.
pub(crate) fn run(context: &Context, audit: &Audit) -> Result<()> {
    let client = ApiClient::running(&context.data_dir)?;
    let mut path = format!("/openmsk/v1/audit?limit={}&failed={}", audit.limit, audit.failed);
    let filters = [
        ("principal", &audit.principal),
        ("action", &audit.action),
        ("resource", &audit.resource),
        ("since", &audit.since),
    ];
    for (name, value) in filters {
        if let Some(value) = value {
            path.push_str(&format!("&{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
        }
    }
    let answer = client.get(&path)?;
    if audit.json {
        output::json(&answer["calls"]);
        return Ok(());
    }
    let mut table = Table::new(&["TIME", "PRINCIPAL", "FROM", "ACTION", "RESOURCE", "RESULT"]);
    for call in answer["calls"].as_array().into_iter().flatten() {
        let result = call["error"]
            .as_str()
            .map_or_else(|| output::text(&call["status"]), str::to_owned);
        let told = ["time", "principal", "source", "action", "resource"].map(|name| output::text(&call[name]));
        table.row(told.into_iter().chain([result]));
    }
    output::line(&table.to_string());
    Ok(())
}
