//! An interrupted run leaves no process behind: on SIGINT, SIGTERM and SIGHUP whoever watches ends the programs it has started
//! and all its runtimes before it ends itself.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process,
    sync::Mutex,
    thread,
    time::Duration,
};

use anyhow::{Context, Result};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

use crate::{processes, wait};

/// How long the processes of a runtime may take to end.
const LIMIT: Duration = Duration::from_secs(30);
/// Exit codes of programs that a signal ended begin here.
const SIGNALLED: i32 = 128;

/// Folders of the runtimes that there are.
static FOLDERS: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Remembers the folder of a runtime that has to end with this process.
pub(crate) fn remember(folder: &Path) {
    folders(|all| all.insert(folder.to_owned()));
}

/// Forgets a folder, whose runtime has ended.
pub(crate) fn forget(folder: &Path) {
    folders(|all| all.remove(folder));
}

/// Begins to listen for signals, in a thread of its own.
pub fn watch() -> Result<()> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM]).context("listening for signals")?;
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            eprintln!("interrupted by signal {signal}: ending what was started");
            end_everything();
            process::exit(SIGNALLED + signal);
        }
    });
    Ok(())
}

fn end_everything() {
    // First the programs that would start a runtime anew.
    processes::children().into_iter().for_each(processes::kill);
    for folder in folders(|all| all.clone()) {
        let ended = wait::until("the processes of a test to end", LIMIT, || {
            processes::kill_all(&folder);
            processes::working_in(&folder).is_empty().then_some(())
        });
        if let Err(error) = ended {
            eprintln!("{}: {error:#}", folder.display());
        }
        let _ = fs::remove_dir_all(&folder);
    }
}

fn folders<T>(with: impl FnOnce(&mut BTreeSet<PathBuf>) -> T) -> T {
    with(&mut FOLDERS.lock().expect("nothing panics while it has the folders"))
}
