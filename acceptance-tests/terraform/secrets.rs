//! No password or key in state, plan, logs, process arguments or files: planted ones are looked for everywhere.

use std::{
    fs,
    path::{Path, PathBuf},
};

use acceptance_tests::{
    cluster::{CONFIGURATION, Cluster, PASSWORD},
    processes::running,
    suite::Suite,
    tools::Tools,
};
use anyhow::{Context, Result, ensure};

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    suite.test_with(
        "planted_secrets_are_nowhere",
        "terraform",
        tools.terraform.clone(),
        planted,
    );
}

fn planted(core: PathBuf) -> Result<()> {
    let mut cluster = Cluster::start(&core)?;
    let key = secret_key(&cluster)?;
    let secrets = [PASSWORD.to_owned(), key];
    let log = cluster.workspace.path().join("trace.log").display().to_string();
    cluster.workspace.set("TF_LOG", "trace").set("TF_LOG_PATH", &log);
    cluster.workspace.set("TF_LOG_PATH_MASK", "");
    let changed = CONFIGURATION.replace("password_wo_version = 1", "password_wo_version = 2");
    cluster.workspace.write(&changed)?;
    let plan = cluster.workspace.plan()?.to_string();
    let apply = cluster.workspace.apply()?.text();
    for (place, text) in [("plan", &plan), ("output of apply", &apply)] {
        expect_none(place, text.as_bytes(), &secrets)?;
    }
    for process in running() {
        let line = process.arguments.join(" ");
        expect_none(&format!("arguments of {}", process.pid), line.as_bytes(), &secrets)?;
    }
    let state = cluster.workspace.path().join("terraform.tfstate");
    expect_none("state", &fs::read(state)?, &secrets)?;
    // Terraform itself writes the environment of the password variable nowhere; what our provider logs is in the trace.
    let trace = fs::read_to_string(&log)?;
    ensure!(trace.contains("provider"), "the trace log is empty");
    let ours: Vec<&str> = trace
        .lines()
        .filter(|line| line.contains("terraform-provider-msk"))
        .collect();
    expect_none("trace of the provider", ours.join("\n").as_bytes(), &secrets)?;
    search(&cluster.workspace.runtime.data_dir(), &secrets)
}

/// The secret key of the API, which may be in its own file only.
fn secret_key(cluster: &Cluster) -> Result<String> {
    let credentials = fs::read_to_string(cluster.workspace.runtime.data_dir().join("credentials"))?;
    let line = credentials
        .lines()
        .find_map(|line| line.strip_prefix("aws_secret_access_key"));
    Ok(line
        .context("aws_secret_access_key")?
        .trim_start_matches([' ', '='])
        .trim()
        .to_owned())
}

fn search(folder: &Path, secrets: &[String]) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let kind = fs::symlink_metadata(&path)?.file_type();
        if kind.is_dir() {
            search(&path, secrets)?;
        } else if kind.is_file() && !path.ends_with("credentials") {
            expect_none(&path.display().to_string(), &fs::read(&path)?, secrets)?;
        }
    }
    Ok(())
}

fn expect_none(place: &str, bytes: &[u8], secrets: &[String]) -> Result<()> {
    for secret in secrets {
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        ensure!(!found, "a planted secret is in {place}");
    }
    Ok(())
}
