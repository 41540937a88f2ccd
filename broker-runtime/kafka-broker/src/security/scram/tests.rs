//! RFC 7677's example; the same one with SHA-512, computed with Python's hashlib; and what must not get through.

use super::*;

const CLIENT_NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const SALT: &str = "W22ZaJ0SNY7soEsUEjb6gQ==";
const SHA256_PROOF: &str = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const SHA512_PROOF: &str = "gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ==";

/// Password `pencil` with the salt, as a client derives it.
fn salted(mechanism: ScramMechanism) -> hmac::Key {
    let algorithm = algorithm(mechanism);
    let pbkdf2 = match mechanism {
        ScramMechanism::Sha256 => ring::pbkdf2::PBKDF2_HMAC_SHA256,
        ScramMechanism::Sha512 => ring::pbkdf2::PBKDF2_HMAC_SHA512,
    };
    let salt = BASE64.decode(SALT).unwrap();
    let mut salted = vec![0; algorithm.digest_algorithm().output_len()];
    ring::pbkdf2::derive(
        pbkdf2,
        std::num::NonZeroU32::new(4096).unwrap(),
        &salt,
        b"pencil",
        &mut salted,
    );
    hmac::Key::new(algorithm, &salted)
}

/// What a broker keeps of that password.
fn pencil(mechanism: ScramMechanism) -> Credential {
    let salted = salted(mechanism);
    let client_key = hmac::sign(&salted, b"Client Key");
    let stored_key = digest::digest(algorithm(mechanism).digest_algorithm(), client_key.as_ref());
    let written = ScramCredential {
        salt: SALT.to_owned(),
        iterations: 4096,
        stored_key: BASE64.encode(stored_key),
        server_key: BASE64.encode(hmac::sign(&salted, b"Server Key")),
    };
    Credential::decode(mechanism, &written).unwrap()
}

fn begin(mechanism: ScramMechanism, credential: Credential) -> Challenge {
    let first = ClientFirst::parse(format!("n,,n=user,r={CLIENT_NONCE}").as_bytes()).unwrap();
    let (challenge, message) = challenge(mechanism, first, credential, SERVER_NONCE);
    assert!(message.starts_with(&format!("r={CLIENT_NONCE}{SERVER_NONCE},s=")));
    challenge
}

fn last(proof: &str) -> Vec<u8> {
    format!("c=biws,r={CLIENT_NONCE}{SERVER_NONCE},p={proof}").into_bytes()
}

