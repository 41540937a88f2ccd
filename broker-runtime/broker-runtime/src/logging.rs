//! Where log lines go: standard error, or a file of bounded size for a control plane in the background. A line that cannot be
//! written, because the disk is full for instance, is lost, and nothing else: told of its own errors, tracing would print them to
//! standard error, which is on the same disk, and printing there panics, with the lock of the log in its hands.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Mutex,
};

use anyhow::{Context, Result};
use kafka_broker::loggers::{ApplyFilter, Levels, Loggers};
use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter,
    fmt::{MakeWriter, time::SystemTime},
    util::SubscriberInitExt,
};

/// A log file longer than this is set aside (as `….1`), and the one set aside before is deleted.
pub(crate) const LOG_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Logs to standard error.
pub(crate) fn to_stderr(filter: &str) {
    subscriber(filter, io::stderr).0.init();
}

/// Logs to a file of bounded size.
pub(crate) fn to_file(filter: &str, path: &Path) -> Result<()> {
    subscriber(filter, bounded(path)?).0.init();
    Ok(())
}

/// Logs to a file, or to standard error if there is none, and gives the loggers of a broker, whose levels may change from then on.
pub(crate) fn of_broker(filter: &str, path: Option<&Path>) -> Result<Loggers> {
    let apply = match path {
        Some(path) => installed(subscriber(filter, bounded(path)?)),
        None => installed(subscriber(filter, io::stderr)),
    };
    Ok(Loggers::new(Levels::read(filter, names()), apply))
}

/// Modules that log in a broker's process, and those around them.
fn names() -> impl Iterator<Item = &'static str> {
    include_str!("loggers.txt").lines()
}

fn bounded(path: &Path) -> Result<Mutex<BoundedFile>> {
    let file =
        BoundedFile::open(path, LOG_BYTES_MAX).with_context(|| format!("{} cannot be opened", path.display()))?;
    Ok(Mutex::new(file))
}

fn installed((subscriber, apply): (impl SubscriberInitExt, ApplyFilter)) -> ApplyFilter {
    subscriber.init();
    apply
}

/// Writes lines as the filter says, until another one is applied.
fn subscriber<W>(filter: &str, writer: W) -> (impl Subscriber + Send + Sync, ApplyFilter)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt()
        .with_timer(SystemTime)
        .with_ansi(false)
        .log_internal_errors(false)
        .with_writer(writer)
        .with_env_filter(EnvFilter::new(filter))
        .with_filter_reloading();
    let handle = builder.reload_handle();
    let apply = move |filter: &str| {
        let filter = EnvFilter::try_new(filter).map_err(|error| error.to_string())?;
        handle.reload(filter).map_err(|error| error.to_string())
    };
    (builder.finish(), Box::new(apply))
}

/// A file that is set aside when it has become too long.
pub(crate) struct BoundedFile {
    path: PathBuf,
    file: File,
    length: u64,
    bytes_max: u64,
}

impl BoundedFile {
    pub(crate) fn open(path: &Path, bytes_max: u64) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let length = file.metadata()?.len();
        Ok(Self {
            path: path.to_owned(),
            file,
            length,
            bytes_max,
        })
    }

    fn set_aside(&mut self) -> io::Result<()> {
        let mut old = self.path.as_os_str().to_owned();
        old.push(".1");
        fs::rename(&self.path, old)?;
        *self = Self::open(&self.path, self.bytes_max)?;
        Ok(())
    }
}

impl Write for BoundedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.length > self.bytes_max {
            self.set_aside()?;
        }
        let written = self.file.write(bytes)?;
        self.length += u64::try_from(written).unwrap_or(0);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, sync::Arc};

    use kafka_broker::loggers::LogLevel;

    use super::*;

    #[test]
    fn log_stays_bounded_and_loses_nothing_recent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut file = BoundedFile::open(&path, 100).unwrap();
        for number in 0..100 {
            writeln!(file, "line {number}").unwrap();
        }
        let old = fs::read_to_string(folder.path().join("log.1")).unwrap();
        let new = fs::read_to_string(&path).unwrap();
        assert!(old.len() < 200 && new.len() < 200);
        assert!(format!("{old}{new}").ends_with("line 97\nline 98\nline 99\n"));
    }

    /// Where a test finds what was logged.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_level_that_changes_decides_what_is_logged() {
        let lines = Lines::default();
        let writer = lines.clone();
        let (subscriber, apply) = subscriber("info,kafka_log=warn", move || writer.clone());
        let mut levels = Levels::read("info,kafka_log=warn", names());
        let say = |name: &str| {
            tracing::trace!(target: "kafka_log::log::merge", name, "traced");
            tracing::debug!(target: "kafka_log::log::merge", name, "detailed");
            tracing::info!(target: "kafka_broker::run", name, "told");
        };
        let said = |name: &str| -> Vec<&str> {
            let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
            let of_name = |what: &&str| {
                text.lines()
                    .any(|line| line.contains(&format!("{what} name=\"{name}\"")))
            };
            ["traced", "detailed", "told"].into_iter().filter(of_name).collect()
        };
        tracing::subscriber::with_default(subscriber, || {
            say("before");
            levels.set("kafka_log", LogLevel::Debug);
            apply(&levels.filter()).unwrap();
            say("set");
            levels.set("root", LogLevel::Fatal);
            levels.set("kafka_log.log.merge", LogLevel::Trace);
            apply(&levels.filter()).unwrap();
            say("root");
            levels.unset("kafka_log.log.merge");
            apply(&levels.filter()).unwrap();
            say("unset");
        });
        assert_eq!(said("before"), ["told"]);
        assert_eq!(said("set"), ["detailed", "told"]);
        assert_eq!(said("root"), ["traced", "detailed"]);
        assert!(said("unset").is_empty());
    }

    /// Crates of which there is code in a broker's process, but for this one.
    const CRATES: [&str; 10] = [
        "clock",
        "exporter",
        "exposition",
        "kafka-broker",
        "kafka-client",
        "kafka-codec",
        "kafka-log",
        "kafka-metadata",
        "kms",
        "server-properties",
    ];

    /// Modules that log, and those around them, out of their sources.
    fn modules_that_log(folder: &Path, module: &str, found: &mut BTreeSet<String>) {
        const MACROS: [&str; 5] = ["error!(", "warn!(", "info!(", "debug!(", "trace!("];
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap();
            // Files of handlers are named by the keys of their APIs.
            let name = stem.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '_');
            let inner = match name {
                "tests" => continue,
                "mod" | "lib" => module.to_owned(),
                name => format!("{module}::{name}"),
            };
            if path.is_dir() {
                modules_that_log(&path, &inner, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
                if MACROS.iter().any(|it| code.contains(it)) {
                    let around = inner.match_indices("::").map(|(at, _)| inner[..at].to_owned());
                    found.extend(around.chain([inner.clone()]));
                }
            }
        }
    }

    #[test]
    fn every_module_that_logs_is_a_logger() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut found = BTreeSet::from(["broker_runtime".to_owned()]);
        for name in CRATES {
            modules_that_log(&crates.join(name).join("src"), &name.replace('-', "_"), &mut found);
        }
        let listed: BTreeSet<String> = names().map(str::to_owned).collect();
        assert_eq!(listed, found, "src/loggers.txt has one a line, in order");
    }
}
