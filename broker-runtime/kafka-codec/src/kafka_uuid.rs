//! Kafka's text form of UUIDs: URL-safe base64 of the sixteen bytes without padding, 22 characters.

use thiserror::Error;
use uuid::Uuid;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Characters of the text form.
const TEXT_CHARACTERS: usize = 22;

/// A text that is no UUID in Kafka's form.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0:?} is not a UUID in Kafka's base64 form")]
pub struct UuidTextError(String);

/// For messages.
pub fn uuid_to_wire(uuid: Uuid) -> kafka_wire_core::Uuid {
    kafka_wire_core::Uuid::from_bytes(*uuid.as_bytes())
}

/// From messages.
pub fn uuid_from_wire(uuid: kafka_wire_core::Uuid) -> Uuid {
    Uuid::from_bytes(uuid.to_bytes())
}

/// For files and for people: `partition.metadata`, `meta.properties`, topic ids in tool output.
pub fn uuid_to_text(uuid: Uuid) -> String {
    // 128 bits and four zero bits make 22 groups of six.
    let bits = uuid.as_u128();
    (0..TEXT_CHARACTERS)
        .map(|index| {
            let shift = 122 - 6 * i32::try_from(index).unwrap_or(0);
            let group = if shift >= 0 { bits >> shift } else { bits << -shift };
            char::from(ALPHABET[usize::try_from(group & 0x3f).unwrap_or(0)])
        })
        .collect()
}

/// Reads what [`uuid_to_text`] wrote.
pub fn uuid_from_text(text: &str) -> Result<Uuid, UuidTextError> {
    let error = || UuidTextError(text.to_owned());
    if text.len() != TEXT_CHARACTERS {
        return Err(error());
    }
    let mut bits: u128 = 0;
    for (index, character) in text.bytes().enumerate() {
        let group = ALPHABET
            .iter()
            .position(|known| *known == character)
            .ok_or_else(error)?;
        let group = u128::try_from(group).map_err(|_| error())?;
        if index + 1 < TEXT_CHARACTERS {
            bits = bits << 6 | group;
        } else if group & 0xf == 0 {
            bits = bits << 2 | group >> 4;
        } else {
            return Err(error());
        }
    }
    Ok(Uuid::from_u128(bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_what_kafka_writes() {
        // org.apache.kafka.common.Uuid.ONE_UUID and a UUID with all kinds of characters.
        assert_eq!(uuid_to_text(Uuid::nil()), "AAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(uuid_to_text(Uuid::from_u128(1)), "AAAAAAAAAAAAAAAAAAAAAQ");
        assert_eq!(uuid_to_text(Uuid::from_u128(u128::MAX)), "_____________________w");
    }

    #[test]
    fn text_makes_the_round_trip() {
        for seed in 0..200_u128 {
            let uuid = Uuid::from_u128(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
            assert_eq!(uuid_from_text(&uuid_to_text(uuid)), Ok(uuid));
            assert_eq!(uuid_from_wire(uuid_to_wire(uuid)), uuid);
        }
    }

    #[test]
    fn other_text_is_refused() {
        for text in [
            "",
            "A",
            "AAAAAAAAAAAAAAAAAAAAA=",
            "AAAAAAAAAAAAAAAAAAAAAB",
            "AAAAAAAAAAAAAAAAAAAAAAA",
            "é",
        ] {
            assert!(uuid_from_text(text).is_err(), "{text}");
        }
    }
}
