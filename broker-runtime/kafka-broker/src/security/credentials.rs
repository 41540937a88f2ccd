//! Looks SCRAM credentials up in the metadata image.

use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kafka_metadata::{MetadataImage, ScramMechanism};
use ring::{
    hmac,
    rand::{SecureRandom, SystemRandom},
};

use super::scram::Credential;

/// Bytes of randomness in a nonce.
const NONCE_BYTES: usize = 24;

/// What the credentials of users that do not exist look like while there is no user to copy: salt length, iterations.
const DEFAULT_SHAPE: (usize, u32) = (16, 4096);

/// From which those credentials are invented; a new one for every process.
static INVENTION_SECRET: LazyLock<hmac::Key> = LazyLock::new(|| {
    hmac::Key::generate(hmac::HMAC_SHA512, &SystemRandom::new()).expect("the kernel gives random bytes")
});

/// The credential of `user`, or one that nothing proves and that looks like those of other users.
pub(crate) fn credential_of(image: &MetadataImage, mechanism: ScramMechanism, user: &str) -> Credential {
    if let Some(written) = image.scram.get(&(user.to_owned(), mechanism)) {
        if let Some(credential) = Credential::decode(mechanism, written) {
            return credential;
        }
        tracing::error!(user, ?mechanism, "scram credential in the metadata is damaged");
    }
    let mut of_mechanism = image.scram.iter().filter(|((_, other), _)| *other == mechanism);
    let like = of_mechanism.find_map(|(_, written)| Credential::decode(mechanism, written));
    let like = like.map_or(DEFAULT_SHAPE, |like| (like.salt.len(), like.iterations));
    Credential::invent(mechanism, user, &INVENTION_SECRET, like)
}

/// A nonce nobody can guess, printable and without commas.
pub(crate) fn server_nonce() -> String {
    let mut bytes = [0; NONCE_BYTES];
    SystemRandom::new()
        .fill(&mut bytes)
        .expect("the kernel gives random bytes");
    URL_SAFE_NO_PAD.encode(bytes)
}
