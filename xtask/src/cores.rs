//! Terraform and OpenTofu, built from the Go module proxy. Both modules have replace directives, which `go install` refuses, so
//! they are built as main modules.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use crate::step;

/// OpenTofu.
const TOFU: Core = Core {
    name: "tofu",
    module: "github.com/opentofu/opentofu",
    version: "v1.12.6",
    package: "./cmd/tofu",
};
/// The newest Terraform: identities, `query` and actions.
const TERRAFORM: Core = Core {
    name: "terraform",
    module: "github.com/hashicorp/terraform",
    version: "v1.16.4",
    package: ".",
};
/// Where Terraform's table of backends is.
const BACKENDS: &str = "internal/backend/init/init.go";

/// A program to build.
struct Core {
    name: &'static str,
    module: &'static str,
    version: &'static str,
    package: &'static str,
}

/// OpenTofu: the one on the `PATH`, else built.
pub fn tofu(cache: &Path) -> Result<PathBuf> {
    let binary = TOFU.binary(cache);
    if binary.is_file() {
        return Ok(binary);
    }
    if let Some(path) = step::find("tofu") {
        return Ok(path);
    }
    let source = TOFU.download(cache)?;
    TOFU.build(cache, &source, &[])
}

/// The newest Terraform, without its backends in clouds: they are modules of their own, which the proxy does not have.
pub fn newest_terraform(cache: &Path) -> Result<PathBuf> {
    let binary = TERRAFORM.binary(cache);
    if binary.is_file() {
        return Ok(binary);
    }
    let source = TERRAFORM.download(cache)?;
    let table = source.join(BACKENDS);
    let without = without_missing_backends(&fs::read_to_string(&table)?, |path| source.join(path).is_dir());
    fs::write(table, without)?;
    let manifest = fs::read_to_string(source.join("go.mod"))?;
    for module in nested_modules(&manifest) {
        let mut edit = step::program(go()?);
        edit.current_dir(&source).args(["mod", "edit"]);
        step::quietly(edit.args(["-dropreplace", module, "-droprequire", module]))?;
    }
    TERRAFORM.build(cache, &source, &["-mod=mod"])
}

fn go() -> Result<PathBuf> {
    step::find("go").context("go is not on the PATH; install Go 1.26 or newer")
}

impl Core {
    fn folder(&self, cache: &Path) -> PathBuf {
        cache.join(format!("{}-{}", self.name, self.version))
    }

    fn binary(&self, cache: &Path) -> PathBuf {
        self.folder(cache).join(self.name)
    }

    /// Its source, in a folder that may be changed.
    fn download(&self, cache: &Path) -> Result<PathBuf> {
        let empty = cache.join("empty");
        fs::create_dir_all(&empty)?;
        let mut download = step::program(go()?);
        download
            .current_dir(&empty)
            .args(["mod", "download", "-json"])
            .arg(format!("{}@{}", self.module, self.version));
        let answer: serde_json::Value = serde_json::from_slice(&step::quietly(&mut download)?.stdout)?;
        let module = answer["Dir"].as_str().context("folder of the module")?;
        let source = self.folder(cache).join("source");
        if source.exists() {
            // Of a build that was cut off.
            fs::remove_dir_all(&source)?;
        }
        fs::create_dir_all(&source)?;
        step::quietly(step::program("cp").args(["-r", &format!("{module}/.")]).arg(&source))?;
        step::quietly(step::program("chmod").args(["-R", "u+w"]).arg(&source))?;
        Ok(source)
    }

    fn build(&self, cache: &Path, source: &Path, flags: &[&str]) -> Result<PathBuf> {
        let binary = self.binary(cache);
        let mut build = step::program(go()?);
        build
            .current_dir(source)
            .args(["build", "-buildvcs=false", "-trimpath", "-ldflags"])
            // Without it the version that it tells ends with -dev.
            .arg(format!("-s -w -X {}/version.dev=no", self.module))
            .args(flags)
            .arg("-o")
            .arg(&binary)
            .arg(self.package);
        step::quietly(build.env("CGO_ENABLED", "0"))?;
        ensure!(binary.is_file(), "the build left no binary");
        fs::remove_dir_all(source)?;
        Ok(binary)
    }
}

/// The table of backends without those whose folder is not `there`: neither their import nor their line.
fn without_missing_backends(table: &str, there: impl Fn(&str) -> bool) -> String {
    let import = |line: &str| {
        let (alias, path) = line.trim().split_once(" \"")?;
        let path = path
            .strip_suffix('"')?
            .strip_prefix("github.com/hashicorp/terraform/")?;
        path.starts_with("internal/backend/remote-state/")
            .then(|| (alias.to_owned(), path.to_owned()))
    };
    let missing: Vec<String> = table
        .lines()
        .filter_map(import)
        .filter(|(_, path)| !there(path))
        .map(|(alias, _)| alias)
        .collect();
    let of_missing = |line: &str| {
        let imported = import(line).is_some_and(|(alias, _)| missing.contains(&alias));
        imported || missing.iter().any(|alias| line.contains(&format!(" {alias}.New(")))
    };
    let kept = table.lines().filter(|line| !of_missing(line));
    kept.flat_map(|line| [line, "\n"]).collect()
}

/// Modules that a manifest replaces by folders of its own.
fn nested_modules(manifest: &str) -> Vec<&str> {
    let replaced = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("replace ")?.split_once(" => ./"));
    replaced.map(|(module, _)| module).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_proxy_does_not_have_is_left_out() {
        let table = "import (\n\tbackendS3 \"github.com/hashicorp/terraform/internal/backend/remote-state/s3\"\n\tbackendHTTP \
                     \"github.com/hashicorp/terraform/internal/backend/remote-state/http\"\n)\n\t\"http\": func() { return \
                     backendHTTP.New() },\n\t\"s3\": func() { return backendS3.New() },\n";
        let kept = without_missing_backends(table, |path| path.ends_with("http"));
        assert!(
            kept.contains("backendHTTP.New()") && !kept.contains("backendS3"),
            "{kept}"
        );
        assert_eq!(kept.lines().count(), table.lines().count() - 2);
        let manifest = "module a\n\nreplace a/internal/b => ./internal/b\n\nreplace c => d v1\n";
        assert_eq!(nested_modules(manifest), ["a/internal/b"]);
    }
}
