//! The key of a log directory.

use std::fmt;

use ring::digest;

/// Bytes of a [`DataKey`]: two keys of AES-256, one for the data and one for the tweaks.
pub const DATA_KEY_BYTES: usize = 64;

/// Bytes of a fingerprint.
const FINGERPRINT_BYTES: usize = 16;

/// The key that the files of a log directory are encrypted with. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct DataKey([u8; DATA_KEY_BYTES]);

impl DataKey {
    /// A key of these bytes, which are random; its two halves must differ.
    pub fn new(bytes: [u8; DATA_KEY_BYTES]) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8; DATA_KEY_BYTES] {
        &self.0
    }

    /// What tells this key from others and says nothing of it, as hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(b"openmsk data key fingerprint");
        hash.update(&self.0);
        let hash = hash.finish();
        hash.as_ref()[..FINGERPRINT_BYTES]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "DataKey({})", self.fingerprint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_not_printed() {
        let key = DataKey::new([0xab; DATA_KEY_BYTES]);
        assert!(!format!("{key:?}").contains("abab"), "{key:?}");
        assert_eq!(key.fingerprint().len(), 2 * FINGERPRINT_BYTES);
        assert_ne!(key.fingerprint(), DataKey::new([0xac; DATA_KEY_BYTES]).fingerprint());
    }
}
