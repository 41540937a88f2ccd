//! Varints inside of records: zig-zag, least significant group first.

/// Reads an `i32`; gives it and what is left.
pub(super) fn read_varint(bytes: &[u8]) -> Option<(i32, &[u8])> {
    // One byte is by far the most common.
    if let [first @ 0..=0x7f, rest @ ..] = bytes {
        let raw = i32::from(*first);
        return Some(((raw >> 1) ^ -(raw & 1), rest));
    }
    let mut raw: u32 = 0;
    for (index, byte) in bytes.iter().take(5).enumerate() {
        let low = u32::from(byte & 0x7f);
        if index == 4 && low > 0x0f {
            return None;
        }
        raw |= low << (7 * index);
        if byte & 0x80 == 0 {
            return Some(((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed(), &bytes[index + 1..]));
        }
    }
    None
}

/// Reads an `i64`; gives it and what is left.
pub(super) fn read_varlong(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let mut raw: u64 = 0;
    for (index, byte) in bytes.iter().take(10).enumerate() {
        let low = u64::from(byte & 0x7f);
        if index == 9 && low > 1 {
            return None;
        }
        raw |= low << (7 * index);
        if byte & 0x80 == 0 {
            return Some(((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed(), &bytes[index + 1..]));
        }
    }
    None
}

/// Appends an `i64`; an `i32` has the same encoding.
pub(super) fn put_varlong(out: &mut Vec<u8>, value: i64) {
    let mut raw = (value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned();
    loop {
        let [low, ..] = (raw & 0x7f).to_le_bytes();
        raw >>= 7;
        if raw == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_make_the_round_trip() {
        for value in [
            0,
            1,
            -1,
            63,
            -64,
            64,
            -65,
            8191,
            8192,
            i64::from(i32::MAX),
            i64::from(i32::MIN),
            i64::MAX,
            i64::MIN,
        ] {
            let mut bytes = Vec::new();
            put_varlong(&mut bytes, value);
            assert_eq!(read_varlong(&bytes), Some((value, &[][..])));
            if let Ok(value) = i32::try_from(value) {
                assert_eq!(read_varint(&bytes), Some((value, &[][..])));
            }
            assert_eq!(read_varlong(&bytes[..bytes.len() - 1]), None);
        }
    }

    #[test]
    fn endless_varints_are_refused() {
        assert_eq!(read_varint(&[0xff; 6]), None);
        assert_eq!(read_varlong(&[0xff; 11]), None);
        assert_eq!(read_varint(&[]), None);
    }
}
