//! Transactions over records. A record is a JSON document in the table of its kind, under its key.

use std::{path::Path, time::Duration};

use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

/// Version of the layout; a file with a newer one is refused.
const SCHEMA_VERSION: i64 = 1;
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
    /// Written by a newer version.
    #[error(
        "the state database has layout {found}, which is newer than {SCHEMA_VERSION}: use the newer broker-runtime"
    )]
    Newer {
        /// Its layout.
        found: i64,
    },
}

/// The store.
pub(crate) struct Store {
    connection: Mutex<Connection>,
}

impl Store {
    /// Opens the file, or makes it.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_LIMIT)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if found > SCHEMA_VERSION {
            return Err(StoreError::Newer { found });
        }
        connection.execute_batch(
            "BEGIN;
             CREATE TABLE IF NOT EXISTS clusters (key TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT;
             CREATE TABLE IF NOT EXISTS operations (key TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT;
             CREATE TABLE IF NOT EXISTS configurations (key TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT;
             CREATE TABLE IF NOT EXISTS creations (key TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT;
             CREATE TABLE IF NOT EXISTS secrets (key TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT;
             PRAGMA user_version = 1;
             COMMIT;",
        )?;
        Ok(Self {
            connection: Mutex::new(connection),
        })
    }

    /// Runs `work` in one transaction: all of its writes are on disk when this returns `Ok`, none after an error.
    pub(crate) fn transaction<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.connection.lock();
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(StoreError::from)?;
        let transaction = Transaction(transaction);
        let result = work(&transaction)?;
        transaction.0.commit().map_err(StoreError::from)?;
        Ok(result)
    }

    /// One record.
    pub(crate) fn get<R: Record>(&self, key: &str) -> Result<Option<R>, StoreError> {
        self.transaction(|transaction| transaction.get(key))
    }

    /// All records of a kind, by key.
    pub(crate) fn all<R: Record>(&self) -> Result<Vec<R>, StoreError> {
        self.transaction(|transaction| transaction.all())
    }
}

/// A transaction under way.
pub(crate) struct Transaction<'a>(rusqlite::Transaction<'a>);

impl Transaction<'_> {
    /// One record.
    pub(crate) fn get<R: Record>(&self, key: &str) -> Result<Option<R>, StoreError> {
        let query = format!("SELECT document FROM {} WHERE key = ?1", R::TABLE);
        let text: Option<String> = self
            .0
            .prepare_cached(&query)?
            .query_row([key], |row| row.get(0))
            .optional()?;
        Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
    }

    /// All records of a kind, by key.
    pub(crate) fn all<R: Record>(&self) -> Result<Vec<R>, StoreError> {
        let query = format!("SELECT document FROM {} ORDER BY key", R::TABLE);
        let mut statement = self.0.prepare_cached(&query)?;
        let mut rows = statement.query([])?;
        let mut records = Vec::new();
        while let Some(row) = rows.next()? {
            let text: String = row.get(0)?;
            records.push(serde_json::from_str(&text)?);
        }
        Ok(records)
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
