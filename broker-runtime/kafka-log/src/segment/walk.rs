//! Walking through a segment's file: from header to header, or batch by batch with all of its bytes.

use std::{io, sync::Arc};

use kafka_codec::record_batch::{BatchError, BatchHeader, EndTransactionMarker, HEADER_BYTES, RecordBatch, batches};

use super::segment::{Segment, size_of_batch};
use crate::storage::StorageFile;

/// Bytes read at once when only headers are wanted.
const WINDOW_BYTES: usize = 4096;

/// Headers of a segment with their positions.
pub(crate) struct Headers {
    file: io::Result<Option<Arc<dyn StorageFile>>>,
    position: u64,
    end: u64,
    window: Vec<u8>,
    window_start: u64,
}

impl Headers {
    fn parse_next(&mut self) -> io::Result<(BatchHeader, u64)> {
        let file = match &self.file {
            Ok(Some(file)) => file,
            Ok(None) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) => return Err(io::Error::new(error.kind(), error.to_string())),
        };
        let in_window = usize::try_from(self.position - self.window_start).unwrap_or(usize::MAX);
        let mut bytes = self.window.get(in_window..).unwrap_or_default();
        if bytes.len() < HEADER_BYTES {
            self.window = file.read_at(WINDOW_BYTES, self.position)?;
            self.window_start = self.position;
            bytes = &self.window;
        }
        let header = BatchHeader::parse(bytes).map_err(invalid_data)?;
        let position = self.position;
        self.position += size_of_batch(&header);
        if self.position > self.end {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok((header, position))
    }
}

impl Iterator for Headers {
    type Item = io::Result<(BatchHeader, u64)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.position >= self.end {
            return None;
        }
        let next = self.parse_next();
        if next.is_err() {
            self.position = self.end;
        }
        Some(next)
    }
}

/// Where a scan ended, and why, if not at the end.
#[derive(Debug)]
pub(crate) struct ScanEnd {
    pub(crate) position: u64,
    pub(crate) error: Option<BatchError>,
}

impl Segment {
    /// The headers from `position` on, which has to be that of a batch.
    pub(crate) fn headers(&self, position: u64) -> Headers {
        let end = self.size();
        let file = if position < end {
            self.open(false).map(Some)
        } else {
            Ok(None)
        };
        Headers {
            file,
            position,
            end,
            window: Vec::new(),
            window_start: position,
        }
    }

    /// The marker in the control batch at `position`.
    pub(crate) fn marker(&self, header: &BatchHeader, position: u64) -> io::Result<Option<EndTransactionMarker>> {
        let bytes = self.open(false)?.read_at(header.size_in_bytes(), position)?;
        let batch = RecordBatch::parse(&bytes).map_err(invalid_data)?;
        Ok(EndTransactionMarker::of(&batch))
    }

    /// Visits all batches from the first on, of which it reads so many bytes at once. Ends at the first that is torn or that `visit`
    /// refuses.
    pub(crate) fn scan(
        &self,
        end: u64,
        chunk_bytes: usize,
        mut visit: impl FnMut(&RecordBatch<'_>, u64) -> io::Result<Result<(), BatchError>>,
    ) -> io::Result<ScanEnd> {
        let mut position = 0;
        let chunk_bytes = to_u64(chunk_bytes).max(1);
        let mut wanted = chunk_bytes;
        while position < end {
            let length = usize::try_from(wanted.min(end - position)).map_err(io::Error::other)?;
            let chunk = self.open(false)?.read_at(length, position)?;
            let mut walk = batches(&chunk);
            let mut start = 0;
            wanted = chunk_bytes;
            while let Some(batch) = walk.next() {
                let visited = match batch {
                    Ok(batch) => visit(&batch, position + to_u64(start))?,
                    Err(BatchError::Truncated { needed, .. })
                        if position + to_u64(start) + to_u64(needed) <= end && chunk.len() == length =>
                    {
                        wanted = wanted.max(to_u64(needed));
                        break;
                    }
                    Err(error) => Err(error),
                };
                if let Err(error) = visited {
                    return Ok(ScanEnd {
                        position: position + to_u64(start),
                        error: Some(error),
                    });
                }
                start = walk.position();
            }
            position += to_u64(start);
            if chunk.len() < length {
                // The file is shorter than it was said to be.
                break;
            }
        }
        Ok(ScanEnd { position, error: None })
    }
}

fn to_u64(bytes: usize) -> u64 {
    u64::try_from(bytes).expect("usize has at most 64 bits")
}

pub(crate) fn invalid_data(error: BatchError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