#[test]
fn the_example_of_rfc_7677_authenticates() {
    let first = ClientFirst::parse(format!("n,,n=user,r={CLIENT_NONCE}").as_bytes()).unwrap();
    let (challenge, message) = challenge(
        ScramMechanism::Sha256,
        first,
        pencil(ScramMechanism::Sha256),
        SERVER_NONCE,
    );
    assert_eq!(message, format!("r={CLIENT_NONCE}{SERVER_NONCE},s={SALT},i=4096"));
    let (user, message) = challenge.verify(&last(SHA256_PROOF)).unwrap();
    assert_eq!(
        (user.as_str(), message.as_str()),
        ("user", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
    );
}

#[test]
fn the_same_with_sha_512_authenticates() {
    let challenge = begin(ScramMechanism::Sha512, pencil(ScramMechanism::Sha512));
    let (_, message) = challenge.verify(&last(SHA512_PROOF)).unwrap();
    let expected = "v=ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw==";
    assert_eq!(message, expected);
}

#[test]
fn the_nonce_of_old_librdkafka_authenticates_when_the_proof_is_over_it() {
    let mechanism = ScramMechanism::Sha256;
    let algorithm = algorithm(mechanism);
    let client_key = hmac::sign(&salted(mechanism), b"Client Key");
    let stored_key = digest::digest(algorithm.digest_algorithm(), client_key.as_ref());
    let final_message = |nonce: &str| {
        let without_proof = format!("c=biws,r={nonce}");
        let signed = format!("n=user,r={CLIENT_NONCE},r={CLIENT_NONCE}{SERVER_NONCE},s={SALT},i=4096,{without_proof}");
        let signature = hmac::sign(&hmac::Key::new(algorithm, stored_key.as_ref()), signed.as_bytes());
        let proof: Vec<u8> = std::iter::zip(client_key.as_ref(), signature.as_ref())
            .map(|(a, b)| a ^ b)
            .collect();
        format!("{without_proof},p={}", BASE64.encode(proof))
    };
    let verify = |message: &str| begin(mechanism, pencil(mechanism)).verify(message.as_bytes());
    let (nonce, doubled) = (
        format!("{CLIENT_NONCE}{SERVER_NONCE}"),
        format!("{CLIENT_NONCE}{CLIENT_NONCE}{SERVER_NONCE}"),
    );
    assert!(verify(&final_message(&nonce)).is_ok());
    assert!(verify(&final_message(&doubled)).is_ok());
    let other_proof = final_message(&nonce).replace(&nonce, &doubled);
    assert_eq!(verify(&other_proof), Err(ScramError::InvalidCredentials));
    for wrong in [
        format!("x{nonce}"),
        format!("{doubled}x"),
        format!("{CLIENT_NONCE}{doubled}"),
    ] {
        assert_eq!(verify(&final_message(&wrong)), Err(ScramError::Nonce), "{wrong}");
    }
}

#[test]
fn a_wrong_proof_is_refused() {
    let mut proof = BASE64.decode(SHA256_PROOF).unwrap();
    proof[0] ^= 1;
    for proof in [
        BASE64.encode(&proof),
        BASE64.encode(&proof[1..]),
        String::new(),
        SHA512_PROOF.to_owned(),
    ] {
        let challenge = begin(ScramMechanism::Sha256, pencil(ScramMechanism::Sha256));
        assert_eq!(challenge.verify(&last(&proof)), Err(ScramError::InvalidCredentials));
    }
    let challenge = begin(ScramMechanism::Sha256, pencil(ScramMechanism::Sha256));
    assert_eq!(challenge.verify(&last("not base64")), Err(ScramError::Malformed));
}

#[test]
fn a_user_that_does_not_exist_fails_like_a_wrong_password() {
    let secret = hmac::Key::new(hmac::HMAC_SHA256, b"secret");
    let invent = |user: &str| Credential::invent(ScramMechanism::Sha512, user, &secret, (16, 4096));
    assert_eq!(
        invent("user").salt,
        invent("user").salt,
        "asking twice does not give the user away"
    );
    assert_ne!(invent("user").salt, invent("other").salt);
    assert_eq!(invent("user").salt.len(), 16);
    let challenge = begin(ScramMechanism::Sha512, invent("user"));
    assert_eq!(
        challenge.verify(&last(SHA512_PROOF)),
        Err(ScramError::InvalidCredentials)
    );
}

#[test]
fn an_exchange_cannot_be_replayed_or_bound_to_another_header() {
    let verify =
        |message: &str| begin(ScramMechanism::Sha256, pencil(ScramMechanism::Sha256)).verify(message.as_bytes());
    let nonce = format!("{CLIENT_NONCE}{SERVER_NONCE}");
    let message = |binding: &str, nonce: &str| format!("c={binding},r={nonce},p={SHA256_PROOF}");
    assert_eq!(verify(&message("biws", CLIENT_NONCE)), Err(ScramError::Nonce));
    assert_eq!(verify(&message("biws", &format!("{nonce}x"))), Err(ScramError::Nonce));
    assert_eq!(verify(&message("eSws", &nonce)), Err(ScramError::ChannelBinding));
    assert_eq!(verify(&format!("c=biws,r={nonce}")), Err(ScramError::Malformed));
    assert_eq!(verify(""), Err(ScramError::Malformed));
}

#[test]
fn names_are_unescaped() {
    let user = |message: &str| ClientFirst::parse(message.as_bytes()).map(|first| first.user);
    assert_eq!(user("n,,n=a=2Cb=3Dc,r=x").as_deref(), Ok("a,b=c"));
    assert_eq!(user("n,,n=a=2cb,r=x"), Err(ScramError::Malformed));
    assert_eq!(user("n,,n=a=,r=x"), Err(ScramError::Malformed));
    assert_eq!(user("n,a=us=3Der,n=us=3Der,r=x").as_deref(), Ok("us=er"));
}

#[test]
fn first_messages_that_ask_for_more_are_refused() {
    for (message, error) in [
        ("y,,n=user,r=x", ScramError::ChannelBinding),
        ("p=tls-unique,,n=user,r=x", ScramError::ChannelBinding),
        ("n,a=admin,n=user,r=x", ScramError::AuthorizationId),
        ("n,,n=user,r=x,tokenauth=true", ScramError::Extension),
        ("n,,n=,r=x", ScramError::Malformed),
        ("n,,n=user,r=", ScramError::Malformed),
        ("n,,n=user,r=a\u{e4}", ScramError::Malformed),
        ("n,,m=ext,n=user,r=x", ScramError::Malformed),
        ("n,,n=user", ScramError::Malformed),
        ("n,", ScramError::Malformed),
        ("", ScramError::Malformed),
    ] {
        assert_eq!(ClientFirst::parse(message.as_bytes()), Err(error), "{message}");
    }
    assert_eq!(ClientFirst::parse(&[0xff, 0xfe]), Err(ScramError::Malformed));
    assert_eq!(
        ClientFirst::parse(&vec![b'n'; MESSAGE_BYTES_MAX + 1]),
        Err(ScramError::Malformed)
    );
    assert!(ClientFirst::parse(b"n,,n=user,r=x,tokenauth=false").is_ok());
}

#[test]
fn secrets_do_not_show() {
    let challenge = begin(ScramMechanism::Sha256, pencil(ScramMechanism::Sha256));
    assert_eq!(format!("{challenge:?}"), "Challenge(Sha256)");
}
