//! Every API in every version is given bodies that chance has made: noise, noise that looks like a message, messages with changed
//! bytes. What comes out is an error, or a request that is written and read again as the same. `fuzz/` looks longer.

use bytes::Bytes;
use kafka_wire::API_DESCRIPTORS;
use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, TestRng},
};

use crate::{Reread, reread_request};

/// Bodies for each API in each version.
const BODIES: usize = 600;
/// Longest body.
const BODY_BYTES_MAX: u64 = 300;

/// Small numbers are frequent in messages: counts, lengths, flags, nulls.
fn byte(rng: &mut TestRng) -> u8 {
    match rng.next_u32() % 16 {
        0..7 => 0,
        7..10 => 1,
        10..12 => u8::try_from(rng.next_u32() % 5).unwrap(),
        12 => 0xff,
        13 => b'a',
        _ => u8::try_from(rng.next_u32() % 256).unwrap(),
    }
}

fn changed(body: &[u8], rng: &mut TestRng) -> Vec<u8> {
    let mut body = body.to_vec();
    for _ in 0..1 + rng.next_u32() % 3 {
        let at = usize::try_from(rng.next_u64() % (body.len() as u64 + 1)).unwrap();
        match rng.next_u32() % 4 {
            0 => body.truncate(at),
            1 => body.insert(at, byte(rng)),
            2 if at + 4 <= body.len() => body[at..at + 4].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff]),
            _ if at < body.len() => body[at] = byte(rng),
            _ => body.push(byte(rng)),
        }
    }
    body
}

#[test]
fn whatever_comes_for_any_api_in_any_version_is_an_error_or_a_request() {
    let mut rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let (mut requests, mut refused) = (0, 0);
    for api in API_DESCRIPTORS {
        let (key, versions) = (api.api_key.value(), api.request.supported_versions);
        let mut found = 0;
        for version in versions.min().value() - 1..=versions.max().value() + 1 {
            let mut body = Vec::new();
            for round in 0..BODIES {
                body = if round % 3 == 2 {
                    changed(&body, &mut rng)
                } else {
                    let length = rng.next_u64() % BODY_BYTES_MAX;
                    (0..length).map(|_| byte(&mut rng)).collect()
                };
                match reread_request(key, version, Bytes::from(body.clone())) {
                    Reread::Same => found += 1,
                    Reread::Refused(_) => refused += 1,
                    other => panic!("api {key}, version {version}, body {body:02x?}: {other:?}"),
                }
            }
        }
        requests += found;
    }
    assert!(
        requests > 5_000 && refused > 5_000,
        "{requests} requests, {refused} refused"
    );
}
