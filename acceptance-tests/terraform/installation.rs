//! Ways to install the provider, and several of them starting the runtime at once.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use acceptance_tests::{binaries, cluster::PASSWORD, program, suite::Suite, terraform::Workspace, tools::Tools};
use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::files_over_https::FilesOverHttps;

/// A configuration that needs the runtime and makes no cluster.
const SMALL: &str = "terraform {\n  required_providers {\n    msk = { source = \"openmsk/msk\" }\n  }\n}\n\
                     resource \"msk_configuration\" \"this\" {\n  name = \"NAME\"\n  \
                     server_properties = \"num.partitions=3\"\n}\n";

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    crate::for_each_core(suite, tools, "filesystem_mirror_installs_the_provider", mirror);
    crate::for_each_core(
        suite,
        tools,
        "what_is_packaged_installs_from_both_kinds_of_mirror",
        packaged,
    );
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

/// A release of the binaries there are, signed, installed from its mirror: once as a folder, once over the network.
fn packaged(core: PathBuf) -> Result<()> {
    let mut workspace = Workspace::new(&core)?;
    let release = workspace.path().join("release");
    let mut package = Command::new(binaries::path("xtask")?);
    package.args(["package", "--binaries"]).arg(binaries::directory()?);
    package.arg("--output").arg(&release);
    // GnuPG is not a thing to install for a test; where it is, signing is tried, too.
    let key = signing_key(&workspace).ok();
    if let Some(key) = &key {
        package.args(["--sign", KEY_OWNER]).env("GNUPGHOME", key);
    }
    program::succeed(&mut package, program::LIMIT)?;
    expect_release(&release)?;
    if let Some(key) = &key {
        expect_signature(&release, key)?;
    }

    let mirror = release.join("mirror");
    let from = |method: &str| {
        let ours = "[\"registry.terraform.io/openmsk/msk\", \"registry.opentofu.org/openmsk/msk\"]";
        format!(
            "provider_installation {{\n  {method}\n    include = {ours}\n  }}\n  direct {{\n    exclude = {ours}\n  }}\n}}\n"
        )
    };
    let server = FilesOverHttps::start(&mirror)?;
    workspace.set("SSL_CERT_FILE", &server.certificate.display().to_string());
    let methods = [
        format!("filesystem_mirror {{\n    path = \"{}\"", mirror.display()),
        format!("network_mirror {{\n    url = \"{}/\"", server.url),
    ];
    for method in methods {
        for left in [".terraform", ".terraform.lock.hcl"] {
            let left = workspace.path().join(left);
            let _ = fs::remove_dir_all(&left).or_else(|_| fs::remove_file(&left));
        }
        workspace.set_cli_configuration(&from(&method))?;
        workspace.write(&SMALL.replace("NAME", "packaged"))?;
        workspace.succeed(&["init", "-no-color", "-input=false"])?;
        let lock = fs::read_to_string(workspace.path().join(".terraform.lock.hcl"))?;
        ensure!(lock.contains("\"h1:"), "{lock}");
        workspace.apply()?;
        workspace.expect_empty_plan()?;
        workspace.destroy()?;
    }
    Ok(())
}

/// Whose key signs.
const KEY_OWNER: &str = "release@openmsk.test";

/// A new key, in a folder of its own.
fn signing_key(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.path().join("keys");
    fs::create_dir(&folder)?;
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
    let mut gpg = Command::new("gpg");
    gpg.env("GNUPGHOME", &folder).args([
        "--batch",
        "--passphrase",
        "",
        "--quick-generate-key",
        KEY_OWNER,
        "rsa2048",
        "sign",
    ]);
    program::succeed(&mut gpg, program::LIMIT)?;
    Ok(folder)
}

/// What a registry asks for is there, and is what it says.
fn expect_release(release: &Path) -> Result<()> {
    let mut check = Command::new("sha256sum");
    check
        .current_dir(release)
        .args(["--check", "--strict", "terraform-provider-msk_0.1.0_SHA256SUMS"]);
    program::succeed(&mut check, program::LIMIT)?;
    let sums = fs::read_to_string(release.join("terraform-provider-msk_0.1.0_SHA256SUMS"))?;
    ensure!(
        sums.contains("_linux_amd64.zip") && sums.contains("_manifest.json"),
        "{sums}"
    );
    let bill: Value = serde_json::from_slice(&fs::read(release.join("terraform-provider-msk_0.1.0_sbom.cdx.json"))?)?;
    let components = bill["components"].as_array().context("components")?;
    let named = |name: &str| components.iter().any(|component| component["name"] == name);
    ensure!(
        named("rustls") && named("kafka-broker") && !named("proptest"),
        "{} components",
        components.len()
    );
    let changes = fs::read_to_string(release.join("CHANGELOG.md"))?;
    ensure!(changes.starts_with("# 0.1.0\n\n* "), "{changes}");
    Ok(())
}

fn expect_signature(release: &Path, key: &Path) -> Result<()> {
    let mut verify = Command::new("gpg");
    verify.env("GNUPGHOME", key).current_dir(release).args([
        "--verify",
        "terraform-provider-msk_0.1.0_SHA256SUMS.sig",
        "terraform-provider-msk_0.1.0_SHA256SUMS",
    ]);
    program::succeed(&mut verify, program::LIMIT)?;
    // The agent that it has started would outlive the test.
    let mut stop = Command::new("gpgconf");
    program::succeed(stop.env("GNUPGHOME", key).args(["--kill", "all"]), program::LIMIT)?;
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
