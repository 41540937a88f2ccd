//! `broker-runtime authorities`: authorities whose certificates Kafka clients may show.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};
use clap::Subcommand;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::{
    api_client::ApiClient,
    context::Context,
    output::{self, Table},
};

/// Where they are.
const PATH: &str = "/openmsk/v1/client-authorities";

/// What can be done with authorities.
#[derive(Debug, Subcommand)]
pub(crate) enum Authorities {
    /// Takes the certificate of an authority in, and prints the ARN by which clusters name it.
    Import {
        /// What people call it.
        name: String,
        /// File with its certificate, PEM; without a key.
        certificate: PathBuf,
    },
    /// Lists authorities.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Forgets an authority that no cluster uses.
    Delete {
        /// Its ARN.
        arn: String,
    },
}

/// Asks the control plane that runs.
pub(crate) fn run(context: &Context, authorities: Authorities) -> Result<()> {
    let client = ApiClient::running(&context.data_dir)?;
    match authorities {
        Authorities::Import { name, certificate } => {
            let text = fs::read_to_string(&certificate);
            let text = text.with_context(|| format!("{} cannot be read", certificate.display()))?;
            let made = client.post(PATH, &json!({"name": name, "certificatePem": text}))?;
            output::line(&output::text(&made["arn"]));
        }
        Authorities::List { json } => list(&client.get(PATH)?["clientAuthorities"], json),
        Authorities::Delete { arn } => {
            let arn = utf8_percent_encode(&arn, NON_ALPHANUMERIC);
            client.delete(&format!("{PATH}/{arn}"))?;
        }
    }
    Ok(())
}

fn list(authorities: &Value, as_json: bool) {
    if as_json {
        output::json(authorities);
        return;
    }
    let authorities = authorities.as_array().map(Vec::as_slice).unwrap_or_default();
    if authorities.is_empty() {
        output::line("no authorities");
        return;
    }
    let mut table = Table::new(&["NAME", "SUBJECT", "VALID UNTIL", "ARN"]);
    for authority in authorities {
        table.row(["name", "subject", "notAfter", "arn"].map(|name| output::text(&authority[name])));
    }
    output::line(&table.to_string());
}
