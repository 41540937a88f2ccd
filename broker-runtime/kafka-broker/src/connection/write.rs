//! Writes replies: all pieces of all replies that are ready in as few system calls as possible, without copying them
//! together. A peer that reads nothing for too long is given up: it would hold the memory of its reply for ever.

use std::{
    io::{self, IoSlice},
    time::Duration,
};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::dispatch::ReplyFrame;

/// Pieces handed to one `writev`; the kernel takes 1024 at most.
const SLICES_MAX: usize = 64;

/// Writes `frame` completely; the peer has to take some of it within every `stall`. The memory of the frame is held until then.
pub(crate) async fn write_frame<W: AsyncWrite + Unpin>(
    stream: &mut W,
    frame: ReplyFrame,
    stall: Duration,
) -> io::Result<()> {
    let ReplyFrame { mut segments, memory } = frame;
    segments.retain(|segment| !segment.is_empty());
    let mut first = 0;
    while first < segments.len() {
        let mut written = tokio::time::timeout(stall, write_some(stream, &segments[first..])).await??;
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
    tokio::time::timeout(stall, stream.flush()).await??;
    drop(memory);
    Ok(())
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
        let frame = ReplyFrame { segments, memory: None };
        write_frame(&mut written, frame, Duration::from_secs(10)).await.unwrap();
        assert_eq!(written, expected);
    }

    #[tokio::test]
    async fn peer_that_reads_nothing_is_given_up() {
        let (mut ours, _theirs) = tokio::io::duplex(16);
        let frame = ReplyFrame {
            segments: vec![Bytes::from_static(&[7; 64])],
            memory: None,
        };
        let error = write_frame(&mut ours, frame, Duration::from_millis(20))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
