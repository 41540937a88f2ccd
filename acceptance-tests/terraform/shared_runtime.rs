//! A control plane that somebody else runs, reached over TLS.

use std::{fs, net::TcpListener, path::PathBuf};

use acceptance_tests::{runtime::Runtime, suite::Suite, terraform::Workspace, tools::Tools};
use anyhow::{Result, ensure};

use crate::for_each_core;

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    for_each_core(suite, tools, "a_shared_runtime_is_reached_over_tls", over_tls);
}

fn configuration(endpoint: &str, more: &str) -> String {
    format!(
        r#"
terraform {{
  required_providers {{
    msk = {{ source = "openmsk/msk" }}
  }}
}}

provider "msk" {{
  endpoint = "{endpoint}"
{more}}}

resource "msk_configuration" "this" {{
  name              = "shared"
  server_properties = "num.partitions=3"
}}
"#
    )
}

fn over_tls(core: PathBuf) -> Result<()> {
    let runtime = Runtime::new()?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    runtime.start_with(&["--listen", &format!("127.0.0.1:{port}"), "--tls", "auto"])?;
    let endpoint = format!("https://localhost:{port}");
    let (access_key, secret_key) = runtime.key()?;
    let mut workspace = Workspace::new(&core)?;
    workspace.set("AWS_ACCESS_KEY_ID", &access_key);
    workspace.set("AWS_SECRET_ACCESS_KEY", &secret_key);
    let refused = |more: &str, said: &str| {
        workspace.write(&configuration(&endpoint, more))?;
        let text = workspace
            .fail(&["apply", "-auto-approve", "-no-color", "-input=false"])?
            .text();
        let words: Vec<&str> = text.split_whitespace().collect();
        ensure!(words.join(" ").contains(said), "{text}");
        Ok::<_, anyhow::Error>(())
    };
    refused(
        "",
        "Name the certificate of its authority in ca_file of the provider block",
    )?;
    refused("  ca_file = \"nowhere.pem\"\n", "nowhere.pem\" cannot be read")?;
    refused("  ca_file = \"main.tf\"\n", "is no certificate in it")?;
    // A path of the configuration, as others are.
    let authority = runtime.data_dir().join("tls/ca.pem");
    fs::copy(authority, workspace.path().join("ca.pem"))?;
    workspace.write(&configuration(&endpoint, "  ca_file = \"ca.pem\"\n"))?;
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    // Without TLS nobody looks for authorities, whatever is set for others.
    workspace.write(&configuration(&runtime.endpoint()?, "  ca_file = \"nowhere.pem\"\n"))?;
    workspace.expect_empty_plan()?;
    workspace.destroy()?;
    Ok(())
}
