//! Kafka's primitive types in coordinator records: text with a 2-byte length, or a varint one more than the length in
//! flexible versions. Reading never trusts a length.

use bytes::{BufMut, BytesMut};
use thiserror::Error;

/// Longest text a record holds: lengths are signed 16-bit. Handlers refuse longer names before they get here.
const STRING_BYTES_MAX: usize = i16::MAX as usize;

/// Bytes of a coordinator's topic that are not what they should be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum RecordFormatError {
    #[error("the record ends too early")]
    Truncated,
    #[error("the record has a negative or oversized length")]
    InvalidLength,
    #[error("the record holds text that is not UTF-8")]
    InvalidText,
    #[error("{kind} version {version} is not known")]
    UnknownVersion { kind: &'static str, version: i16 },
    #[error("the record has no key")]
    NoKey,
}

pub(crate) fn put_string(out: &mut BytesMut, text: &str) {
    let text = &text[..text.floor_char_boundary(STRING_BYTES_MAX)];
    out.put_i16(i16::try_from(text.len()).expect("the text was cut to what 16 bits hold"));
    out.put_slice(text.as_bytes());
}

pub(crate) fn put_nullable_string(out: &mut BytesMut, text: Option<&str>) {
    match text {
        Some(text) => put_string(out, text),
        None => out.put_i16(-1),
    }
}

pub(crate) fn put_bytes(out: &mut BytesMut, bytes: &[u8]) {
    out.put_i32(i32::try_from(bytes.len()).expect("requests are smaller than 2 GiB"));
    out.put_slice(bytes);
}

pub(crate) fn put_unsigned_varint(out: &mut BytesMut, mut value: usize) {
    loop {
        let low = u8::try_from(value & 0x7f).expect("seven bits fit");
        value >>= 7;
        if value == 0 {
            out.put_u8(low);
            return;
        }
        out.put_u8(low | 0x80);
    }
}

pub(crate) fn put_compact_string(out: &mut BytesMut, text: &str) {
    put_unsigned_varint(out, text.len() + 1);
    out.put_slice(text.as_bytes());
}

pub(crate) fn put_compact_bytes(out: &mut BytesMut, bytes: &[u8]) {
    put_unsigned_varint(out, bytes.len() + 1);
    out.put_slice(bytes);
}

/// Reads primitives from the front of a slice.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], RecordFormatError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(RecordFormatError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordFormatError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(RecordFormatError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn i8(&mut self) -> Result<i8, RecordFormatError> {
        self.array().map(i8::from_be_bytes)
    }

    pub(crate) fn i16(&mut self) -> Result<i16, RecordFormatError> {
        self.array().map(i16::from_be_bytes)
    }

    pub(crate) fn i32(&mut self) -> Result<i32, RecordFormatError> {
        self.array().map(i32::from_be_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, RecordFormatError> {
        self.array().map(i64::from_be_bytes)
    }

    fn unsigned_varint(&mut self) -> Result<usize, RecordFormatError> {
        let mut value: u32 = 0;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.array()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return usize::try_from(value).map_err(|_| RecordFormatError::InvalidLength);
            }
        }
        Err(RecordFormatError::InvalidLength)
    }

    fn text(&mut self, count: usize) -> Result<&'a str, RecordFormatError> {
        std::str::from_utf8(self.take(count)?).map_err(|_| RecordFormatError::InvalidText)
    }

    fn nullable_length(&mut self, flexible: bool, wide: bool) -> Result<Option<usize>, RecordFormatError> {
        if flexible {
            return Ok(self.unsigned_varint()?.checked_sub(1));
        }
        let length = if wide { self.i32()? } else { i32::from(self.i16()?) };
        if length == -1 {
            return Ok(None);
        }
        usize::try_from(length)
            .map(Some)
            .map_err(|_| RecordFormatError::InvalidLength)
    }

    pub(crate) fn any_nullable_string(&mut self, flexible: bool) -> Result<Option<&'a str>, RecordFormatError> {
        match self.nullable_length(flexible, false)? {
            Some(length) => self.text(length).map(Some),
            None => Ok(None),
        }
    }

    pub(crate) fn any_string(&mut self, flexible: bool) -> Result<&'a str, RecordFormatError> {
        self.any_nullable_string(flexible)?
            .ok_or(RecordFormatError::InvalidLength)
    }

    pub(crate) fn string(&mut self) -> Result<&'a str, RecordFormatError> {
        self.any_string(false)
    }

    pub(crate) fn compact_string(&mut self) -> Result<&'a str, RecordFormatError> {
        self.any_string(true)
    }

    pub(crate) fn any_bytes(&mut self, flexible: bool) -> Result<&'a [u8], RecordFormatError> {
        let length = self
            .nullable_length(flexible, true)?
            .ok_or(RecordFormatError::InvalidLength)?;
        self.take(length)
    }

    /// Bytes behind a length of 32 bits.
    pub(crate) fn nullable_bytes(&mut self) -> Result<Option<&'a [u8]>, RecordFormatError> {
        match self.nullable_length(false, true)? {
            Some(length) => self.take(length).map(Some),
            None => Ok(None),
        }
    }

    /// The number of entries that follow; at least a byte each, so a larger number is a lie.
    pub(crate) fn array_length(&mut self, flexible: bool) -> Result<usize, RecordFormatError> {
        let length = self.nullable_length(flexible, true)?.unwrap_or(0);
        if length > self.rest.len() {
            Err(RecordFormatError::InvalidLength)
        } else {
            Ok(length)
        }
    }

    /// Hands each tagged field to `each`, by number.
    pub(crate) fn tagged_fields(&mut self, mut each: impl FnMut(usize, &[u8])) -> Result<(), RecordFormatError> {
        for _ in 0..self.unsigned_varint()? {
            let tag = self.unsigned_varint()?;
            let length = self.unsigned_varint()?;
            each(tag, self.take(length)?);
        }
        Ok(())
    }
}
