//! Kafka's checkpoint files: a version, a count, and that many lines. They are replaced as a whole, so that a crash
//! leaves the old or the new one (`org.apache.kafka.server.common.CheckpointFile`).

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use crate::{LogDirError, storage::Storage};

/// Offsets by topic and partition.
pub(crate) type PartitionOffsets = BTreeMap<(String, i32), i64>;

/// Replaces a file: writes another one, flushes it, renames it, and flushes the directory. Without `sync` the order is
/// the same, but a power failure may leave either file or an empty one.
pub(crate) fn replace_file(storage: &dyn Storage, path: &Path, bytes: &[u8], sync: bool) -> io::Result<()> {
    let mut temporary = PathBuf::from(path).into_os_string();
    temporary.push(".tmp");
    let temporary = PathBuf::from(temporary);
    storage.write(&temporary, bytes, sync)?;
    storage.rename(&temporary, path)?;
    match path.parent() {
        Some(parent) if sync => storage.sync_dir(parent),
        _ => Ok(()),
    }
}

/// Reads a text file; `None` when there is none.
pub(crate) fn read_text(storage: &dyn Storage, path: &Path) -> Result<Option<String>, LogDirError> {
    let malformed = |reason: &str| LogDirError::Malformed {
        path: path.to_owned(),
        reason: reason.to_owned(),
    };
    match storage.read(path) {
        Ok(bytes) => String::from_utf8(bytes)
            .map(Some)
            .map_err(|_| malformed("it is not UTF-8")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(LogDirError::storage(path, error)),
    }
}

/// Lines with version and count in front.
pub(crate) fn format_lines(lines: impl ExactSizeIterator<Item = String>) -> String {
    let mut text = format!("0\n{}\n", lines.len());
    for line in lines {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// The lines of a checkpoint; an error says what is wrong.
pub(crate) fn parse_lines(text: &str) -> Result<Vec<&str>, String> {
    let mut lines = text.lines();
    if lines.next() != Some("0") {
        return Err("its version is not 0".to_owned());
    }
    let count: usize = lines
        .next()
        .and_then(|count| count.parse().ok())
        .ok_or("it has no number of entries")?;
    let lines: Vec<&str> = lines.collect();
    if lines.len() == count {
        Ok(lines)
    } else {
        Err(format!("it has {} of {count} entries", lines.len()))
    }
}

/// Writes a file of offsets by partition.
pub(crate) fn write_offsets(storage: &dyn Storage, path: &Path, offsets: &PartitionOffsets) -> io::Result<()> {
    let lines = offsets
        .iter()
        .map(|((topic, partition), offset)| format!("{topic} {partition} {offset}"));
    let text = format_lines(lines.collect::<Vec<_>>().into_iter());
    replace_file(storage, path, text.as_bytes(), true)
}

/// Reads a file of offsets by partition; empty when there is none.
pub(crate) fn read_offsets(storage: &dyn Storage, path: &Path) -> Result<PartitionOffsets, LogDirError> {
    let malformed = |reason: String| LogDirError::Malformed {
        path: path.to_owned(),
        reason,
    };
    let Some(text) = read_text(storage, path)? else {
        return Ok(PartitionOffsets::new());
    };
    let mut offsets = PartitionOffsets::new();
    for line in parse_lines(&text).map_err(malformed)? {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let entry = match fields[..] {
            [topic, partition, offset] => partition
                .parse()
                .ok()
                .zip(offset.parse().ok())
                .map(|pair| (topic, pair)),
            _ => None,
        };
        let (topic, (partition, offset)) = entry.ok_or_else(|| malformed(format!("line {line:?} is no entry")))?;
        offsets.insert((topic.to_owned(), partition), offset);
    }
    Ok(offsets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Disk;

    #[test]
    fn offsets_make_the_round_trip() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("recovery-point-offset-checkpoint");
        assert!(read_offsets(&Disk, &path).unwrap().is_empty());
        let offsets = PartitionOffsets::from([(("orders".to_owned(), 0), 7), (("orders".to_owned(), 11), 1 << 40)]);
        write_offsets(&Disk, &path, &offsets).unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "0\n2\norders 0 7\norders 11 1099511627776\n"
        );
        assert_eq!(read_offsets(&Disk, &path).unwrap(), offsets);
    }

    #[test]
    fn torn_and_foreign_files_are_malformed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("checkpoint");
        for text in [
            "",
            "1\n0\n",
            "0\n",
            "0\n2\nt 0 1\n",
            "0\n1\nt 0\n",
            "0\n1\nt x 1\n",
            "0\n-1\n",
        ] {
            std::fs::write(&path, text).unwrap();
            assert!(
                matches!(read_offsets(&Disk, &path), Err(LogDirError::Malformed { .. })),
                "{text:?}"
            );
        }
    }
}
