//! A data key as it is stored: encrypted under a key that a user names.

use std::{fs, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::aead::NONCE_LEN;
use serde::{Deserialize, Serialize};

use crate::{Key, KmsError, key::random};

/// Bytes of a data key: two keys of AES-256, as the XTS mode needs them.
pub const DATA_KEY_BYTES: usize = 64;

/// A data key, encrypted. Nothing in it is secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrappedDataKey {
    /// The key it is encrypted with.
    pub key_arn: String,
    /// Whose it is: it is good for nothing else.
    pub context: String,
    /// 12 bytes, base64.
    nonce: String,
    /// The data key and the tag of AES-GCM, base64.
    ciphertext: String,
}

impl WrappedDataKey {
    /// A new data key, from random bytes.
    pub fn generate(key: &Key, context: &str) -> Self {
        let (nonce, sealed) = key.encrypt(context, &random::<DATA_KEY_BYTES>());
        Self {
            key_arn: key.arn().to_owned(),
            context: context.to_owned(),
            nonce: STANDARD.encode(nonce),
            ciphertext: STANDARD.encode(sealed),
        }
    }

    /// Reads the file of a data key.
    pub fn read(path: &Path) -> Result<Self, KmsError> {
        let text = fs::read(path).map_err(|source| KmsError::file(path, source))?;
        serde_json::from_slice(&text).map_err(|error| KmsError::malformed(path, error.to_string()))
    }

    /// The text of the file of a data key.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("a structure of texts is serialisable")
    }

    /// The data key itself.
    pub fn unwrap(&self, key: &Key) -> Result<[u8; DATA_KEY_BYTES], KmsError> {
        let wrong = || KmsError::WrongKey {
            key_arn: self.key_arn.clone(),
            path: key.path().to_owned(),
        };
        let nonce: [u8; NONCE_LEN] = decoded(&self.nonce).ok_or_else(wrong)?;
        let sealed = STANDARD.decode(&self.ciphertext).map_err(|_| wrong())?;
        let opened = key.decrypt(&self.context, nonce, &sealed).ok_or_else(wrong)?;
        opened.try_into().map_err(|_| wrong())
    }
}

fn decoded<const N: usize>(text: &str) -> Option<[u8; N]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}
