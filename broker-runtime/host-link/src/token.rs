//! What lets a host join, once: an id, a secret, and the fingerprint of whom the secret may be given to. In one word:
//! `openmsk-join.ID.SECRET.FINGERPRINT`.

use std::{fmt, str::FromStr};

use ring::{
    digest::{SHA256, digest},
    rand::{SecureRandom, SystemRandom},
};

/// How tokens begin: who finds one in a file sees what it is.
const PREFIX: &str = "openmsk-join";
/// Bytes of an id and of a secret.
const ID_BYTES: usize = 6;
const SECRET_BYTES: usize = 32;

/// A token, as it is shown once. It is not printed by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinToken {
    /// By which it is listed and revoked.
    pub id: String,
    secret: String,
    /// SHA-256 of the certificate that the control plane has to show or that has to have signed it, hexadecimal.
    pub fingerprint: String,
}

impl JoinToken {
    /// A new one; `None` when the system has no random bytes.
    pub fn new(fingerprint: &str) -> Option<Self> {
        let random = SystemRandom::new();
        let (mut id, mut secret) = ([0; ID_BYTES], [0; SECRET_BYTES]);
        random.fill(&mut id).and_then(|()| random.fill(&mut secret)).ok()?;
        Some(Self {
            id: hexadecimal(&id),
            secret: hexadecimal(&secret),
            fingerprint: fingerprint.to_owned(),
        })
    }

    /// The secret, for the one call that needs it.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The whole token, for whoever asked for it.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}.{}.{}.{}", self.id, self.secret, self.fingerprint)
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "JoinToken({})", self.id)
    }
}

impl FromStr for JoinToken {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.trim().split('.').collect();
        let digits = |text: &str, bytes: usize| {
            text.len() == 2 * bytes && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        match parts[..] {
            [PREFIX, id, secret, fingerprint]
                if digits(id, ID_BYTES) && digits(secret, SECRET_BYTES) && digits(fingerprint, 32) =>
            {
                Ok(Self {
                    id: id.to_owned(),
                    secret: secret.to_owned(),
                    fingerprint: fingerprint.to_owned(),
                })
            }
            _ => Err("it is no token, or a part of it is missing: `broker-runtime token create` prints one".to_owned()),
        }
    }
}

/// What is kept of a secret. It has 256 random bits, so a plain hash hides it.
pub fn secret_hash(secret: &str) -> String {
    hexadecimal(digest(&SHA256, secret.as_bytes()).as_ref())
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_is_read_as_it_was_shown() {
        let token = JoinToken::new(&"ab".repeat(32)).unwrap();
        let text = token.reveal();
        assert_eq!(text.parse(), Ok(token.clone()));
        assert_eq!(format!(" {text}\n").parse(), Ok(token.clone()));
        assert!(!format!("{token:?}").contains(token.secret()));
        assert_ne!(JoinToken::new("").unwrap().secret(), token.secret());
        for bad in [
            "",
            "x",
            &text[1..],
            &text[..text.len() - 1],
            &text.replace('.', "-"),
            &format!("{text}."),
        ] {
            assert!(bad.parse::<JoinToken>().is_err(), "{bad}");
        }
    }
}
