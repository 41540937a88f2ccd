//! A key that a user names.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom, SystemRandom},
};
use serde::{Deserialize, Serialize};

use crate::KmsError;

const KEY_BYTES: usize = 32;

/// The file of a key.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    key_arn: String,
    /// 32 bytes, base64.
    aes_256_key: String,
}

/// A key: AES-256-GCM. It is never printed.
pub struct Key {
    key_arn: String,
    path: PathBuf,
    key: LessSafeKey,
}

impl Key {
    /// Reads the key that has this ARN from its file.
    pub fn read(key_arn: &str, path: &Path) -> Result<Self, KmsError> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(KmsError::Missing {
                    key_arn: key_arn.to_owned(),
                    path: path.to_owned(),
                });
            }
            Err(source) => return Err(KmsError::file(path, source)),
        };
        // The text of an error of the parser may quote the file.
        let file: KeyFile = serde_json::from_slice(&text)
            .map_err(|error| KmsError::malformed(path, format!("line {} is no key", error.line())))?;
        if file.key_arn != key_arn {
            let reason = format!("it is the key {}, not {key_arn}", file.key_arn);
            return Err(KmsError::malformed(path, reason));
        }
        let bytes = STANDARD.decode(&file.aes_256_key).unwrap_or_default();
        let key = UnboundKey::new(&AES_256_GCM, &bytes)
            .map_err(|_| KmsError::malformed(path, format!("aes_256_key is not {KEY_BYTES} bytes in base64")))?;
        Ok(Self {
            key_arn: file.key_arn,
            path: path.to_owned(),
            key: LessSafeKey::new(key),
        })
    }

    /// The text of the file of a new key.
    pub(crate) fn new_file(key_arn: &str) -> Vec<u8> {
        let file = KeyFile {
            key_arn: key_arn.to_owned(),
            aes_256_key: STANDARD.encode(random::<KEY_BYTES>()),
        };
        serde_json::to_vec_pretty(&file).expect("a structure of texts is serialisable")
    }

    /// Its ARN.
    pub fn arn(&self) -> &str {
        &self.key_arn
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Encrypts `bytes` for `context`, which is not secret; gives the nonce and what is encrypted.
    pub(crate) fn encrypt(&self, context: &str, bytes: &[u8]) -> ([u8; NONCE_LEN], Vec<u8>) {
        let nonce = random();
        let mut sealed = bytes.to_vec();
        self.key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(context.as_bytes()),
                &mut sealed,
            )
            .expect("a data key is short enough for AES-GCM");
        (nonce, sealed)
    }

    /// Undoes [`Key::encrypt`]; `None` when anything differs.
    pub(crate) fn decrypt(&self, context: &str, nonce: [u8; NONCE_LEN], sealed: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let opened = self
            .key
            .open_in_place(nonce, Aad::from(context.as_bytes()), &mut bytes)
            .ok()?;
        Some(opened.to_vec())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Key({})", self.key_arn)
    }
}

/// Bytes from the system's generator.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .expect("the system gives random bytes");
    bytes
}
