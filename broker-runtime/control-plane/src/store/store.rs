//! Transactions over records. A record is a JSON document in the table of its kind, under its key.

use std::{path::Path, time::Duration};

use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

use super::flusher::Flusher;

/// What makes each layout out of the one before; the first makes it out of nothing. A file with a newer layout is refused.
const MIGRATIONS: [&str; 4] = [
    "CREATE TABLE clusters (key TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT;
     CREATE TABLE operations (key TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT;
     CREATE TABLE configurations (key TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT;
     CREATE TABLE creations (key TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT;
     CREATE TABLE secrets (key TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT;",
    "CREATE TABLE access_keys (key TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT;
     CREATE TABLE principals (key TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT;",
    "CREATE TABLE client_authorities (key TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT;",
    "CREATE TABLE hosts (key TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT;
     CREATE TABLE host_tokens (key TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT;",
];
/// Version of the layout.
const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;
/// How long another program may hold the file.
const BUSY_LIMIT: Duration = Duration::from_secs(5);

/// Something the store keeps.
pub(crate) trait Record: Serialize + DeserializeOwned {
    /// Its table.
    const TABLE: &'static str;
    /// What tells it from others.
    fn key(&self) -> String;
}

/// Why the store failed.
#[derive(Debug, Error)]
pub(crate) enum StoreError {
    /// SQLite failed: the disk is full, or the file is damaged.
    #[error("the state database failed")]
    Database(#[from] rusqlite::Error),
    /// A document cannot be read.
    #[error("a record in the state database cannot be read")]
    Document(#[from] serde_json::Error),
    /// What was written may not be on the disk.
    #[error("the state database cannot be written to the disk; the control plane has to be started again")]
    Flush(#[source] std::sync::Arc<std::io::Error>),
    /// There is no copy of what was there, so it is not changed.
    #[error("the state database cannot be copied before its layout is changed")]
    Backup(#[source] std::io::Error),
    /// Written by a newer version.
    #[error(
        "the state database has layout {found}, which is newer than {SCHEMA_VERSION}: use the newer broker-runtime"
    )]
    Newer {
        /// Its layout.
        found: i64,
    },
}

/// What a commit waits for.
#[derive(Clone, Copy)]
enum Commit {
    /// Until it is on disk.
    Flushed,
    /// Until it is in the file of the log, which somebody has to flush.
    Logged,
}

/// The store.
pub(crate) struct Store {
    connection: Mutex<Connection>,
    flusher: Flusher,
}

impl Store {
    /// Opens the file, or makes it.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_LIMIT)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        synchronous(&connection, Commit::Flushed)?;
        let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if found > SCHEMA_VERSION {
            return Err(StoreError::Newer { found });
        }
        migrate(&connection, path, found)?;
        Ok(Self {
            connection: Mutex::new(connection),
            flusher: Flusher::of(path),
        })
    }

    /// Runs `work` in one transaction: all of its writes are on disk when this returns `Ok`, none after an error.
    pub(crate) fn transaction<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        commit(&mut self.connection.lock(), Commit::Flushed, work)
    }

    /// [`Store::transaction`] for what many do at once: one flush is for all that wait for it. Others may see what it has written
    /// before it is on disk; whoever does and writes itself is on disk later than that.
    pub(crate) async fn transaction_together<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let (result, commit) = {
            let mut connection = self.connection.lock();
            (commit(&mut connection, Commit::Logged, work)?, self.flusher.committed())
        };
        self.flusher.flush(commit).await.map_err(StoreError::Flush)?;
        Ok(result)
    }

    /// One record.
    pub(crate) fn get<R: Record>(&self, key: &str) -> Result<Option<R>, StoreError> {
        get(&self.connection.lock(), key)
    }

    /// All records of a kind, by key.
    pub(crate) fn all<R: Record>(&self) -> Result<Vec<R>, StoreError> {
        all(&self.connection.lock())
    }

    /// Gives all records of a kind, by key, to `work`, before which nobody else can change them.
    pub(crate) fn read_all<R: Record>(&self, work: impl FnOnce(Vec<R>)) -> Result<(), StoreError> {
        let connection = self.connection.lock();
        work(all(&connection)?);
        Ok(())
    }
}

/// Says what commits wait for from now on.
fn synchronous(connection: &Connection, commit: Commit) -> Result<(), StoreError> {
    let value = match commit {
        Commit::Flushed => "FULL",
        Commit::Logged => "NORMAL",
    };
    Ok(connection.pragma_update(None, "synchronous", value)?)
}

fn commit<T, E: From<StoreError>>(
    connection: &mut Connection,
    waits: Commit,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
) -> Result<T, E> {
    synchronous(connection, waits)?;
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(StoreError::from)?;
    let transaction = Transaction(transaction);
    let result = work(&transaction)?;
    transaction.0.commit().map_err(StoreError::from)?;
    Ok(result)
}

/// Brings the layout up to date, a version at a time; what was there is kept in a file beside it.
fn migrate(connection: &Connection, path: &Path, found: i64) -> Result<(), StoreError> {
    if (1..SCHEMA_VERSION).contains(&found) {
        let backup = path.with_extension(format!("layout-{found}.db"));
        // One that is there was left by a migration that was cut off: this file has not changed since.
        if !backup.exists() {
            let unfinished = path.with_extension("backup.tmp");
            let _ = std::fs::remove_file(&unfinished);
            copy(connection, &unfinished)?;
            std::fs::rename(&unfinished, &backup).map_err(StoreError::Backup)?;
        }
    }
    for (migration, version) in MIGRATIONS.iter().zip(1_i64..) {
        if version > found {
            connection.execute_batch(&format!("BEGIN; {migration} PRAGMA user_version = {version}; COMMIT;"))?;
        }
    }
    Ok(())
}

/// Writes a consistent copy of a database into a new file, also while a store has it open.
pub(crate) fn copy_file(from: &Path, to: &Path) -> Result<(), StoreError> {
    let connection = Connection::open(from)?;
    connection.busy_timeout(BUSY_LIMIT)?;
    copy(&connection, to)
}

fn copy(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::OpenOptionsExt;
    // SQLite writes into a file that is there and empty; this one is for the user only.
    let mut private = std::fs::OpenOptions::new();
    private
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(StoreError::Backup)?;
    connection.execute("VACUUM INTO ?1", [path.to_string_lossy()])?;
    Ok(())
}

fn get<R: Record>(connection: &Connection, key: &str) -> Result<Option<R>, StoreError> {
    let query = format!("SELECT document FROM {} WHERE key = ?1", R::TABLE);
    let mut statement = connection.prepare_cached(&query)?;
    let text: Option<String> = statement.query_row([key], |row| row.get(0)).optional()?;
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
}

fn all<R: Record>(connection: &Connection) -> Result<Vec<R>, StoreError> {
    let query = format!("SELECT document FROM {} ORDER BY key", R::TABLE);
    let mut statement = connection.prepare_cached(&query)?;
    let mut rows = statement.query([])?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(serde_json::from_str(
            row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?,
        )?);
    }
    Ok(records)
}

/// A transaction under way.
pub(crate) struct Transaction<'a>(rusqlite::Transaction<'a>);

impl Transaction<'_> {
    /// One record.
    pub(crate) fn get<R: Record>(&self, key: &str) -> Result<Option<R>, StoreError> {
        get(&self.0, key)
    }

    /// All records of a kind, by key.
    pub(crate) fn all<R: Record>(&self) -> Result<Vec<R>, StoreError> {
        all(&self.0)
    }

    /// Writes a record over the one with its key.
    pub(crate) fn put<R: Record>(&self, record: &R) -> Result<(), StoreError> {
        let query = format!("INSERT OR REPLACE INTO {} (key, document) VALUES (?1, ?2)", R::TABLE);
        let document = serde_json::to_string(record)?;
        self.0.prepare_cached(&query)?.execute([record.key(), document])?;
        Ok(())
    }

    /// Deletes a record; one that is not there is fine.
    pub(crate) fn delete<R: Record>(&self, key: &str) -> Result<(), StoreError> {
        let query = format!("DELETE FROM {} WHERE key = ?1", R::TABLE);
        self.0.prepare_cached(&query)?.execute([key])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::AccessKeyRecord;

    #[test]
    fn older_layout_is_kept_aside_and_newer_one_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch(&format!("{} PRAGMA user_version = 1;", MIGRATIONS[0]))
            .unwrap();
        connection
            .execute("INSERT INTO secrets VALUES ('one', '{}')", [])
            .unwrap();
        drop(connection);
        let store = Store::open(&path).unwrap();
        assert!(store.all::<AccessKeyRecord>().unwrap().is_empty());
        let kept = Connection::open(folder.path().join("state.layout-1.db")).unwrap();
        let rows: i64 = kept
            .query_row("SELECT count(*) FROM secrets", [], |row| row.get(0))
            .unwrap();
        assert_eq!(rows, 1);
        let newer = SCHEMA_VERSION + 1;
        store
            .connection
            .lock()
            .pragma_update(None, "user_version", newer)
            .unwrap();
        drop(store);
        assert!(matches!(Store::open(&path), Err(StoreError::Newer { found }) if found == newer));
    }
}
