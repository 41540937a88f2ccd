//! Primitives of Kafka's flexible messages, which metadata records are.

use bytes::{BufMut, Bytes, BytesMut};
use uuid::Uuid;

/// The only version of the frame around metadata records.
const FRAME_VERSION: u32 = 1;

/// A message in the making.
#[derive(Debug, Default)]
pub(crate) struct Message(BytesMut);

impl Message {
    /// An empty message.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A metadata record: what it is stands in front of it.
    pub(crate) fn framed(api_key: u32, version: u32) -> Self {
        Self::new()
            .unsigned_varint(FRAME_VERSION)
            .unsigned_varint(api_key)
            .unsigned_varint(version)
    }

    /// The finished message, with no tagged fields at its end.
    pub(crate) fn finish(self) -> Bytes {
        self.no_tags().0.freeze()
    }

    pub(crate) fn unsigned_varint(mut self, mut value: u32) -> Self {
        loop {
            let [low, ..] = (value & 0x7f).to_le_bytes();
            value >>= 7;
            if value == 0 {
                self.0.put_u8(low);
                return self;
            }
            self.0.put_u8(low | 0x80);
        }
    }

    pub(crate) fn i8(mut self, value: i8) -> Self {
        self.0.put_i8(value);
        self
    }

    pub(crate) fn i16(mut self, value: i16) -> Self {
        self.0.put_i16(value);
        self
    }

    pub(crate) fn u16(mut self, value: u16) -> Self {
        self.0.put_u16(value);
        self
    }

    pub(crate) fn i32(mut self, value: i32) -> Self {
        self.0.put_i32(value);
        self
    }

    pub(crate) fn i64(mut self, value: i64) -> Self {
        self.0.put_i64(value);
        self
    }

    pub(crate) fn f64(mut self, value: f64) -> Self {
        self.0.put_f64(value);
        self
    }

    pub(crate) fn uuid(mut self, value: Uuid) -> Self {
        self.0.put_slice(value.as_bytes());
        self
    }

    pub(crate) fn bytes(self, value: &[u8]) -> Self {
        let mut message = self.length(value.len());
        message.0.put_slice(value);
        message
    }

    pub(crate) fn string(self, value: &str) -> Self {
        self.bytes(value.as_bytes())
    }

    pub(crate) fn nullable_string(self, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.string(value),
            None => self.unsigned_varint(0),
        }
    }

    /// An array: its length, and what `each` appends for every entry.
    pub(crate) fn array<T>(self, entries: impl ExactSizeIterator<Item = T>, each: impl Fn(Self, T) -> Self) -> Self {
        let message = self.length(entries.len());
        entries.fold(message, each)
    }

    /// The end of a structure without tagged fields.
    pub(crate) fn no_tags(self) -> Self {
        self.unsigned_varint(0)
    }

    /// Lengths are one more than they are; 0 means that there is nothing.
    fn length(self, length: usize) -> Self {
        let length = u32::try_from(length + 1).expect("metadata is smaller than 4 GiB");
        self.unsigned_varint(length)
    }
}
