//! Encryption at rest: with a key that is named, replaced with another, and never changed in place.

use std::path::PathBuf;

use acceptance_tests::{suite::Suite, terraform::Workspace, tools::Tools};
use anyhow::{Result, ensure};

use crate::{for_each_core, lifecycle::actions};

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    for_each_core(
        suite,
        tools,
        "what_is_stored_is_encrypted_with_the_key_that_is_named",
        encrypted,
    );
}

const ADDRESS: &str = "msk_cluster.this";

/// `key` is an expression.
fn configuration(key: &str, client_broker: &str) -> String {
    format!(
        r#"
terraform {{
  required_providers {{
    msk = {{ source = "openmsk/msk" }}
  }}
}}

resource "terraform_data" "key" {{
  input = "arn:aws:kms:us-east-1:000000000000:key/later"
}}

resource "msk_cluster" "this" {{
  cluster_name           = "sealed"
  number_of_broker_nodes = 1

  encryption_info {{
    encryption_at_rest_kms_key_arn = {key}

    encryption_in_transit {{
      client_broker = "{client_broker}"
    }}
  }}
}}

output "arn" {{
  value = msk_cluster.this.arn
}}
"#
    )
}

fn encrypted(core: PathBuf) -> Result<()> {
    let workspace = Workspace::new(&core)?;
    workspace.write(&configuration("\"orders\"", "TLS"))?;
    let refused = workspace.fail(&["plan", "-no-color", "-input=false"])?.text();
    ensure!(refused.contains("is not the ARN of a key"), "{refused}");

    // A key that another resource makes is known in the apply only.
    workspace.write(&configuration("terraform_data.key.output", "TLS"))?;
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    let keys = || Ok::<_, anyhow::Error>(std::fs::read_dir(workspace.runtime.data_dir().join("kms"))?.count());
    ensure!(keys()? == 1);

    workspace.write(&configuration("terraform_data.key.output", "TLS_PLAINTEXT"))?;
    ensure!(actions(&workspace.plan()?, ADDRESS) == ["update"]);
    workspace.apply()?;
    workspace.expect_empty_plan()?;

    // What is imported says it as well.
    let arn = workspace.output("arn")?;
    let arn = arn.as_str().unwrap_or_default();
    workspace.succeed(&["state", "rm", ADDRESS])?;
    workspace.succeed(&["import", "-no-color", "-input=false", ADDRESS, arn])?;
    workspace.expect_empty_plan()?;

    for another in ["\"arn:aws:kms:us-east-1:000000000000:alias/orders\"", "null"] {
        workspace.write(&configuration(another, "TLS_PLAINTEXT"))?;
        let plan = workspace.plan()?;
        ensure!(
            actions(&plan, ADDRESS) == ["delete", "create"],
            "{}",
            plan["resource_changes"]
        );
        workspace.apply()?;
        workspace.expect_empty_plan()?;
    }
    ensure!(keys()? == 2, "keys stay: copies of the data may be read with them");
    Ok(())
}
