//! Frames: a 4-byte big-endian length and that many bytes. A length is judged before memory is taken for it.

use std::{
    future::poll_fn,
    io,
    mem::MaybeUninit,
    pin::Pin,
    task::{Poll, ready},
};

use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

/// Read at once while the next frame's length is not known.
const FIRST_READ_BYTES: usize = 4 * 1024;

/// A frame up to this size gets its whole buffer at once; a larger one must send data to get more.
const TRUSTED_FRAME_BYTES: usize = 2 * 1024 * 1024;

/// Bytes of the length prefix.
const PREFIX_BYTES: usize = 4;

/// Why no further frame can be read.
#[derive(Debug, Error)]
pub(crate) enum FrameError {
    /// The length is negative or above the limit.
    #[error("frame length {length} is outside of 0..={limit}")]
    Length {
        /// As received.
        length: i32,
        /// What is allowed.
        limit: usize,
    },
    /// The peer closed in the middle of a frame.
    #[error("connection ended inside a frame")]
    Truncated,
    /// It was announced, and memory was kept for it, but it does not come while others wait for that memory.
    #[error("frame of {length} bytes comes too slowly while memory is short")]
    Slow {
        /// As announced.
        length: usize,
    },
    /// The socket failed.
    #[error("connection failed")]
    Io(#[from] io::Error),
}

/// Cuts a byte stream into frames. Holds no memory between frames.
#[derive(Debug)]
pub(crate) struct FrameReader<R> {
    stream: R,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    /// Reads from `stream`.
    pub(crate) fn new(stream: R) -> Self {
        Self {
            stream,
            buffer: BytesMut::new(),
        }
    }

    /// Length of the next frame once its prefix has come, after checking it against `limit`; `None` at the end of the
    /// stream. Cancel safe.
    pub(crate) async fn next_length(&mut self, limit: usize) -> Result<Option<usize>, FrameError> {
        while self.buffer.len() < PREFIX_BYTES {
            if self.read_first().await? == 0 {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(FrameError::Truncated)
                };
            }
        }
        let mut prefix = [0; PREFIX_BYTES];
        prefix.copy_from_slice(&self.buffer[..PREFIX_BYTES]);
        let length = i32::from_be_bytes(prefix);
        match usize::try_from(length) {
            Ok(bytes) if bytes <= limit => Ok(Some(bytes)),
            _ => Err(FrameError::Length { length, limit }),
        }
    }

    /// Reads what has come, onto the stack first: as long as nothing comes, no memory is held. Cancel safe.
    async fn read_first(&mut self) -> io::Result<usize> {
        poll_fn(|context| {
            let mut bytes = [const { MaybeUninit::uninit() }; FIRST_READ_BYTES];
            let mut read = ReadBuf::uninit(&mut bytes);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut read))?;
            self.buffer.extend_from_slice(read.filled());
            Poll::Ready(Ok(read.filled().len()))
        })
        .await
    }

    /// The frame of `length` bytes whose length [`Self::next_length`] has just given. Cancel safe.
    pub(crate) async fn next_frame(&mut self, length: usize) -> Result<Bytes, FrameError> {
        let end = PREFIX_BYTES + length;
        while self.buffer.len() < end {
            let missing = end - self.buffer.len();
            let step = if length <= TRUSTED_FRAME_BYTES {
                missing
            } else {
                missing.min(self.buffer.len().max(TRUSTED_FRAME_BYTES))
            };
            self.buffer.reserve(step);
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(FrameError::Truncated);
            }
        }
        self.buffer.advance(PREFIX_BYTES);
        let frame = self.buffer.split_to(length).freeze();
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
        Ok(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read_all(bytes: &[u8], limit: usize) -> Result<Vec<Bytes>, FrameError> {
        let mut reader = FrameReader::new(bytes);
        let mut frames = Vec::new();
        while let Some(length) = reader.next_length(limit).await? {
            frames.push(reader.next_frame(length).await?);
        }
        Ok(frames)
    }

    #[tokio::test]
    async fn frames_are_cut_apart() {
        let frames = read_all(b"\0\0\0\x02ab\0\0\0\0\0\0\0\x01c", 10).await.unwrap();
        assert_eq!(frames, ["ab", "", "c"]);
    }

    #[tokio::test]
    async fn negative_and_huge_lengths_are_refused_before_allocating() {
        assert!(matches!(
            read_all(&[0xff; 4], 100).await,
            Err(FrameError::Length { length: -1, .. })
        ));
        assert!(matches!(
            read_all(&[0x7f, 0xff, 0xff, 0xff], 100).await,
            Err(FrameError::Length { .. })
        ));
    }

    #[tokio::test]
    async fn truncated_frame_is_an_error() {
        assert!(matches!(
            read_all(b"\0\0\0\x05ab", 100).await,
            Err(FrameError::Truncated)
        ));
        assert!(matches!(read_all(b"\0\0", 100).await, Err(FrameError::Truncated)));
    }
}
