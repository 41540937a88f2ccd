//! A file system of this machine as a whole.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use rustix::{fs as sys, system::uname};

use super::FileSystem;

/// The first kernel whose `syncfs` tells of writes that failed (syncfs(2), "ERRORS").
const TELLS_OF_ERRORS: (u32, u32) = (5, 8);

/// Kinds of file systems (`f_type` of statfs(2)) whose `syncfs` ends when everything is on the medium. Of others, such as those of
/// user space and of the network, that is not known.
const KINDS: [(&str, u64); 5] = [
    ("ext4", 0xef53),
    ("xfs", 0x5846_5342),
    ("btrfs", 0x9123_683e),
    ("f2fs", 0xf2f5_2010),
    ("tmpfs", 0x0102_1994),
];

/// An open directory of the file system: the kernel tells of each failed write once to each that was open before it.
#[derive(Debug)]
pub(super) struct WholeDisk(File);

impl WholeDisk {
    /// `None` where its word cannot be relied on.
    pub(super) fn of(path: &Path) -> io::Result<Option<Self>> {
        if kernel_version(&uname().release().to_string_lossy()).is_none_or(|version| version < TELLS_OF_ERRORS) {
            return Ok(None);
        }
        let directory = File::open(path)?;
        // The type of the field differs between machines, the numbers are of 32 bits.
        let kind = u64::try_from(sys::fstatfs(&directory)?.f_type).unwrap_or_default() & 0xffff_ffff;
        let known = KINDS.iter().any(|(_, known)| *known == kind);
        Ok(known.then_some(Self(directory)))
    }
}

impl FileSystem for WholeDisk {
    fn dirty_bytes(&self) -> io::Result<u64> {
        let text = fs::read_to_string("/proc/meminfo")?;
        dirty_bytes(&text).ok_or_else(|| io::Error::other("/proc/meminfo does not say how much is dirty"))
    }

    fn sync(&self) -> io::Result<()> {
        Ok(sys::syncfs(&self.0)?)
    }
}

/// `6.18.0-generic` is (6, 18).
fn kernel_version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|it: char| !it.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// Dirty pages and those that are being written, of `/proc/meminfo`.
fn dirty_bytes(meminfo: &str) -> Option<u64> {
    let kibibytes = |name: &str| -> Option<u64> {
        let value = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
        value.trim().strip_suffix("kB")?.trim().parse().ok()
    };
    Some((kibibytes("Dirty:")? + kibibytes("Writeback:")?) * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_kernels_are_read() {
        assert_eq!(kernel_version("6.18.5-arch1"), Some((6, 18)));
        assert_eq!(kernel_version("5.4.0-1103-aws"), Some((5, 4)));
        assert_eq!(kernel_version("unknown"), None);
    }

    #[test]
    fn dirty_pages_are_counted() {
        let text = "Active: 7 kB\nDirty:             1024 kB\nWriteback:             8 kB\nWritebackTmp: 3 kB\n";
        assert_eq!(dirty_bytes(text), Some(1032 * 1024));
        assert_eq!(dirty_bytes("Dirty: 3 kB\n"), None);
    }

    #[test]
    fn file_system_of_a_directory_is_synced_where_it_is_a_known_one() {
        let folder = tempfile::tempdir().unwrap();
        if let Some(disk) = WholeDisk::of(folder.path()).unwrap() {
            disk.sync().unwrap();
            disk.dirty_bytes().unwrap();
        }
        // That of the kernel's own files is none of these.
        assert!(WholeDisk::of(Path::new("/proc")).unwrap().is_none());
    }
}
