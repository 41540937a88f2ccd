//! The folder of the agent in the data directory of its host: who it is, its key and certificate, and whom it obeys.
//!
//! `host.json` comes last when a host joins: without it, nothing has joined. The key and the identity are made before, and
//! stay when a join is cut off, so that the next attempt with the same token is known to be the same host.

use std::{
    fs::{self, File},
    io,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use host_link::{AuthorityError, HostKey};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::local::{make_private_folder, replace_private};

/// Why the folder of the agent cannot be used.
#[derive(Debug, Error)]
pub enum FolderError {
    /// A file cannot be read or written.
    #[error("{path} cannot be used")]
    File {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is not what was written there.
    #[error("{0} is damaged: delete it, and let the host join again")]
    Damaged(String),
    /// A key cannot be made or read.
    #[error(transparent)]
    Key(#[from] AuthorityError),
    /// Somebody else uses it.
    #[error("another agent runs in {0}")]
    Locked(String),
}

/// A host that has joined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// Identity.
    pub host_id: Uuid,
    /// Name.
    pub name: String,
    /// Zone.
    pub zone: String,
    /// Where others reach the host.
    pub address: IpAddr,
    /// Where the agent listens.
    pub listen: SocketAddr,
}

/// Who a host will be once it has joined.
pub struct Joining {
    /// Identity.
    pub host_id: Uuid,
    /// Its key.
    pub key: HostKey,
}

#[derive(Serialize, Deserialize)]
struct JoiningFile {
    host_id: Uuid,
    key: String,
}

/// The folder.
#[derive(Clone, Debug)]
pub struct AgentFolder {
    root: PathBuf,
}

impl AgentFolder {
    /// In this data directory.
    pub fn new(data_directory: &Path) -> Self {
        Self {
            root: data_directory.join("agent"),
        }
    }

    /// Makes the folder and takes it for this program alone; it is given back when the file is dropped.
    pub fn lock(&self) -> Result<File, FolderError> {
        make_private_folder(&self.root).map_err(|source| failed(&self.root, source))?;
        let path = self.root.join("agent.lock");
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|source| failed(&path, source))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(FolderError::Locked(self.root.display().to_string())),
            Err(error) => Err(failed(&path, error.into())),
        }
    }

    /// Who it is; `None` before it has joined.
    pub fn membership(&self) -> Result<Option<Membership>, FolderError> {
        self.read(&self.root.join("host.json"))
    }

    /// Who it will be: made at the first attempt to join, and the same at every later one.
    pub fn joining(&self) -> Result<Joining, FolderError> {
        let path = self.root.join("joining.json");
        if let Some(file) = self.read::<JoiningFile>(&path)? {
            let (host_id, key) = (file.host_id, HostKey::from_pem(&file.key)?);
            return Ok(Joining { host_id, key });
        }
        let joining = Joining {
            host_id: Uuid::new_v4(),
            key: HostKey::new()?,
        };
        let file = JoiningFile {
            host_id: joining.host_id,
            key: joining.key.to_pem(),
        };
        self.write(&path, &serde_json::to_string(&file).unwrap_or_default())?;
        Ok(joining)
    }

    /// From here on it has joined.
    pub fn complete(
        &self,
        membership: &Membership,
        key: &HostKey,
        certificate_pem: &str,
        authority_pem: &str,
    ) -> Result<(), FolderError> {
        self.write(&self.root.join("authority.pem"), authority_pem)?;
        self.write_identity(key, certificate_pem)?;
        let text = serde_json::to_string_pretty(membership).unwrap_or_default();
        self.write(&self.root.join("host.json"), &text)?;
        // What is left of it says nothing any more.
        let _ = fs::remove_file(self.root.join("joining.json"));
        Ok(())
    }

    /// Key and certificate, PEM, in one text.
    pub(super) fn identity(&self) -> Result<String, FolderError> {
        self.text(&self.root.join("identity.pem"))
    }

    /// The authority of the fleet, PEM.
    pub(super) fn authority(&self) -> Result<String, FolderError> {
        self.text(&self.root.join("authority.pem"))
    }

    /// Replaces key and certificate, both at once.
    pub(super) fn write_identity(&self, key: &HostKey, certificate_pem: &str) -> Result<(), FolderError> {
        let text = format!("{}{certificate_pem}", key.to_pem());
        self.write(&self.root.join("identity.pem"), &text)
    }

    fn text(&self, path: &Path) -> Result<String, FolderError> {
        fs::read_to_string(path).map_err(|source| failed(path, source))
    }

    fn read<T: serde::de::DeserializeOwned>(&self, path: &Path) -> Result<Option<T>, FolderError> {
        match fs::read(path) {
            Ok(text) => {
                let read = serde_json::from_slice(&text);
                read.map(Some)
                    .map_err(|_| FolderError::Damaged(path.display().to_string()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(failed(path, source)),
        }
    }

    fn write(&self, path: &Path, text: &str) -> Result<(), FolderError> {
        replace_private(path, text.as_bytes()).map_err(|source| failed(path, source))
    }
}

fn failed(path: &Path, source: io::Error) -> FolderError {
    FolderError::File {
        path: path.display().to_string(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_that_was_cut_off_while_it_joined_is_the_same_one_the_next_time() {
        let folder = tempfile::tempdir().unwrap();
        let agent = AgentFolder::new(folder.path());
        let lock = agent.lock().unwrap();
        assert!(matches!(agent.lock(), Err(FolderError::Locked(_))));
        drop(lock);
        let (first, second) = (agent.joining().unwrap(), agent.joining().unwrap());
        assert_eq!(
            (first.host_id, first.key.to_pem()),
            (second.host_id, second.key.to_pem())
        );
        assert_eq!(agent.membership().unwrap(), None);
        let membership = Membership {
            host_id: first.host_id,
            name: "h".to_owned(),
            zone: "a".to_owned(),
            address: [127, 0, 0, 1].into(),
            listen: ([127, 0, 0, 1], 1).into(),
        };
        agent
            .complete(&membership, &first.key, "certificate", "authority")
            .unwrap();
        assert_eq!(agent.membership().unwrap(), Some(membership));
        assert!(agent.identity().unwrap().ends_with("certificate"));
        assert_ne!(agent.joining().unwrap().host_id, first.host_id);
        fs::write(folder.path().join("agent/host.json"), "{").unwrap();
        assert!(matches!(agent.membership(), Err(FolderError::Damaged(_))));
    }
}
