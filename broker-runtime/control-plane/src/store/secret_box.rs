//! Encrypts secrets at rest: AES-256-GCM under a key in a file that only the user can read.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom, SystemRandom},
};
use thiserror::Error;

/// Bytes of the key.
const KEY_BYTES: usize = 32;

/// Seals and opens secrets. It prints nothing of the key.
pub(crate) struct SecretBox {
    key: LessSafeKey,
    random: SystemRandom,
}

/// Why a secret cannot be sealed or opened.
#[derive(Debug, Error)]
pub(crate) enum SecretBoxError {
    /// The key file cannot be read or written.
    #[error("the encryption key in {path} cannot be used")]
    Key {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The system has no random bytes.
    #[error("the system gives no random bytes")]
    Random,
    /// It was sealed under another key, or is damaged.
    #[error("a stored secret cannot be decrypted: encryption.key is not the one it was written with")]
    Unreadable,
}

impl SecretBox {
    /// Reads the key, or makes one.
    pub(crate) fn open(path: &Path) -> Result<Self, SecretBoxError> {
        let random = SystemRandom::new();
        let failed = |source| SecretBoxError::Key {
            path: path.display().to_string(),
            source,
        };
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut bytes = vec![0; KEY_BYTES];
                random.fill(&mut bytes).map_err(|_| SecretBoxError::Random)?;
                write_private(path, &bytes).map_err(failed)?;
                bytes
            }
            Err(error) => return Err(failed(error)),
        };
        let key = UnboundKey::new(&AES_256_GCM, &bytes)
            .map_err(|_| failed(io::Error::new(io::ErrorKind::InvalidData, "it does not have 32 bytes")))?;
        Ok(Self {
            key: LessSafeKey::new(key),
            random,
        })
    }

    /// Encrypts `plain`; a random nonce comes first.
    pub(crate) fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, SecretBoxError> {
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).map_err(|_| SecretBoxError::Random)?;
        let mut sealed = plain.to_vec();
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed)
            .map_err(|_| SecretBoxError::Random)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Decrypts what [`SecretBox::seal`] made.
    pub(crate) fn open_sealed(&self, sealed: &[u8]) -> Result<Vec<u8>, SecretBoxError> {
        let (nonce, rest) = sealed.split_at_checked(NONCE_LEN).ok_or(SecretBoxError::Unreadable)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SecretBoxError::Unreadable)?;
        let mut bytes = rest.to_vec();
        let plain = self
            .key
            .open_in_place(nonce, Aad::empty(), &mut bytes)
            .map_err(|_| SecretBoxError::Unreadable)?;
        Ok(plain.to_vec())
    }
}

/// Writes a file only the user can read; after a crash it is whole or not there.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    // What a crash left may have other rights.
    let _ = fs::remove_file(&temporary);
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_bytes_open_under_the_same_key_only() {
        let folder = tempfile::tempdir().unwrap();
        let one = SecretBox::open(&folder.path().join("one")).unwrap();
        let sealed = one.seal(b"planted").unwrap();
        assert!(!sealed.windows(7).any(|window| window == b"planted"));
        let again = SecretBox::open(&folder.path().join("one")).unwrap();
        assert_eq!(again.open_sealed(&sealed).unwrap(), b"planted");
        let other = SecretBox::open(&folder.path().join("other")).unwrap();
        assert!(matches!(other.open_sealed(&sealed), Err(SecretBoxError::Unreadable)));
        assert!(matches!(one.open_sealed(b"short"), Err(SecretBoxError::Unreadable)));
    }
}
