//! `cargo xtask package`: archives as the Terraform and OpenTofu registries want them, with the runtime beside the
//! provider in each, and the same layout unpacked for a filesystem mirror.

use std::{
    env::consts,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::step;

/// Version of everything in the workspace.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Builds the `dist` profile and writes `target/package/`.
pub fn run() -> Result<()> {
    step::step("build for release", || {
        let mut build = step::program("cargo");
        build.args([
            "build",
            "--quiet",
            "--profile",
            "dist",
            "-p",
            "broker-runtime",
            "-p",
            "terraform-provider-msk",
        ]);
        step::quietly(&mut build).map(drop)
    })?;
    let folder = step::target().join("package");
    fs::create_dir_all(&folder)?;
    let archive = step::step("archive", || archive(&folder))?;
    step::step("manifest and checksums", || checksums(&folder, &archive))?;
    step::say(&format!(
        "\n{}\nSign the SHA256SUMS file with a GPG key (RSA or DSA) before publishing.",
        folder.display()
    ));
    Ok(())
}

/// Lays out `HOST` folder `openmsk/msk/VERSION/OS_ARCH/` with the two binaries of `binaries` linked or copied into it.
pub fn unpacked_mirror(binaries: &Path, host: &Path) -> Result<()> {
    let folder = host.join(format!("openmsk/msk/{VERSION}/{}", platform()?));
    fs::create_dir_all(&folder)?;
    for (binary, name) in [
        ("terraform-provider-msk", format!("terraform-provider-msk_v{VERSION}")),
        ("broker-runtime", "broker-runtime".into()),
    ] {
        let target = folder.join(name);
        // A running program cannot be overwritten, but it can be replaced.
        let fresh = target.with_extension("new");
        fs::copy(binaries.join(binary), &fresh).with_context(|| format!("{binary} is not built"))?;
        fs::rename(fresh, target)?;
    }
    Ok(())
}

/// `OS_ARCH` in Go's words.
fn platform() -> Result<String> {
    let system = match consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let machine = match consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => bail!("no registry name is known for the architecture {other}"),
    };
    Ok(format!("{system}_{machine}"))
}

fn archive(folder: &Path) -> Result<PathBuf> {
    let staging = folder.join("staging");
    unpacked_mirror(&step::target().join("dist"), &staging)?;
    let name = format!("terraform-provider-msk_{VERSION}_{}.zip", platform()?);
    let archive = folder.join(&name);
    let content = staging.join(format!("openmsk/msk/{VERSION}/{}", platform()?));
    fs::copy(step::repository().join("LICENSE"), content.join("LICENSE"))?;
    let mut zip = step::program("python3");
    zip.current_dir(&content).args(["-m", "zipfile", "-c"]).arg(&archive);
    step::quietly(zip.args([
        &format!("terraform-provider-msk_v{VERSION}"),
        "broker-runtime",
        "LICENSE",
    ]))
    .context("python3 writes the archive")?;
    fs::remove_dir_all(staging)?;
    Ok(archive)
}

fn checksums(folder: &Path, archive: &Path) -> Result<()> {
    let manifest = folder.join(format!("terraform-provider-msk_{VERSION}_manifest.json"));
    fs::write(
        &manifest,
        "{\"version\":1,\"metadata\":{\"protocol_versions\":[\"6.0\"]}}\n",
    )?;
    let mut text = String::new();
    for file in [archive, &manifest] {
        let digest = ring::digest::digest(&ring::digest::SHA256, &fs::read(file)?);
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        digest.as_ref().iter().try_for_each(|byte| write!(text, "{byte:02x}"))?;
        writeln!(text, "  {name}")?;
    }
    Ok(fs::write(
        folder.join(format!("terraform-provider-msk_{VERSION}_SHA256SUMS")),
        text,
    )?)
}
