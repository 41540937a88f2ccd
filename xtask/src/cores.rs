//! Terraform and OpenTofu, built from the Go module proxy. Both modules have replace directives, which `go install` refuses, so
//! they are built as main modules; and without what speaks to clouds, which is a third of what is to be compiled and no test uses.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use crate::{step, tools};

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
/// Where the table of backends is, of both.
const BACKENDS: &str = "internal/backend/init/init.go";
/// The backends for states elsewhere that need nothing of a cloud.
const KEPT_BACKENDS: [&str; 2] = ["http", "inmem"];
/// Where OpenTofu's table of what encrypts states is.
const KEY_PROVIDERS: &str = "internal/encryption/default_registry.go";
/// Those of them that are of a cloud.
const CLOUD_KEY_PROVIDERS: [&str; 3] = ["aws_kms", "azure_vault", "gcp_kms"];

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
    edit(&source.join(BACKENDS), without_cloud_backends)?;
    edit(&source.join(KEY_PROVIDERS), |table| {
        without_imports(table, |path| CLOUD_KEY_PROVIDERS.contains(&last_of(path)))
    })?;
    TOFU.build(cache, &source, &[])
}

/// The newest Terraform. Its backends in clouds are modules of their own, which the proxy does not have.
pub fn newest_terraform(cache: &Path) -> Result<PathBuf> {
    let binary = TERRAFORM.binary(cache);
    if binary.is_file() {
        return Ok(binary);
    }
    let source = TERRAFORM.download(cache)?;
    edit(&source.join(BACKENDS), without_cloud_backends)?;
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
            .args(["build", "-buildvcs=false", tools::SHARED, "-ldflags"])
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

fn edit(path: &Path, change: impl Fn(&str) -> String) -> Result<()> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(fs::write(path, change(&text))?)
}

fn without_cloud_backends(table: &str) -> String {
    let remote = |path: &str| path.contains("/internal/backend/remote-state/");
    let kept = |path: &str| KEPT_BACKENDS.contains(&last_of(path));
    without_imports(table, |path| remote(path) && !kept(path))
}

/// A file in Go without the packages of whose import path `unwanted` says so: neither their imports nor the lines that make something
/// of them, with the block of a line that opens one.
fn without_imports(source: &str, unwanted: impl Fn(&str) -> bool) -> String {
    let import = |line: &str| {
        let (alias, path) = line.trim().strip_suffix('"')?.split_once('"')?;
        let alias = Some(alias.trim()).filter(|alias| !alias.is_empty());
        unwanted(path).then(|| alias.unwrap_or_else(|| last_of(path)).to_owned())
    };
    let names: Vec<String> = source.lines().filter_map(import).collect();
    let makes_one = |line: &str| {
        let before = |name: &String| line.split_once(&format!("{name}.New(")).map(|(before, _)| before);
        let mut before = names.iter().filter_map(before);
        before.any(|before| before.ends_with([' ', '(']))
    };
    let (mut kept, mut in_block) = (String::new(), false);
    for line in source.lines() {
        let left_out = in_block || import(line).is_some() || makes_one(line);
        in_block = if in_block {
            line.trim() != "}"
        } else {
            left_out && line.ends_with('{')
        };
        if !left_out {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

fn last_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
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
    fn what_is_of_a_cloud_is_left_out() {
        let table = "import (\n\tbackendS3 \"github.com/hashicorp/terraform/internal/backend/remote-state/s3\"\n\tbackendHTTP \
                     \"github.com/hashicorp/terraform/internal/backend/remote-state/http\"\n)\n\t\"http\": func() { return \
                     backendHTTP.New() },\n\t\"s3\": func() { return backendS3.New() },\n";
        let kept = without_cloud_backends(table);
        assert!(
            kept.contains("backendHTTP.New()") && !kept.contains("backendS3"),
            "{kept}"
        );
        assert_eq!(kept.lines().count(), table.lines().count() - 2);
    }

    #[test]
    fn a_block_goes_with_the_line_that_opens_it() {
        let registry = "import (\n\t\"example.com/aws_kms\"\n\t\"example.com/pbkdf2\"\n)\n\tif err := register(aws_kms.New()); err != nil \
                        {\n\t\tpanic(err)\n\t}\n\tif err := register(pbkdf2.New()); err != nil {\n\t\tpanic(err)\n\t}\n";
        let kept = without_imports(registry, |path| last_of(path) == "aws_kms");
        let wanted = "import (\n\t\"example.com/pbkdf2\"\n)\n\tif err := register(pbkdf2.New()); err != nil {\n\t\tpanic(err)\n\t}\n";
        assert_eq!(kept, wanted);
    }

    #[test]
    fn modules_of_its_own_are_found() {
        let manifest = "module a\n\nreplace a/internal/b => ./internal/b\n\nreplace c => d v1\n";
        assert_eq!(nested_modules(manifest), ["a/internal/b"]);
    }
}
