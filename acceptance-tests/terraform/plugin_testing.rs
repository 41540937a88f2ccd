//! HashiCorp's own way of testing providers, with the newest Terraform: a program in Go drives the provider, and ends with an error
//! when anything is wrong. What it does is in `programs/plugin-testing`.

use std::path::Path;

use acceptance_tests::{program, suite::Suite, terraform::Workspace, tools::Tools};
use anyhow::{Result, ensure};

/// Adds the test of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    suite.test_with(
        "terraform_plugin_testing_finds_nothing_wrong",
        "the newest terraform, and Go",
        tools.newest_terraform.clone().zip(tools.plugin_testing.clone()),
        |(terraform, tests)| nothing_wrong(&terraform, &tests),
    );
}

fn nothing_wrong(terraform: &Path, tests: &Path) -> Result<()> {
    // For its runtime and the CLI configuration; the program makes folders of its own.
    let workspace = Workspace::new(terraform)?;
    let mut command = workspace.prepare_with(tests, &["-test.v"]);
    command.env("TF_ACC", "1").env("TF_ACC_TERRAFORM_PATH", terraform);
    let finished = program::succeed(&mut command, program::LIMIT)?;
    let passed = finished.stdout.matches("--- PASS").count();
    ensure!(passed >= 3, "{passed} tests passed:\n{}", finished.text());
    Ok(())
}
