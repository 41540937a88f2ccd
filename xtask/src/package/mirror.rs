//! Mirrors: folders that Terraform and OpenTofu install from instead of a registry.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};
use serde_json::json;

use super::{
    archive::{Archive, VERSION},
    platform::Platform,
};

/// The registries that configurations mean when they name none.
pub const HOSTS: [&str; 2] = ["registry.terraform.io", "registry.opentofu.org"];

/// Lays out `HOST` folder `openmsk/msk/VERSION/OS_ARCH/` with the two binaries of `binaries` copied into it.
pub fn unpacked_mirror(binaries: &Path, host: &Path) -> Result<()> {
    let folder = host.join(format!("openmsk/msk/{VERSION}/{}", Platform::here()?));
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

/// Writes a folder that is a packed filesystem mirror as it stands, and a network mirror where a web server serves it.
pub fn write(folder: &Path, archives: &[Archive]) -> Result<()> {
    let mut listed = BTreeMap::new();
    for archive in archives {
        let name = archive
            .path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        listed.insert(
            archive.platform.to_string(),
            json!({ "url": name, "hashes": archive.hashes }),
        );
    }
    for host in HOSTS {
        let provider = folder.join(host).join("openmsk/msk");
        fs::create_dir_all(&provider)?;
        fs::write(
            provider.join("index.json"),
            json!({ "versions": { VERSION: {} } }).to_string(),
        )?;
        fs::write(
            provider.join(format!("{VERSION}.json")),
            json!({ "archives": listed }).to_string(),
        )?;
        for archive in archives {
            let target = provider.join(archive.path.file_name().unwrap_or_default());
            if fs::hard_link(&archive.path, &target).is_err() {
                fs::copy(&archive.path, &target)?;
            }
        }
    }
    Ok(())
}
