//! `broker-runtime token`: tokens that let hosts join.

use anyhow::{Result, bail};
use clap::Subcommand;
use serde_json::{Value, json};

use crate::{
    api_client::ApiClient,
    context::Context,
    output::{self, Table},
};

/// Where they are.
const PATH: &str = "/openmsk/v1/host-tokens";

/// What can be done with tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum Tokens {
    /// Makes a token that lets one host join, and prints the command for it. The token is shown only now.
    Create {
        /// Zone that the host will stand in; without one, the host names its own.
        #[arg(long, value_name = "ZONE")]
        zone: Option<String>,
        /// How long it can be used: a number with s, m, h or d.
        #[arg(long, value_name = "TIME", default_value = "1h", value_parser = seconds)]
        ttl: u64,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Lists tokens.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Forgets a token. A host that has joined with it stays.
    Revoke {
        /// Its id, which is the second part of the token.
        id: String,
    },
}

/// Asks the control plane that runs.
pub(crate) fn run(context: &Context, tokens: Tokens) -> Result<()> {
    let client = ApiClient::running(&context.data_dir)?;
    match tokens {
        Tokens::Create {
            zone,
            ttl,
            json: as_json,
        } => {
            let made = client.post(PATH, &json!({"zone": zone, "ttlSeconds": ttl}))?;
            if as_json {
                output::json(&made);
                return Ok(());
            }
            let text = |value: &Value| output::text(value);
            output::line(&format!(
                "# lets one host join until {}; on that host:",
                text(&made["hostToken"]["expirationTime"])
            ));
            output::line(&format!(
                "broker-runtime host-agent join {} --token {}",
                text(&made["joinAddress"]),
                text(&made["token"])
            ));
        }
        Tokens::List { json } => list(&client.get(PATH)?["hostTokens"], json),
        Tokens::Revoke { id } => {
            if id.is_empty() || !id.chars().all(|it| it.is_ascii_hexdigit()) {
                bail!("{id:?} is no id of a token: `broker-runtime token list` shows them");
            }
            client.delete(&format!("{PATH}/{id}"))?;
        }
    }
    Ok(())
}

fn list(tokens: &Value, as_json: bool) {
    if as_json {
        output::json(tokens);
        return;
    }
    let tokens = tokens.as_array().map(Vec::as_slice).unwrap_or_default();
    if tokens.is_empty() {
        output::line("no tokens");
        return;
    }
    let mut table = Table::new(&["ID", "ZONE", "STATUS", "UNTIL", "USED BY"]);
    for token in tokens {
        table.row(["tokenId", "zone", "status", "expirationTime", "usedBy"].map(|name| output::text(&token[name])));
    }
    output::line(&table.to_string());
}

/// A time such as `90s`, `15m`, `1h` or `7d`, in seconds.
pub(crate) fn seconds(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no time: write a number with s, m, h or d, such as 1h");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let factor = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 24 * 3600,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    number
        .checked_mul(factor)
        .filter(|seconds| *seconds > 0)
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        assert_eq!(
            ["90s", "15m", "1h", "7d"].map(seconds),
            [90, 900, 3600, 604_800].map(Ok)
        );
        for bad in ["", "h", "1", "1w", "-1h", "0s", "1.5h", "9999999999999999999d", "1é"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
