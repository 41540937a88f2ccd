//! Secrets that a run needs and no state keeps: a password nobody has chosen, and the settings of a client with it.

use std::{fs, path::PathBuf};

use acceptance_tests::{outside, suite::Suite, terraform::Workspace, tools::Tools};
use anyhow::{Context, Result, ensure};

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    for (name, core) in [("terraform", &tools.terraform), ("tofu", &tools.tofu)] {
        let both = core.clone().zip(tools.python.clone());
        let title = format!("passwords_are_made_used_and_not_kept_{name}");
        suite.test_with(&title, &format!("{name} and boto3"), both, |(core, python)| {
            used(core, python)
        });
    }
}

/// `more` is of the client's settings, which a command of the apply writes to a file.
fn configuration(more: &str) -> String {
    format!(
        r#"
terraform {{
  required_providers {{
    msk = {{ source = "openmsk/msk" }}
  }}
}}

resource "msk_cluster" "this" {{
  cluster_name           = "ephemeral"
  number_of_broker_nodes = 1

  client_authentication {{
    sasl {{
      scram = true
    }}
  }}
}}

ephemeral "msk_scram_password" "app" {{
  length = 40
}}

resource "msk_scram_secret" "app" {{
  cluster_arn         = msk_cluster.this.arn
  username            = "app"
  password_wo         = ephemeral.msk_scram_password.app.password
  password_wo_version = 1
}}

ephemeral "msk_client_configuration" "app" {{
  cluster_arn = msk_cluster.this.arn
{more}}}

resource "terraform_data" "client" {{
  input = msk_scram_secret.app.version_id

  provisioner "local-exec" {{
    command = "printf '%s' \"$SETTINGS\" > client.properties"

    environment = {{
      SETTINGS = ephemeral.msk_client_configuration.app.text
    }}
  }}
}}

output "brokers" {{
  value = msk_cluster.this.bootstrap_brokers_sasl_scram
}}

output "secret" {{
  value = msk_scram_secret.app.name
}}
"#
    )
}

fn used(core: PathBuf, python: PathBuf) -> Result<()> {
    let workspace = Workspace::new(&core)?;
    let login =
        "  secret_arn  = msk_scram_secret.app.arn\n  format      = \"librdkafka\"\n  ca_file     = \"ca.pem\"\n";
    workspace.write(&configuration(login))?;
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    let settings = fs::read_to_string(workspace.path().join("client.properties"))?;
    let password = settings
        .lines()
        .find_map(|line| line.strip_prefix("sasl.password="))
        .context("a password")?;
    ensure!(password.len() == 40, "{settings}");
    let brokers = workspace.output("brokers")?;
    let brokers = brokers.as_str().unwrap_or_default();
    ensure!(
        !brokers.is_empty() && settings.contains(&format!("bootstrap.servers={brokers}\n")),
        "{settings}"
    );
    // It is the one that the user has, and nobody has written it down.
    let name = workspace.output("secret")?;
    let value = outside::run(
        &python,
        &workspace.runtime,
        &["get_secret", name.as_str().unwrap_or_default()],
    )?;
    ensure!(value.contains(&format!("\"{password}\"")), "another password");
    let state = fs::read_to_string(workspace.path().join("terraform.tfstate"))?;
    ensure!(!state.contains(password), "the password is in the state");

    // What the cluster does not offer is told.
    for (more, said) in [
        ("", "lets nobody in without authentication"),
        ("  secret_arn = \"AmazonMSK_none\"\n", "There is no secret"),
        ("  format = \"xml\"\n", "librdkafka"),
    ] {
        workspace.write(&configuration(more))?;
        let text = workspace.fail(&["plan", "-no-color", "-input=false"])?.text();
        let words: Vec<&str> = text.split_whitespace().collect();
        ensure!(words.join(" ").contains(said), "{text}");
    }
    workspace.write(&configuration(login))?;
    workspace.destroy()?;
    Ok(())
}
