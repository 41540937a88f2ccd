//! Ways to install the provider, and several of them starting the runtime at once.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
};

use acceptance_tests::{binaries, cluster::PASSWORD, suite::Suite, terraform::Workspace, tools::Tools};
use anyhow::{Context, Result, ensure};

/// A configuration that needs the runtime and makes no cluster.
const SMALL: &str = "terraform {\n  required_providers {\n    msk = { source = \"openmsk/msk\" }\n  }\n}\n\
                     resource \"msk_configuration\" \"this\" {\n  name = \"NAME\"\n  \
                     server_properties = \"num.partitions=3\"\n}\n";

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    crate::for_each_core(suite, tools, "filesystem_mirror_installs_the_provider", mirror);
    suite.test_with(
        "two_providers_at_once_start_one_runtime",
        "terraform",
        tools.terraform.clone(),
        at_once,
    );
}

fn mirror(core: PathBuf) -> Result<()> {
    let mut workspace = Workspace::new(&core)?;
    workspace.set("TF_VAR_password", PASSWORD);
    let root = workspace.path().join("mirror");
    for host in ["registry.terraform.io", "registry.opentofu.org"] {
        let folder = root.join(host).join("openmsk/msk/0.1.0/linux_amd64");
        fs::create_dir_all(&folder)?;
        link("terraform-provider-msk", &folder.join("terraform-provider-msk_v0.1.0"))?;
        link("broker-runtime", &folder.join("broker-runtime"))?;
    }
    // What the guide tells people to write.
    let guide = fs::read_to_string(binaries::repository().join("docs/guides/filesystem-mirror.md"))?;
    let snippet = guide
        .split("```terraform\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let snippet = snippet.context("a CLI configuration in the guide")?;
    let text = snippet.replace("/absolute/path/to/mirror", &root.display().to_string());
    ensure!(text != snippet, "the guide names no mirror");
    workspace.set_cli_configuration(&text)?;
    workspace.write(&SMALL.replace("NAME", "mirror"))?;
    let init = workspace.succeed(&["init", "-no-color", "-input=false"])?;
    ensure!(
        init.stdout.contains("has been successfully initialized"),
        "{}",
        init.text()
    );
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    workspace.destroy()?;
    Ok(())
}

fn link(binary: &str, target: &Path) -> Result<()> {
    if fs::hard_link(binaries::path(binary)?, target).is_err() {
        fs::copy(binaries::path(binary)?, target)?;
    }
    Ok(())
}

fn at_once(core: PathBuf) -> Result<()> {
    let mut workspaces = Vec::new();
    for name in ["one", "two", "three"] {
        let workspace = Workspace::new(&core)?;
        workspace.write(&SMALL.replace("NAME", name))?;
        workspaces.push(workspace);
    }
    let shared = workspaces[0].runtime.data_dir().display().to_string();
    for workspace in &mut workspaces {
        workspace.set("OPENMSK_DATA_DIR", &shared);
    }
    thread::scope(|scope| -> Result<()> {
        let applies: Vec<_> = workspaces
            .iter()
            .map(|workspace| scope.spawn(|| workspace.apply()))
            .collect();
        for apply in applies {
            apply.join().map_err(|_| anyhow::anyhow!("an apply panicked"))??;
        }
        Ok(())
    })?;
    let serves = workspaces[0].runtime.processes("serve");
    ensure!(serves.len() == 1, "{serves:?}");
    for workspace in &workspaces {
        workspace.expect_empty_plan()?;
        workspace.destroy()?;
    }
    Ok(())
}
