//! Writes replies: all pieces of all replies that are ready in as few system calls as possible, without copying them
//! together.

use std::io::{self, IoSlice};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::dispatch::ReplyFrame;

/// Pieces handed to one `writev`; the kernel takes 1024 at most.
const SLICES_MAX: usize = 64;

/// Writes `frame` completely.
pub(crate) async fn write_frame<W: AsyncWrite + Unpin>(stream: &mut W, frame: ReplyFrame) -> io::Result<()> {
    let mut segments = frame.segments;
    segments.retain(|segment| !segment.is_empty());
    let mut first = 0;
    while first < segments.len() {
        let mut written = write_some(stream, &segments[first..]).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        while first < segments.len() && written >= segments[first].len() {
            written -= segments[first].len();
            // The memory of what is written is given back at once.
            segments[first] = Bytes::new();
            first += 1;
        }
        if written > 0 {
            segments[first].advance(written);
        }
    }
    stream.flush().await
}

async fn write_some<W: AsyncWrite + Unpin>(stream: &mut W, segments: &[Bytes]) -> io::Result<usize> {
    if let [only] = segments {
        return stream.write(only).await;
    }
    let mut slices = [IoSlice::new(&[]); SLICES_MAX];
    let count = segments.len().min(SLICES_MAX);
    for (slice, segment) in slices.iter_mut().zip(segments) {
        *slice = IoSlice::new(segment);
    }
    stream.write_vectored(&slices[..count]).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn many_pieces_arrive_in_order() {
        let segments: Vec<Bytes> = (0u8..200)
            .map(|number| Bytes::from(vec![number; usize::from(number % 7)]))
            .collect();
        let expected: Vec<u8> = segments.iter().flatten().copied().collect();
        let mut written = Vec::new();
        write_frame(&mut written, ReplyFrame { segments }).await.unwrap();
        assert_eq!(written, expected);
    }
}
