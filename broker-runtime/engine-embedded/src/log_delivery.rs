//! Delivery of a broker's log to a directory, as MSK does it to a bucket: compressed objects, a folder an hour,
//! `2026-11-28-10/Broker-1_10-22_5b17f696.log.gz`. Each line is delivered once, whatever is killed in between: what an object
//! is to hold is written down before it is written, and its name stays the same until it is.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use engine::EngineError;
use flate2::{Compression, write::GzEncoder};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use cluster_files::durable_file::{self, Readers, file_error};

/// Bytes of log that one object holds at most.
const OBJECT_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Of a broker whose log is delivered.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The broker.
    pub(crate) broker_id: i32,
    /// Its log. What was set aside of it has `.1` at its end.
    pub(crate) log: PathBuf,
    /// Where it is written down what has been delivered.
    pub(crate) state: PathBuf,
}

/// What has been delivered.
#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    /// The file that was read last.
    file: Option<FileId>,
    /// Everything of it before this has been delivered.
    offset: u64,
    /// The object that is being written.
    #[serde(default)]
    pending: Option<Pending>,
}

/// An object and the end of what it holds; that begins at the offset.
#[derive(Debug, Serialize, Deserialize)]
struct Pending {
    object: PathBuf,
    end: u64,
}

/// A file, under whatever name. Numbers of inodes come again, so the time of creation belongs to it where it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FileId {
    inode: u64,
    created_ns: Option<u64>,
}

/// A log file that is there.
struct Found {
    id: FileId,
    file: File,
    length: u64,
    /// It was set aside: nothing is added to it any more.
    complete: bool,
}

/// Delivers the lines that have not been delivered yet to `target`; gives the number of objects.
pub(crate) fn deliver(source: &Source, target: &Path, now_ms: i64) -> Result<usize, EngineError> {
    let failed = |error| file_error("delivered", &source.log, error);
    let mut state: State = durable_file::read(&source.state)?
        .and_then(|text| serde_json::from_slice(&text).ok())
        .unwrap_or_default();
    let mut objects = 0;
    loop {
        let mut found = find(&source.log).map_err(failed)?;
        if let Some(pending) = state.pending.take() {
            // A file that is gone by now took its lines with it.
            if let Some(found) = found.iter_mut().find(|found| Some(found.id) == state.file) {
                let text = read(found, state.offset, pending.end).map_err(failed)?;
                write_object(&target.join(&pending.object), &text)?;
                objects += 1;
            }
            state.offset = pending.end;
            save(&source.state, &state)?;
        }
        let Some((id, offset, end)) = next(&state, &mut found).map_err(failed)? else {
            return Ok(objects);
        };
        state = State {
            file: Some(id),
            offset,
            pending: Some(Pending {
                object: object_name(source.broker_id, id, offset, now_ms),
                end,
            }),
        };
        save(&source.state, &state)?;
    }
}

fn save(path: &Path, state: &State) -> Result<(), EngineError> {
    let text = serde_json::to_vec(state).expect("a structure of texts and numbers is serialisable");
    durable_file::replace(path, &text, Readers::User)
}

/// The log and what was set aside of it, the older first.
fn find(log: &Path) -> io::Result<Vec<Found>> {
    let mut old = log.as_os_str().to_owned();
    old.push(".1");
    let mut found = Vec::new();
    for (path, complete) in [(Path::new(&old), true), (log, false)] {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let metadata = file.metadata()?;
        let created = metadata.created().ok();
        let created = created.and_then(|created| created.duration_since(UNIX_EPOCH).ok());
        found.push(Found {
            id: FileId {
                inode: metadata.ino(),
                created_ns: created.and_then(|created| u64::try_from(created.as_nanos()).ok()),
            },
            length: metadata.len(),
            file,
            complete,
        });
    }
    Ok(found)
}

/// What comes next: a file, and from where to where in it.
fn next(state: &State, found: &mut [Found]) -> io::Result<Option<(FileId, u64, u64)>> {
    // Where the file that was read last is gone, everything that is there is new.
    let first = found.iter().position(|found| Some(found.id) == state.file);
    for (index, found) in found.iter_mut().enumerate().skip(first.unwrap_or(0)) {
        let offset = if Some(index) == first && state.offset <= found.length {
            state.offset
        } else {
            0
        };
        let end = offset + whole_lines(found, offset)?;
        if end > offset {
            return Ok(Some((found.id, offset, end)));
        }
    }
    Ok(None)
}

/// Bytes from `offset` up to the end of the last line that fits into an object and that nothing is added to any more.
fn whole_lines(found: &mut Found, offset: u64) -> io::Result<u64> {
    let length = found.length.saturating_sub(offset).min(OBJECT_BYTES_MAX);
    let all = offset + length == found.length;
    if found.complete && all || length == 0 {
        return Ok(length);
    }
    let text = read(found, offset, offset + length)?;
    let lines = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    // A line that is longer than an object is cut.
    let lines = if lines == 0 && !all { text.len() } else { lines };
    Ok(lines as u64)
}

