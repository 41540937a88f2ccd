//! The archive of one platform, and the hashes that lock files know it by.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::STANDARD};
use ring::digest::{SHA256, digest};

use super::platform::Platform;
use crate::step;

/// Version of everything in the workspace.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// An archive that is written.
pub struct Archive {
    /// Where it is.
    pub path: PathBuf,
    /// What it is for.
    pub platform: Platform,
    /// `h1:…`, of its files, and `zh:…`, of itself: the two that lock files hold.
    pub hashes: [String; 2],
}

/// Packs the two programs of `binaries` and the licence. The provider finds the runtime beside itself.
pub fn write(folder: &Path, platform: &Platform, binaries: &Path) -> Result<Archive> {
    let staging = folder.join("staging");
    fs::create_dir_all(&staging)?;
    let programs = [
        ("terraform-provider-msk", format!("terraform-provider-msk_v{VERSION}")),
        ("broker-runtime", "broker-runtime".to_owned()),
    ];
    for (binary, name) in &programs {
        let from = binaries.join(binary);
        fs::copy(&from, staging.join(name)).with_context(|| format!("{} is missing", from.display()))?;
    }
    fs::copy(step::repository().join("LICENSE"), staging.join("LICENSE"))?;
    let mut names = vec!["LICENSE".to_owned()];
    names.extend(programs.map(|(_, name)| name));
    names.sort();
    let path = folder.join(format!("terraform-provider-msk_{VERSION}_{platform}.zip"));
    let python = step::find("python3").context("python3, which writes the archive, is not on the PATH")?;
    let mut zip = step::program(python);
    zip.current_dir(&staging).args(["-m", "zipfile", "-c"]).arg(&path);
    step::quietly(zip.args(&names))?;
    let files = names
        .iter()
        .map(|name| Ok((name.as_str(), sha256(&fs::read(staging.join(name))?))))
        .collect::<Result<Vec<_>>>()?;
    let hashes = [of_files(&files), format!("zh:{}", sha256(&fs::read(&path)?))];
    fs::remove_dir_all(staging)?;
    Ok(Archive {
        path,
        platform: platform.clone(),
        hashes,
    })
}

/// In hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in digest(&SHA256, bytes).as_ref() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Go's hash of a directory, version 1: names in order, each with the hash of its file.
fn of_files(files: &[(&str, String)]) -> String {
    let lines: String = files.iter().map(|(name, hash)| format!("{hash}  {name}\n")).collect();
    format!("h1:{}", STANDARD.encode(digest(&SHA256, lines.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_go() {
        assert_eq!(
            sha256(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        // Of nothing: what golang.org/x/mod/sumdb/dirhash answers for an empty list.
        assert_eq!(of_files(&[]), "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }
}
