//! SCRAM users: which metadata records make the cluster's credentials what the specification says (RFC 5802, KIP-554).

use std::collections::{BTreeMap, BTreeSet};

use engine::{ScramCredential, ScramMechanism, ScramUser};
use kafka_metadata::{
    MetadataImage, MetadataRecord, ScramCredential as ImageCredential, ScramMechanism as ImageMechanism,
};

/// Users and mechanisms, as the description of a cluster names those that a specification has made.
pub(crate) type ManagedUsers = BTreeSet<(String, String)>;

/// Those of a specification.
pub(crate) fn managed(users: &[ScramUser]) -> ManagedUsers {
    let credentials = users.iter().flat_map(|user| {
        let credentials = user.credentials.iter();
        credentials.map(|credential| key(&user.name, mechanism(credential.mechanism)))
    });
    credentials.collect()
}

fn key(user: &str, mechanism: ImageMechanism) -> (String, String) {
    let mechanism = match mechanism {
        ImageMechanism::Sha256 => "SCRAM-SHA-256",
        ImageMechanism::Sha512 => "SCRAM-SHA-512",
    };
    (user.to_owned(), mechanism.to_owned())
}

/// The changes; empty when there is nothing to do. Taken away are only users that a specification has made before: others were made
/// by clients (KIP-554). `None` is a cluster of a time when only specifications made some.
pub(crate) fn changes(
    image: &MetadataImage,
    before: Option<&ManagedUsers>,
    users: &[ScramUser],
) -> Vec<MetadataRecord> {
    let wanted: BTreeMap<(String, ImageMechanism), ImageCredential> = users
        .iter()
        .flat_map(|user| {
            user.credentials
                .iter()
                .map(|credential| (user.name.clone(), credential))
        })
        .map(|(name, credential)| ((name, mechanism(credential.mechanism)), derive(credential)))
        .collect();
    let set = wanted
        .iter()
        .filter(|(key, credential)| image.scram.get(key) != Some(credential));
    let set = set.map(|((user, mechanism), credential)| MetadataRecord::ScramCredential {
        user: user.clone(),
        mechanism: *mechanism,
        salt: credential.salt.clone(),
        iterations: credential.iterations,
        stored_key: credential.stored_key.clone(),
        server_key: credential.server_key.clone(),
    });
    let was_managed = |user: &str, mechanism| before.is_none_or(|before| before.contains(&key(user, mechanism)));
    let removed = image
        .scram
        .keys()
        .filter(|key| !wanted.contains_key(key) && was_managed(&key.0, key.1));
    let removed = removed.map(|(user, mechanism)| MetadataRecord::ScramCredentialRemoved {
        user: user.clone(),
        mechanism: *mechanism,
    });
    set.chain(removed).collect()
}

fn mechanism(mechanism: ScramMechanism) -> ImageMechanism {
    match mechanism {
        ScramMechanism::Sha256 => ImageMechanism::Sha256,
        ScramMechanism::Sha512 => ImageMechanism::Sha512,
    }
}

fn derive(credential: &ScramCredential) -> ImageCredential {
    ImageCredential::of_salted_password(
        mechanism(credential.mechanism),
        &credential.salt,
        credential.iterations,
        credential.salted_password.expose(),
    )
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroU32, sync::Arc};

    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use engine::Secret;
    use ring::{digest, hmac, pbkdf2};

    use super::*;

    fn user(name: &str, password: &str) -> ScramUser {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let iterations = NonZeroU32::new(4096).unwrap();
        let mut salted = vec![0; 32];
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            iterations,
            &salt,
            password.as_bytes(),
            &mut salted,
        );
        let credential = ScramCredential {
            mechanism: ScramMechanism::Sha256,
            salt,
            iterations: 4096,
            salted_password: Secret::new(salted),
        };
        ScramUser {
            name: name.to_owned(),
            credentials: vec![credential],
        }
    }

    /// The exchange of RFC 7677, section 3: the server's signature can be made from the derived `ServerKey`.
    #[test]
    fn keys_are_those_of_the_rfc() {
        let derived = derive(&user("user", "pencil").credentials[0]);
        let message = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                       s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let server_key = STANDARD.decode(&derived.server_key).unwrap();
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &server_key), message.as_bytes());
        assert_eq!(
            STANDARD.encode(signature),
            "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
        );
        // ClientProof = ClientKey XOR ClientSignature, and StoredKey = H(ClientKey).
        let stored_key = STANDARD.decode(&derived.stored_key).unwrap();
        let proof = STANDARD.decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=").unwrap();
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &stored_key), message.as_bytes());
        let client_key: Vec<u8> = proof
            .iter()
            .zip(signature.as_ref())
            .map(|(left, right)| left ^ right)
            .collect();
        assert_eq!(digest::digest(&digest::SHA256, &client_key).as_ref(), stored_key);
    }

    #[test]
    fn only_changes_are_sent() {
        let mut image = MetadataImage::default();
        let first = changes(&image, None, &[user("app", "pencil")]);
        assert!(matches!(&first[..], [MetadataRecord::ScramCredential { user, .. }] if user == "app"));
        let key = ("app".to_owned(), ImageMechanism::Sha256);
        Arc::make_mut(&mut image.scram).insert(key, derive(&user("app", "pencil").credentials[0]));
        assert!(changes(&image, None, &[user("app", "pencil")]).is_empty());
        assert_eq!(changes(&image, None, &[user("app", "other")]).len(), 1);
        let renamed = changes(&image, None, &[user("other", "pencil")]);
        assert!(matches!(&renamed[..], [
            MetadataRecord::ScramCredential { .. },
            MetadataRecord::ScramCredentialRemoved { user, .. }
        ] if user == "app"));
    }

    #[test]
    fn what_clients_have_made_is_left_alone() {
        let mut image = MetadataImage::default();
        for name in ["ours", "theirs"] {
            let credential = derive(&user(name, "pencil").credentials[0]);
            Arc::make_mut(&mut image.scram).insert((name.to_owned(), ImageMechanism::Sha256), credential);
        }
        let before = managed(&[user("ours", "pencil")]);
        let removed = |changes: Vec<MetadataRecord>| -> Vec<String> {
            let users = changes.into_iter().map(|change| match change {
                MetadataRecord::ScramCredentialRemoved { user, .. } => user,
                other => panic!("{other:?}"),
            });
            users.collect()
        };
        assert_eq!(removed(changes(&image, Some(&before), &[])), ["ours"]);
        assert_eq!(removed(changes(&image, None, &[])), ["ours", "theirs"]);
        // The salt is the same, so the password is.
        assert!(changes(&image, Some(&before), &[user("ours", "pencil")]).is_empty());
    }
}