fn read(found: &mut Found, offset: u64, end: u64) -> io::Result<Vec<u8>> {
    found.file.seek(SeekFrom::Start(offset))?;
    let mut text = Vec::new();
    Read::by_ref(&mut found.file)
        .take(end.saturating_sub(offset))
        .read_to_end(&mut text)?;
    Ok(text)
}

fn write_object(path: &Path, text: &[u8]) -> Result<(), EngineError> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let compressed = encoder.write_all(text).and_then(|()| encoder.finish());
    let compressed = compressed.map_err(|source| file_error("compressed", path, source))?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|source| file_error("created", folder, source))?;
    }
    durable_file::replace(path, &compressed, Readers::All)
}

fn object_name(broker_id: i32, id: FileId, offset: u64, now_ms: i64) -> PathBuf {
    let now = Timestamp::from_millisecond(now_ms).unwrap_or_default();
    let place = format!("{} {:?} {offset}", id.inode, id.created_ns);
    let mut hash = Uuid::new_v5(&Uuid::NAMESPACE_OID, place.as_bytes())
        .simple()
        .to_string();
    hash.truncate(8);
    PathBuf::from(now.strftime("%Y-%m-%d-%H").to_string())
        .join(format!("Broker-{broker_id}_{}_{hash}.log.gz", now.strftime("%H-%M")))
}

#[cfg(test)]
mod tests {
    use flate2::read::GzDecoder;

    use super::*;

    const NOW_MS: i64 = 1_795_861_328_000;

    struct Stage {
        folder: tempfile::TempDir,
        source: Source,
    }

    impl Stage {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let source = Source {
                broker_id: 1,
                log: folder.path().join("broker.log"),
                state: folder.path().join("delivered.json"),
            };
            Self { folder, source }
        }

        fn target(&self) -> PathBuf {
            self.folder.path().join("bucket")
        }

        fn append(&self, text: &str) {
            let mut file = File::options()
                .create(true)
                .append(true)
                .open(&self.source.log)
                .unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }

        fn set_aside(&self) {
            fs::rename(&self.source.log, self.folder.path().join("broker.log.1")).unwrap();
        }

        fn deliver(&self, now_ms: i64) -> usize {
            deliver(&self.source, &self.target(), now_ms).unwrap()
        }

        /// Objects in the order of their names, with their texts.
        fn objects(&self) -> Vec<(String, String)> {
            let mut all = Vec::new();
            for hour in fs::read_dir(self.target()).into_iter().flatten().flatten() {
                for object in fs::read_dir(hour.path()).unwrap().flatten() {
                    let mut text = String::new();
                    let file = File::open(object.path()).unwrap();
                    GzDecoder::new(file).read_to_string(&mut text).unwrap();
                    let (hour, name) = (hour.file_name(), object.file_name());
                    all.push((format!("{}/{}", hour.display(), name.display()), text));
                }
            }
            all.sort();
            all
        }

        fn text(&self) -> String {
            self.objects().into_iter().map(|(_, text)| text).collect()
        }
    }

    #[test]
    fn whole_lines_are_delivered_once() {
        let stage = Stage::new();
        assert_eq!(stage.deliver(NOW_MS), 0, "there is no log yet");
        stage.append("one\ntwo\nthr");
        assert_eq!(stage.deliver(NOW_MS), 1);
        let (name, text) = stage.objects().remove(0);
        assert!(
            name.starts_with("2026-11-28-10/Broker-1_10-22_") && name.ends_with(".log.gz"),
            "{name}"
        );
        assert_eq!(text, "one\ntwo\n");
        assert_eq!(stage.deliver(NOW_MS), 0);
        stage.append("ee\n");
        assert_eq!(stage.deliver(NOW_MS + 60_000), 1);
        assert_eq!(stage.text(), "one\ntwo\nthree\n");
    }

    #[test]
    fn log_that_was_set_aside_is_delivered_to_its_end_first() {
        let stage = Stage::new();
        stage.append("one\n");
        stage.deliver(NOW_MS);
        stage.append("two\nlast words");
        stage.set_aside();
        stage.append("three\n");
        assert_eq!(stage.deliver(NOW_MS + 60_000), 2);
        let texts: Vec<String> = stage.objects().into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts.len(), 3);
        for text in ["one\n", "two\nlast words", "three\n"] {
            assert!(texts.iter().any(|it| it == text), "{texts:?}");
        }
        assert_eq!(stage.deliver(NOW_MS + 120_000), 0);
    }

    #[test]
    fn object_that_was_begun_is_finished_under_its_name() {
        let stage = Stage::new();
        stage.append("one\n");
        // The target cannot be written to: what was to be done is kept.
        fs::write(stage.target(), "").unwrap();
        deliver(&stage.source, &stage.target(), NOW_MS).unwrap_err();
        fs::remove_file(stage.target()).unwrap();
        stage.append("two\n");
        assert_eq!(stage.deliver(NOW_MS + 3_600_000), 2);
        let objects = stage.objects();
        assert!(objects[0].0.starts_with("2026-11-28-10/"), "{objects:?}");
        assert_eq!(objects[0].1, "one\n");
        assert!(objects[1].0.starts_with("2026-11-28-11/"), "{objects:?}");
        assert_eq!(objects[1].1, "two\n");
    }
}
