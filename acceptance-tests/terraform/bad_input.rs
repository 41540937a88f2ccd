//! What goes wrong gives one clear diagnostic that says what to do, and leaves nothing half made.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
};

use acceptance_tests::{
    cluster::{CONFIGURATION, PASSWORD},
    suite::Suite,
    terraform::Workspace,
    tools::Tools,
};
use anyhow::{Result, ensure};

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    let mut add = |name: &str, body: fn(PathBuf) -> Result<()>| {
        suite.test_with(name, "terraform", tools.terraform.clone(), body);
    };
    add(
        "wrong_property_is_a_plan_time_error_with_line_and_suggestion",
        wrong_property,
    );
    add("unreachable_endpoint_says_so", unreachable);
    add("wrong_credentials_say_so", wrong_credentials);
    add("missing_runtime_binary_says_so", missing_binary);
    add("runtime_of_another_version_says_so", other_version);
    add("data_directory_that_cannot_be_made_says_so", bad_directory);
}

/// A configuration with its password, nothing applied yet.
pub(crate) fn workspace(core: &Path, configuration: &str) -> Result<Workspace> {
    let mut workspace = Workspace::new(core)?;
    workspace.set("TF_VAR_password", PASSWORD);
    workspace.write(configuration)?;
    Ok(workspace)
}

/// One error, with each of `parts` in it.
pub(crate) fn expect_error(workspace: &Workspace, command: &str, parts: &[&str]) -> Result<()> {
    let arguments: &[&str] = match command {
        "apply" => &["apply", "-auto-approve", "-no-color", "-input=false"],
        _ => &["plan", "-no-color", "-input=false"],
    };
    let text = workspace.fail(arguments)?.text();
    // Terraform breaks lines at its own width.
    let flat = text.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ");
    for part in parts {
        ensure!(flat.contains(part), "{part:?} is not in:\n{text}");
    }
    ensure!(flat.matches("Error: ").count() == 1, "not exactly one error:\n{text}");
    ensure!(!flat.contains(PASSWORD), "the password is in:\n{text}");
    Ok(())
}

fn wrong_property(core: PathBuf) -> Result<()> {
    let name = CONFIGURATION.replace("num.partitions = 3", "num.partition = 3");
    let workspace = workspace(&core, &name)?;
    expect_error(
        &workspace,
        "plan",
        &[
            "line 3",
            "num.partition",
            "did you mean",
            "num.partitions",
            "server_properties",
        ],
    )?;
    workspace.write(&CONFIGURATION.replace("min.insync.replicas = 2", "min.insync.replicas = two"))?;
    expect_error(&workspace, "plan", &["line 2", "min.insync.replicas", "two"])?;
    ensure!(
        workspace.runtime.processes("").is_empty(),
        "a plan that fails started a runtime"
    );
    Ok(())
}

fn unreachable(core: PathBuf) -> Result<()> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let endpoint = format!("http://127.0.0.1:{port}");
    let provider =
        format!("provider \"msk\" {{\n  endpoint = \"{endpoint}\"\n  access_key = \"a\"\n  secret_key = \"b\"\n}}");
    let workspace = workspace(&core, &CONFIGURATION.replace("provider \"msk\" {}", &provider))?;
    expect_error(&workspace, "apply", &[&endpoint])
}

fn wrong_credentials(core: PathBuf) -> Result<()> {
    let workspace = workspace(&core, CONFIGURATION)?;
    workspace.runtime.start()?;
    let provider = format!(
        "provider \"msk\" {{\n  endpoint = \"{}\"\n  access_key = \"AKIAWRONG\"\n  secret_key = \"planted-wrong-key\"\n}}",
        workspace.runtime.endpoint()?
    );
    workspace.write(&CONFIGURATION.replace("provider \"msk\" {}", &provider))?;
    expect_error(&workspace, "apply", &["access_key"])
}

fn missing_binary(core: PathBuf) -> Result<()> {
    let workspace = workspace(&core, CONFIGURATION)?;
    let missing = workspace.path().join("nowhere/broker-runtime").display().to_string();
    let provider = format!("provider \"msk\" {{\n  runtime_path = \"{missing}\"\n}}");
    workspace.write(&CONFIGURATION.replace("provider \"msk\" {}", &provider))?;
    expect_error(&workspace, "apply", &["nowhere/broker-runtime", "runtime_path"])
}

fn other_version(core: PathBuf) -> Result<()> {
    let workspace = workspace(&core, CONFIGURATION)?;
    workspace.runtime.start()?;
    let path = workspace.runtime.data_dir().join("runtime.json");
    let mut value: serde_json::Value = serde_json::from_slice(&fs::read(&path)?)?;
    value["version"] = "0.0.1".into();
    fs::write(&path, serde_json::to_vec(&value)?)?;
    let text = workspace
        .fail(&["apply", "-auto-approve", "-no-color", "-input=false"])?
        .text();
    ensure!(text.contains("0.0.1"), "{text}");
    Ok(())
}

fn bad_directory(core: PathBuf) -> Result<()> {
    let mut workspace = workspace(&core, CONFIGURATION)?;
    let file = workspace.path().join("a-file");
    fs::write(&file, "")?;
    let inside = file.join("data").display().to_string();
    workspace.set("OPENMSK_DATA_DIR", &inside);
    expect_error(&workspace, "apply", &[&inside])
}
