//! A release as the Terraform and OpenTofu registries want it: an archive a platform with the runtime beside the provider in each,
//! their checksums and a signature; what it is made of, what has changed, and a mirror of it.

use std::{
    env,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use clap::Args;

use super::{
    archive::{self, Archive, VERSION},
    bill_of_materials, changelog, mirror,
    platform::Platform,
};
use crate::step;

/// What to package.
#[derive(Args)]
pub struct Options {
    /// Rust's name of a platform to build for, such as aarch64-unknown-linux-gnu; may be repeated. Default: this machine's.
    #[arg(long = "target", value_name = "TRIPLE")]
    targets: Vec<String>,
    /// Folder with the two programs, built for this machine, instead of building them.
    #[arg(long, value_name = "FOLDER", conflicts_with = "targets")]
    binaries: Option<PathBuf>,
    /// Where everything is written. Default: target/package.
    #[arg(long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// GPG key (RSA or DSA, as the registries want) that signs the checksums.
    #[arg(long, value_name = "KEY")]
    sign: Option<String>,
}

/// Builds the `dist` profile where it has to, and writes the release.
pub fn run(options: &Options) -> Result<()> {
    let folder = options.output.clone().unwrap_or_else(|| step::target().join("package"));
    if folder.exists() {
        // What an older release has left must not be taken for a part of this one.
        fs::remove_dir_all(&folder).with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    fs::create_dir_all(&folder)?;
    let mut archives = Vec::new();
    for (platform, binaries) in built(options)? {
        archives.push(step::step(&format!("archive for {platform}"), || {
            archive::write(&folder, &platform, &binaries)
        })?);
    }
    let file = |name: &str| folder.join(format!("terraform-provider-msk_{VERSION}_{name}"));
    let manifest = "{\"version\":1,\"metadata\":{\"protocol_versions\":[\"6.0\"]}}\n";
    fs::write(file("manifest.json"), manifest)?;
    step::step("what it is made of", || {
        bill_of_materials::write(&file("sbom.cdx.json"))
    })?;
    fs::write(folder.join("CHANGELOG.md"), changelog::text(VERSION)?)?;
    let sums = file("SHA256SUMS");
    fs::write(&sums, checksums(&archives, &file("manifest.json"))?)?;
    if let Some(key) = &options.sign {
        step::step("signature", || sign(&sums, key))?;
    }
    step::step("mirror", || mirror::write(&folder.join("mirror"), &archives))?;
    step::say(&format!("\n{}", folder.display()));
    if options.sign.is_none() {
        step::say("The checksums are not signed; registries want --sign KEY.");
    }
    Ok(())
}

/// The platforms, and the folder with the programs of each.
fn built(options: &Options) -> Result<Vec<(Platform, PathBuf)>> {
    if let Some(binaries) = &options.binaries {
        return Ok(vec![(Platform::here()?, binaries.clone())]);
    }
    if options.targets.is_empty() {
        build(&[], None)?;
        return Ok(vec![(Platform::here()?, step::target().join("dist"))]);
    }
    let mut all = Vec::new();
    for target in &options.targets {
        let platform = Platform::of(target)?;
        build(&["--target", target], linker(target)?)
            .with_context(|| format!("{target} cannot be built; `rustup target add {target}` adds its library"))?;
        all.push((platform, step::target().join(target).join("dist")));
    }
    Ok(all)
}

/// Where cargo looks for the linker of another architecture's Linux, and the one that distributions have for it; `None` where
/// cargo's own choice is right, or somebody has made one.
fn linker(target: &str) -> Result<Option<(String, PathBuf)>> {
    let Some((machine, "unknown-linux-gnu")) = target.split_once('-') else {
        return Ok(None);
    };
    let variable = format!("CARGO_TARGET_{}_LINKER", target.to_uppercase().replace('-', "_"));
    if machine == env::consts::ARCH || env::var_os(&variable).is_some() {
        return Ok(None);
    }
    let program = format!("{machine}-linux-gnu-gcc");
    let found = step::find(&program).with_context(|| {
        format!("{program} is not on the PATH; install gcc-{machine}-linux-gnu, or name another linker in {variable}")
    })?;
    Ok(Some((variable, found)))
}

fn build(arguments: &[&str], linker: Option<(String, PathBuf)>) -> Result<()> {
    step::step("build for release", || {
        let mut build = step::program("cargo");
        build.args(["build", "--quiet", "--profile", "dist"]);
        build.args(["-p", "broker-runtime", "-p", "terraform-provider-msk"]);
        build.envs(linker);
        step::quietly(build.args(arguments)).map(drop)
    })
}

/// As `sha256sum` writes them.
fn checksums(archives: &[Archive], manifest: &Path) -> Result<String> {
    let mut text = String::new();
    let archives = archives.iter().map(|archive| archive.path.as_path());
    for file in archives.chain([manifest]) {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        writeln!(text, "{}  {name}", archive::sha256(&fs::read(file)?))?;
    }
    Ok(text)
}

/// A detached, binary signature beside the file.
fn sign(sums: &Path, key: &str) -> Result<()> {
    let gpg = step::find("gpg").context("gpg is not on the PATH; install GnuPG, or leave --sign out")?;
    let mut command = step::program(gpg);
    command.args(["--batch", "--yes", "--local-user", key, "--detach-sign"]);
    step::quietly(command.arg(sums))?;
    let signature = PathBuf::from(format!("{}.sig", sums.display()));
    ensure!(signature.is_file(), "gpg has written no {}", signature.display());
    Ok(())
}
