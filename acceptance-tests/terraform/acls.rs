//! Access control lists: a user who may nothing is let in by one, what others take away comes back, and all of it is checked
//! while planning.

use std::{fs, path::Path, path::PathBuf, process::Command, time::Duration};

use acceptance_tests::{
    binaries,
    cluster::{CONFIGURATION, PASSWORD, USER},
    outside, program,
    suite::Suite,
    terraform::Workspace,
    tools::Tools,
};
use anyhow::{Context, Result, ensure};

use crate::{
    bad_input::{expect_error, workspace},
    lifecycle::actions,
};

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    suite.test_with(
        "wrong_access_control_lists_are_plan_time_errors",
        "terraform",
        tools.terraform.clone(),
        told,
    );
    for (name, core) in [("terraform", &tools.terraform), ("tofu", &tools.tofu)] {
        let both = core.clone().zip(tools.python.clone());
        let title = format!("access_control_lists_let_users_in_{name}");
        suite.test_with(&title, &format!("{name} and Python clients"), both, |(core, python)| {
            let_in(&core, &python)
        });
    }
}

/// The fixture, closed to whom no list allows anything, with one list.
fn configuration(acl: &str) -> String {
    let closed = "auto.create.topics.enable = false\n    allow.everyone.if.no.acl.found = false";
    let fixture = CONFIGURATION.replace("auto.create.topics.enable = false", closed);
    format!("{fixture}\nresource \"msk_acl\" \"this\" {{\n  cluster_arn = msk_cluster.this.arn\n{acl}}}\n")
}

fn of_topic(operation: &str) -> String {
    format!(
        "  resource_type = \"TOPIC\"\n  resource_name = \"orders\"\n  principal = \"User:app\"\n  operation = \"{operation}\"\n"
    )
}

fn told(core: PathBuf) -> Result<()> {
    let right = of_topic("READ");
    for (acl, parts) in [
        (right.replace("READ", "LOOK"), ["operation", "LOOK"]),
        (right.replace("TOPIC", "Topic"), ["resource_type", "TOPIC"]),
        (right.replace("User:app", "app"), ["principal", "User:NAME"]),
        (right.replace("orders", ""), ["resource_name", "empty"]),
        (
            right.replace("TOPIC", "CLUSTER"),
            ["There is one cluster", "kafka-cluster"],
        ),
        (format!("{right}  permission = \"MAYBE\"\n"), ["permission", "MAYBE"]),
    ] {
        expect_error(&workspace(&core, &configuration(&acl))?, "plan", &parts)?;
    }
    Ok(())
}

fn let_in(core: &Path, python: &Path) -> Result<()> {
    let workspace = workspace(core, &configuration(&of_topic("READ")))?;
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    let refused = write_one(&workspace, python)?;
    ensure!(refused.contains("TOPIC_AUTHORIZATION_FAILED"), "{refused}");

    // All of a list is what it is, so another operation is another list.
    workspace.write(&configuration(&of_topic("WRITE")))?;
    let plan = workspace.plan()?;
    let replaced = actions(&plan, "msk_acl.this");
    ensure!(replaced == ["delete", "create"], "{replaced:?}");
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    let written = write_one(&workspace, python)?;
    ensure!(written.contains("acknowledged"), "{written}");

    // Somebody else takes it away.
    outside::run(python, &workspace.runtime, &["delete_acls", "clients"])?;
    ensure!(!write_one(&workspace, python)?.contains("acknowledged"));
    let plan = workspace.plan()?;
    ensure!(actions(&plan, "msk_acl.this") == ["create"]);
    workspace.apply()?;
    ensure!(write_one(&workspace, python)?.contains("acknowledged"));

    let cluster_arn = workspace.output("cluster_arn")?;
    let id = format!(
        "{}|TOPIC|orders|LITERAL|User:{USER}|*|WRITE|ALLOW",
        cluster_arn.as_str().context("ARN")?
    );
    workspace.succeed(&["state", "rm", "msk_acl.this"])?;
    let wrong = workspace.fail(&["import", "-no-color", "-input=false", "msk_acl.this", "orders"])?;
    ensure!(wrong.text().contains("CLUSTER_ARN|RESOURCE_TYPE"), "{}", wrong.text());
    workspace.succeed(&["import", "-no-color", "-input=false", "msk_acl.this", &id])?;
    workspace.expect_empty_plan()?;
    looked_up(&workspace, &id)?;
    workspace.destroy()?;
    Ok(())
}

/// The data source finds the list that there is, and says so when there is none.
fn looked_up(workspace: &Workspace, id: &str) -> Result<()> {
    let look = |operation: &str| {
        let arguments = of_topic(operation);
        let found = "output \"found\" {\n  value = data.msk_acl.it.id\n}\n";
        format!(
            "{}\ndata \"msk_acl\" \"it\" {{\n  cluster_arn = msk_cluster.this.arn\n{arguments}}}\n{found}",
            configuration(&of_topic("WRITE"))
        )
    };
    workspace.write(&look("READ"))?;
    expect_error(
        workspace,
        "plan",
        &["Nothing is found", "ALLOW READ for User:app", "data.msk_acls"],
    )?;
    workspace.write(&look("WRITE"))?;
    workspace.apply()?;
    ensure!(workspace.output("found")? == id, "{}", workspace.output("found")?);
    Ok(())
}

/// Writes a record as the user, and gives what the client says.
fn write_one(workspace: &Workspace, python: &Path) -> Result<String> {
    let target = serde_json::json!({
        "bootstrap": workspace.output("bootstrap")?,
        "authority": workspace.output("authority")?,
        "user": USER,
        "topic": "orders",
    });
    let input = workspace.path().join("target.json");
    fs::write(&input, format!("{target}\n"))?;
    let mut command = Command::new("sh");
    command
        .args(["-c", "exec \"$0\" \"$1\" < \"$2\""])
        .arg(python)
        .arg(binaries::repository().join("acceptance-tests/programs/first_record.py"))
        .arg(&input)
        .env("KAFKA_PASSWORD", PASSWORD);
    Ok(program::succeed(&mut command, Duration::from_secs(90))?.stdout)
}
