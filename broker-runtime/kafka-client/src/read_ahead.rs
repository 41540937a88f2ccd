//! Reading more at once than is asked for.

use std::{
    io::{self, IoSlice},
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// Two records of TLS.
const AHEAD_BYTES: usize = 32 * 1024;

/// A stream under TLS. rustls asks for 4 KiB at a time, and so for each record of 16 KiB four times or five; where that much was there,
/// the next read takes more. What is read ahead is kept only as long as there is something in it: an idle connection has no buffer.
#[derive(Debug)]
pub struct ReadAhead<S> {
    stream: S,
    ahead: BytesMut,
    /// The last read was given all that it had asked for.
    more: bool,
}

impl<S> ReadAhead<S> {
    /// Nothing is read yet.
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            ahead: BytesMut::new(),
            more: false,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ReadAhead<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.ahead.is_empty() {
            if !this.more {
                let read = Pin::new(&mut this.stream).poll_read(context, into);
                this.more = into.remaining() == 0;
                return read;
            }
            this.ahead.reserve(AHEAD_BYTES);
            // This future has no state of its own: another one goes on where it was.
            match pin!(this.stream.read_buf(&mut this.ahead)).poll(context) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(_)) => {}
                waits_or_fails => {
                    this.more = false;
                    this.ahead = BytesMut::new();
                    ready!(waits_or_fails)?;
                }
            }
        }
        let length = this.ahead.len().min(into.remaining());
        into.put_slice(&this.ahead[..length]);
        this.ahead.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ReadAhead<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn what_comes_is_what_was_sent_however_it_is_read() {
        let sent: Vec<u8> = (0..1_000_000_u32)
            .map(|number| number.to_le_bytes()[0] ^ 0x5a)
            .collect();
        for (at_once, asked) in [
            (1 << 20, 4096),
            (70_000, 4096),
            (5_000, 4096),
            (100, 7),
            (1 << 20, 1 << 17),
        ] {
            let (mut from, to) = duplex(at_once);
            let whole = sent.clone();
            let writer = tokio::spawn(async move {
                from.write_all(&whole).await.unwrap();
                from.write_all(b"end").await.unwrap();
            });
            let mut stream = ReadAhead::new(to);
            let (mut received, mut part) = (Vec::new(), vec![0; asked]);
            loop {
                let length = stream.read(&mut part).await.unwrap();
                if length == 0 {
                    break;
                }
                received.extend_from_slice(&part[..length]);
            }
            writer.await.unwrap();
            assert!(received.strip_suffix(b"end") == Some(&*sent), "{at_once}, {asked}");
        }
    }

    #[tokio::test]
    async fn stream_that_waits_holds_no_buffer_and_answers_pass_through() {
        let (mut peer, to) = duplex(1 << 20);
        let mut stream = ReadAhead::new(to);
        peer.write_all(&[7; 10_000]).await.unwrap();
        let mut part = [0; 4096];
        for length in [4096, 4096, 1808] {
            assert_eq!(stream.read(&mut part).await.unwrap(), length);
        }
        assert!(stream.ahead.capacity() > 0);
        let waits = tokio::time::timeout(Duration::from_millis(20), stream.read(&mut part)).await;
        assert!(waits.is_err());
        assert_eq!(stream.ahead.capacity(), 0);
        stream.write_all(b"answer").await.unwrap();
        let mut answer = [0; 6];
        peer.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"answer");
        drop(peer);
        assert_eq!(stream.read(&mut part).await.unwrap(), 0);
    }
}
