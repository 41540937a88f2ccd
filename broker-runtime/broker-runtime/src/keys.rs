//! `broker-runtime keys`: access keys of the API and what their principals may do.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use serde_json::{Value, json};

use crate::{
    api_client::ApiClient,
    context::Context,
    output::{self, Table},
};

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Makes a key and prints it in the format of an AWS credentials file. Its secret is shown only now.
    Create {
        /// Whose key it is; the root of the account, who may everything, when absent.
        #[arg(long, value_name = "NAME")]
        principal: Option<String>,
        /// Account, twelve digits; each account is a world of its own [default: the runtime's].
        #[arg(long, value_name = "ACCOUNT")]
        account: Option<String>,
        /// File with the policy of the principal, JSON as in IAM; without one a new principal may do nothing.
        #[arg(long, value_name = "FILE", requires = "principal")]
        policy: Option<PathBuf>,
    },
    /// Lists keys; the runtime's own, in its credentials file, is not among them.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Lets a key in no longer.
    Disable {
        /// Id of the key.
        id: String,
    },
    /// Lets a disabled key in again.
    Enable {
        /// Id of the key.
        id: String,
    },
    /// Deletes a key.
    Delete {
        /// Id of the key.
        id: String,
    },
    /// Gives a principal another policy.
    SetPolicy {
        /// Name of the principal.
        principal: String,
        /// File with the policy, JSON as in IAM.
        policy: PathBuf,
        /// Its account [default: the runtime's].
        #[arg(long, value_name = "ACCOUNT", default_value = "000000000000")]
        account: String,
    },
}

/// Asks the control plane that runs.
pub(crate) fn run(context: &Context, keys: Keys) -> Result<()> {
    let client = ApiClient::running(&context.data_dir)?;
    match keys {
        Keys::Create {
            principal,
            account,
            policy,
        } => {
            let policy = policy.map(|path| read(&path)).transpose()?;
            let body = json!({"principal": principal, "account": account, "policy": policy});
            let made = client.post("/openmsk/v1/access-keys", &body)?;
            let text = |name: &str| made[name].as_str().unwrap_or_default().to_owned();
            let key = &made["accessKey"];
            output::line(&format!("# {}", key["principalArn"].as_str().unwrap_or_default()));
            output::line("[default]");
            output::line(&format!(
                "aws_access_key_id = {}",
                key["accessKeyId"].as_str().unwrap_or_default()
            ));
            output::line(&format!("aws_secret_access_key = {}", text("secretAccessKey")));
        }
        Keys::List { json: as_json } => {
            let listed = client.get("/openmsk/v1/access-keys")?;
            list(&listed["accessKeys"], as_json);
        }
        Keys::Disable { id } => client.put(
            &format!("/openmsk/v1/access-keys/{}", plain(&id)?),
            &json!({"status": "DISABLED"}),
        )?,
        Keys::Enable { id } => client.put(
            &format!("/openmsk/v1/access-keys/{}", plain(&id)?),
            &json!({"status": "ACTIVE"}),
        )?,
        Keys::Delete { id } => client.delete(&format!("/openmsk/v1/access-keys/{}", plain(&id)?))?,
        Keys::SetPolicy {
            principal,
            policy,
            account,
        } => {
            let path = format!("/openmsk/v1/principals/{}/{}", plain(&account)?, plain(&principal)?);
            client.put(&path, &json!({"policy": read(&policy)?}))?;
        }
    }
    Ok(())
}

fn list(keys: &Value, as_json: bool) {
    if as_json {
        output::json(keys);
        return;
    }
    let keys = keys.as_array().map(Vec::as_slice).unwrap_or_default();
    if keys.is_empty() {
        output::line("no keys but the runtime's own");
        return;
    }
    let mut table = Table::new(&["KEY", "PRINCIPAL", "STATUS", "CREATED"]);
    for key in keys {
        table.row(["accessKeyId", "principalArn", "status", "creationTime"].map(|name| output::text(&key[name])));
    }
    output::line(&table.to_string());
}

/// A name that may stand in a path as it is.
fn plain(text: &str) -> Result<&str> {
    let allowed = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    if text.is_empty() || !text.chars().all(allowed) {
        bail!("{text:?} is not an id or a name: it has letters, digits and -_.");
    }
    Ok(text)
}

fn read(path: &PathBuf) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}
