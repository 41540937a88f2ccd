//! Secrets that become users of a cluster, made elsewhere: all of them in one resource, and one at a time.

use std::path::PathBuf;

use acceptance_tests::{outside, suite::Suite, terraform::Workspace, tools::Tools};
use anyhow::{Result, ensure};

use crate::lifecycle::actions;

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    for (name, core) in [("terraform", &tools.terraform), ("tofu", &tools.tofu)] {
        let both = core.clone().zip(tools.python.clone());
        let title = format!("secrets_become_users_of_a_cluster_{name}");
        suite.test_with(&title, &format!("{name} and boto3"), both, |(core, python)| {
            life(core, python)
        });
    }
}

const ALL: &str = "msk_scram_secret_association.this";
const ONE: &str = "msk_single_scram_secret_association.this";

fn configuration(more: &str) -> String {
    format!(
        r#"
terraform {{
  required_providers {{
    msk = {{ source = "openmsk/msk" }}
  }}
}}

resource "msk_cluster" "this" {{
  cluster_name           = "users"
  number_of_broker_nodes = 1

  client_authentication {{
    sasl {{
      scram = true
    }}
  }}
}}

output "arn" {{
  value = msk_cluster.this.arn
}}
{more}"#
    )
}

fn all(secrets: &[&str]) -> String {
    configuration(&format!(
        "resource \"msk_scram_secret_association\" \"this\" {{\n  cluster_arn     = msk_cluster.this.arn\n  secret_arn_list = {secrets:?}\n}}\n"
    ))
}

fn one(secret: &str) -> String {
    configuration(&format!(
        "resource \"msk_single_scram_secret_association\" \"this\" {{\n  cluster_arn = msk_cluster.this.arn\n  secret_arn  = {secret:?}\n}}\n"
    ))
}

fn life(core: PathBuf, python: PathBuf) -> Result<()> {
    let workspace = Workspace::new(&core)?;
    let outside =
        |action: &[&str]| outside::run(&python, &workspace.runtime, action).map(|text| text.trim().to_owned());
    let planned = |address: &str, wanted: &[&str]| {
        let plan = workspace.plan()?;
        ensure!(actions(&plan, address) == wanted, "{}", plan["resource_changes"]);
        Ok::<_, anyhow::Error>(())
    };
    let applied = |wanted: &[&str]| {
        workspace.apply()?;
        workspace.expect_empty_plan()?;
        let users = outside(&["users", "users"])?;
        ensure!(users == wanted.join(" "), "{users}, not {wanted:?}");
        Ok::<_, anyhow::Error>(())
    };
    workspace.write(&configuration(""))?;
    applied(&[])?;
    let secret = |name: &str| outside(&["create_secret", &format!("AmazonMSK_{name}"), name, "planted"]);
    let (a, b, c) = (secret("a")?, secret("b")?, secret("c")?);

    workspace.write(&all(&[&a, &b]))?;
    applied(&["a", "b"])?;
    // Somebody else adds one, and it goes.
    outside(&["associate", "users", &c])?;
    planned(ALL, &["update"])?;
    applied(&["a", "b"])?;
    workspace.write(&all(&[&b, &c]))?;
    planned(ALL, &["update"])?;
    applied(&["b", "c"])?;
    let arn = workspace.output("arn")?.as_str().unwrap_or_default().to_owned();
    workspace.succeed(&["state", "rm", "-no-color", ALL])?;
    workspace.succeed(&["import", "-no-color", "-input=false", ALL, &arn])?;
    workspace.expect_empty_plan()?;
    workspace.write(&configuration(""))?;
    applied(&[])?;

    workspace.write(&one(&a))?;
    applied(&["a"])?;
    // Others are left alone, by this resource, and by the other one as long as nobody has said that they may go.
    outside(&["associate", "users", &b])?;
    applied(&["a", "b"])?;
    workspace.write(&all(&[&c]))?;
    workspace.succeed(&["state", "rm", "-no-color", ONE])?;
    let refused = workspace.fail(&["apply", "-no-color", "-input=false", "-auto-approve"])?;
    ensure!(refused.text().contains("has other users already"), "{}", refused.text());
    workspace.write(&one(&a))?;
    workspace.succeed(&["import", "-no-color", "-input=false", ONE, &format!("{arn},{a}")])?;
    workspace.expect_empty_plan()?;
    outside(&["disassociate", "users", &a])?;
    planned(ONE, &["create"])?;
    applied(&["a", "b"])?;
    workspace.write(&one(&c))?;
    planned(ONE, &["delete", "create"])?;
    applied(&["b", "c"])?;

    // What is no secret, and what holds no user.
    workspace.write(&one("AmazonMSK_a"))?;
    let refused = workspace.fail(&["plan", "-no-color", "-input=false"])?.text();
    ensure!(refused.contains("is not the ARN of a secret"), "{refused}");
    workspace.write(&one(&a.replace("AmazonMSK_a", "AmazonMSK_gone")))?;
    let refused = workspace
        .fail(&["apply", "-no-color", "-input=false", "-auto-approve"])?
        .text();
    ensure!(
        refused.contains("AmazonMSK_gone") && refused.contains("has to exist"),
        "{refused}"
    );
    workspace.destroy()?;
    Ok(())
}
