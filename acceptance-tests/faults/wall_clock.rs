//! The wall clock of brokers and control plane, which jumps: a library that the loader puts before that of C, in a mount namespace of the
//! test's own. Clients keep the right time, as those on other machines do.

use std::{fs, path::PathBuf, process::Command, time::Duration};

use acceptance_tests::{binaries, folder, processes::Process, program};
use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

/// Compiling and mounting take no longer.
const LIMIT: Duration = Duration::from_secs(30);
/// Whose clock it is.
const PROGRAM: &str = "broker-runtime";

/// A wall clock that can be set.
pub struct WallClock {
    folder: TempDir,
}

impl WallClock {
    /// Every program that starts from now on has it. Needs a mount namespace of its own, in which `/etc` is covered.
    pub fn install() -> Result<Self> {
        let clock = Self {
            folder: folder::fresh("om-clock-")?,
        };
        clock.set(0)?;
        let source = binaries::repository().join("acceptance-tests/programs/wall_clock.c");
        let mut compiler = Command::new("cc");
        compiler
            .args(["-shared", "-fPIC", "-O2"])
            .arg(format!("-DPROGRAM=\"{PROGRAM}\""))
            .arg(format!("-DOFFSET_FILE=\"{}\"", clock.offset().display()))
            .arg("-o")
            .arg(clock.library())
            .arg(source);
        program::succeed(&mut compiler, LIMIT).context("compiling the clock")?;
        let cover = "mkdir \"$AT/layers\" && mount -t tmpfs tmpfs \"$AT/layers\" && mkdir \"$AT/layers/upper\" \"$AT/layers/work\" && \
                     mount -t overlay overlay -o \"lowerdir=/etc,upperdir=$AT/layers/upper,workdir=$AT/layers/work\" /etc";
        let mut shell = Command::new("sh");
        shell.args(["-c", cover]).env("AT", clock.folder.path());
        program::succeed(&mut shell, LIMIT).context("covering /etc")?;
        let library = clock.library().display().to_string();
        fs::write("/etc/ld.so.preload", format!("{library}\n"))?;
        Ok(clock)
    }

    /// Sets the clock to the right time and so many seconds more.
    pub fn set(&self, offset_s: i64) -> Result<()> {
        // In place: the file is mapped by those whose clock it is.
        let mut options = fs::OpenOptions::new();
        let file = options.create(true).write(true).truncate(false).open(self.offset())?;
        Ok(std::os::unix::fs::FileExt::write_all_at(
            &file,
            &offset_s.to_ne_bytes(),
            0,
        )?)
    }

    /// These processes have this clock.
    pub fn expect_in(&self, processes: &[Process]) -> Result<()> {
        let library = self.library().display().to_string();
        for process in processes {
            let maps = fs::read_to_string(format!("/proc/{}/maps", process.pid))?;
            ensure!(
                maps.contains(&library),
                "process {:?} has another clock",
                process.arguments
            );
        }
        Ok(())
    }

    fn library(&self) -> PathBuf {
        self.folder.path().join("wall_clock.so")
    }

    fn offset(&self) -> PathBuf {
        self.folder.path().join("offset")
    }
}
