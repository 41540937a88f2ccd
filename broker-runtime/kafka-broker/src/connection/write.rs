//! Writes replies: all pieces of all replies that are ready in as few system calls as possible, without copying them
//! together. Records that lie in a file go from there to the socket without anybody reading them (`sendfile`); under TLS they are read
//! piece by piece. A peer that reads nothing for too long is given up: it would hold the memory of its reply for ever.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    pin::Pin,
    time::Duration,
};

use bytes::{Buf, Bytes};
use kafka_log::FileRecords;
use rustix::net::{SendAncillaryBuffer, SendFlags};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt, Interest, WriteHalf},
    net::{TcpStream, tcp::OwnedWriteHalf},
};

use crate::dispatch::{ReplyFrame, ReplyPiece};

/// Pieces handed to one `writev`; the kernel takes 1024 at most.
const SLICES_MAX: usize = 64;

/// Bytes handed from a file to a socket at once: others want to be served in between.
const SENT_BYTES_MAX: usize = 1 << 20;

/// Bytes read from a file at once where they have to be encrypted.
const READ_BYTES_MAX: usize = 128 * 1024;

/// Where replies are written to.
pub(crate) trait ReplyStream: AsyncWrite + Unpin + Send {
    /// The socket, if bytes come to it as they are.
    fn socket(&self) -> Option<&TcpStream>;
}

impl ReplyStream for OwnedWriteHalf {
    fn socket(&self) -> Option<&TcpStream> {
        Some(self.as_ref())
    }
}

impl<S: AsyncWrite + Send> ReplyStream for WriteHalf<S> {
    fn socket(&self) -> Option<&TcpStream> {
        None
    }
}

/// Writes `frame` completely; the peer has to take some of it within every `stall`. The memory of the frame is held until then.
pub(crate) async fn write_frame<W: ReplyStream>(stream: &mut W, frame: ReplyFrame, stall: Duration) -> io::Result<()> {
    let ReplyFrame { pieces, memory } = frame;
    let mut pieces = VecDeque::from(pieces);
    while let Some(first) = pieces.front_mut() {
        match first {
            ReplyPiece::Bytes(bytes) if bytes.is_empty() => {}
            ReplyPiece::Bytes(_) => {
                write_bytes(stream, &mut pieces, stall).await?;
                continue;
            }
            ReplyPiece::Records(records) => write_records(stream, records, stall).await?,
        }
        pieces.pop_front();
    }
    tokio::time::timeout(stall, stream.flush()).await??;
    drop(memory);
    Ok(())
}

/// Writes some of the bytes at the front. The slices are made anew each time that it goes on: a connection that waits holds none.
async fn write_bytes<W: ReplyStream>(
    stream: &mut W,
    pieces: &mut VecDeque<ReplyPiece>,
    stall: Duration,
) -> io::Result<()> {
    let mut written = match stream.socket().filter(|_| records_follow(pieces)) {
        Some(socket) => {
            // The kernel is told to wait for the records: a packet of its own would cost more.
            let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
            let send = |slices: &[IoSlice<'_>]| {
                let sent = rustix::net::sendmsg(socket, slices, &mut SendAncillaryBuffer::default(), flags);
                Ok(sent?)
            };
            let sent = socket.async_io(Interest::WRITABLE, || with_front(pieces, send));
            tokio::time::timeout(stall, sent).await??
        }
        None => {
            let write = std::future::poll_fn(|context| {
                with_front(pieces, |slices| {
                    Pin::new(&mut *stream).poll_write_vectored(context, slices)
                })
            });
            tokio::time::timeout(stall, write).await??
        }
    };
    if written == 0 {
        return Err(io::ErrorKind::WriteZero.into());
    }
    while let Some(ReplyPiece::Bytes(bytes)) = pieces.front_mut() {
        if written < bytes.len() {
            bytes.advance(written);
            break;
        }
        written -= bytes.len();
        // The memory of what is written is given back at once.
        pieces.pop_front();
        if written == 0 {
            break;
        }
    }
    Ok(())
}

/// The bytes at the front, as many as are handed over at once.
fn front(pieces: &VecDeque<ReplyPiece>) -> impl Iterator<Item = &Bytes> {
    let bytes = pieces.iter().map_while(|piece| match piece {
        ReplyPiece::Bytes(bytes) => Some(bytes),
        ReplyPiece::Records(_) => None,
    });
    bytes.take(SLICES_MAX)
}

/// What comes after these bytes are records.
fn records_follow(pieces: &VecDeque<ReplyPiece>) -> bool {
    matches!(pieces.get(front(pieces).count()), Some(ReplyPiece::Records(_)))
}

