//! Platforms in the words of the registries, which are Go's.

use std::{env::consts, fmt};

use anyhow::{Result, bail};

/// `OS_ARCH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// Such as `linux`.
    pub system: &'static str,
    /// Such as `amd64`.
    pub machine: &'static str,
}

impl Platform {
    /// This machine's.
    pub fn here() -> Result<Self> {
        Self::named(consts::OS, consts::ARCH)
    }

    /// The platform of a Rust target, such as `aarch64-unknown-linux-gnu`.
    pub fn of(target: &str) -> Result<Self> {
        let machine = target.split('-').next().unwrap_or_default();
        let systems = ["linux", "darwin", "freebsd"];
        match systems
            .into_iter()
            .find(|system| target.split('-').any(|part| part == *system))
        {
            Some(system) => Self::named(system, machine),
            None => bail!("no registry name is known for the system of {target}"),
        }
    }

    fn named(system: &str, machine: &str) -> Result<Self> {
        let system = match system {
            "linux" => "linux",
            "macos" | "darwin" => "darwin",
            "freebsd" => "freebsd",
            other => bail!("no registry name is known for the system {other}"),
        };
        let machine = match machine {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => bail!("no registry name is known for the architecture {other}"),
        };
        Ok(Self { system, machine })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}_{}", self.system, self.machine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_have_gos_names() {
        let name = |target: &str| Platform::of(target).map(|platform| platform.to_string()).ok();
        assert_eq!(name("aarch64-unknown-linux-gnu").as_deref(), Some("linux_arm64"));
        assert_eq!(name("x86_64-unknown-linux-musl").as_deref(), Some("linux_amd64"));
        assert_eq!(name("aarch64-apple-darwin").as_deref(), Some("darwin_arm64"));
        assert_eq!(name("wasm32-unknown-unknown"), None);
    }
}
