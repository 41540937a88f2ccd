//! The keys that a cluster keeps of a SCRAM password (RFC 5802, section 3).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{digest, hmac};

use crate::{ScramCredential, ScramMechanism};

impl ScramCredential {
    /// `StoredKey = H(HMAC(SaltedPassword, "Client Key"))`, `ServerKey = HMAC(SaltedPassword, "Server Key")`.
    pub fn of_salted_password(mechanism: ScramMechanism, salt: &[u8], iterations: u32, salted_password: &[u8]) -> Self {
        let (hmac_algorithm, digest_algorithm) = match mechanism {
            ScramMechanism::Sha256 => (hmac::HMAC_SHA256, &digest::SHA256),
            ScramMechanism::Sha512 => (hmac::HMAC_SHA512, &digest::SHA512),
        };
        let key = hmac::Key::new(hmac_algorithm, salted_password);
        let client_key = hmac::sign(&key, b"Client Key");
        Self {
            salt: STANDARD.encode(salt),
            iterations,
            stored_key: STANDARD.encode(digest::digest(digest_algorithm, client_key.as_ref())),
            server_key: STANDARD.encode(hmac::sign(&key, b"Server Key")),
        }
    }
}