fn with_front<T>(pieces: &VecDeque<ReplyPiece>, write: impl FnOnce(&[IoSlice<'_>]) -> T) -> T {
    let mut slices = [IoSlice::new(&[]); SLICES_MAX];
    let mut count = 0;
    for (slice, bytes) in slices.iter_mut().zip(front(pieces)) {
        *slice = IoSlice::new(bytes);
        count += 1;
    }
    write(&slices[..count])
}

async fn write_records<W: ReplyStream>(stream: &mut W, records: &mut FileRecords, stall: Duration) -> io::Result<()> {
    while !records.is_empty() {
        if let Some((socket, (file, position))) = stream.socket().zip(records.file()) {
            let count = records.len().min(SENT_BYTES_MAX);
            let send = || {
                let mut position = position;
                Ok(rustix::fs::sendfile(socket, file, Some(&mut position), count)?)
            };
            let sent = tokio::time::timeout(stall, socket.async_io(Interest::WRITABLE, send)).await?;
            match sent.inspect_err(|error| records.failed(error))? {
                // The file has become shorter.
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                sent => records.advance(sent),
            }
            continue;
        }
        let mut bytes: Bytes = records.read(READ_BYTES_MAX)?;
        while !bytes.is_empty() {
            if tokio::time::timeout(stall, stream.write_buf(&mut bytes)).await?? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use kafka_codec::record_batch::RecordBatchBuilder;
    use kafka_log::{AppendOrigin, LeaderAppend, LogConfig, LogDir, LogDirConfig, Records};
    use tempfile::TempDir;
    use tokio::{
        io::{AsyncReadExt, DuplexStream, ReadHalf},
        net::TcpListener,
    };

    use super::*;

    const STALL: Duration = Duration::from_secs(10);

    fn duplex(bytes: usize) -> (WriteHalf<DuplexStream>, ReadHalf<DuplexStream>) {
        let (ours, theirs) = tokio::io::duplex(bytes);
        (tokio::io::split(ours).1, tokio::io::split(theirs).0)
    }

    /// A socket with small buffers, and what its peer reads from it.
    async fn socket() -> (OwnedWriteHalf, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (ours, _) = listener.accept().await.unwrap();
        socket2::SockRef::from(&ours).set_send_buffer_size(20_000).unwrap();
        let (_reader, writer) = ours.into_split();
        (writer, peer)
    }

    /// Two megabytes of records of a log, in its file, and the same in memory.
    fn records(folder: &TempDir) -> (FileRecords, Bytes) {
        let identity = LogDirConfig {
            cluster_id: "cluster".to_owned(),
            node_id: 1,
            directory_id: None,
            data_key: None,
        };
        let (dir, _) = LogDir::open(folder.path(), identity).unwrap();
        let log = dir.create_log("orders", uuid::Uuid::from_u128(7), 0, LogConfig::default());
        let log = log.unwrap();
        for number in 0..200_u8 {
            let mut batch = RecordBatchBuilder::new();
            let value = [number; 10_000];
            batch.append(1_700_000_000_000, None, Some(&value), &[]);
            let append = LeaderAppend {
                leader_epoch: 0,
                origin: AppendOrigin::Client,
                now_ms: 1_700_000_000_000,
                guard: None,
            };
            let bytes: BytesMut = batch.build().unwrap();
            log.append_as_leader(bytes.freeze(), append).unwrap();
        }
        let bytes = log.read(3, usize::MAX, 190, true).unwrap();
        let Records::InFile(records) = log.find(3, usize::MAX, 190, true).unwrap() else {
            panic!("they are not in their file");
        };
        (records, bytes)
    }

    async fn written<W: ReplyStream, R: tokio::io::AsyncRead + Unpin>(
        (mut writer, mut reader): (W, R),
        frame: ReplyFrame,
    ) -> Vec<u8> {
        let mut read = Vec::new();
        let write = async move {
            write_frame(&mut writer, frame, STALL).await.unwrap();
            writer.shutdown().await.unwrap();
        };
        let (_, outcome) = tokio::join!(write, reader.read_to_end(&mut read));
        outcome.unwrap();
        read
    }

    #[tokio::test]
    async fn many_pieces_arrive_in_order() {
        let pieces: Vec<Bytes> = (0u8..200)
            .map(|number| Bytes::from(vec![number; usize::from(number % 7)]))
            .collect();
        let expected = pieces.concat();
        assert_eq!(written(duplex(16), ReplyFrame::of(pieces.clone())).await, expected);
        assert_eq!(written(socket().await, ReplyFrame::of(pieces)).await, expected);
    }

    #[tokio::test]
    async fn records_in_files_arrive_between_other_pieces() {
        let folder = TempDir::new().unwrap();
        let (records, bytes) = records(&folder);
        let frame = || {
            let mut frame = ReplyFrame::of([Bytes::from_static(b"head"), Bytes::new(), Bytes::from_static(b"more")]);
            let records = || ReplyPiece::Records(records.clone());
            let tail = ReplyPiece::Bytes(Bytes::from_static(b"tail"));
            frame.pieces.extend([records(), records(), tail, records()]);
            frame
        };
        let expected = [b"headmore", &bytes[..], &bytes, b"tail", &bytes].concat();
        assert!(written(socket().await, frame()).await == expected, "through a socket");
        assert!(
            written(duplex(1 << 16), frame()).await == expected,
            "through something else"
        );
    }

    #[tokio::test]
    async fn peer_that_reads_nothing_is_given_up() {
        let folder = TempDir::new().unwrap();
        let (records, _) = records(&folder);
        let frame = || ReplyFrame {
            pieces: vec![ReplyPiece::Records(records.clone())],
            memory: None,
        };
        let stall = Duration::from_millis(20);
        let (mut ours, _theirs) = duplex(16);
        let error = write_frame(&mut ours, frame(), stall).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let (mut ours, _theirs) = socket().await;
        let error = write_frame(&mut ours, frame(), stall).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
