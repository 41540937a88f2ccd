//! Frames of the metadata log: length and CRC-32C, each four bytes, big-endian, then the bytes they speak of.

/// Bytes in front of a frame's content.
pub(super) const HEADER_BYTES: usize = 8;

/// No frame is longer; a length above it is not one.
pub(super) const CONTENT_BYTES_MAX: usize = 1 << 30;

/// Appends a frame with `content` to `buffer`; `None` when it is too long.
pub(super) fn append(buffer: &mut Vec<u8>, content: &[u8]) -> Option<()> {
    let length = u32::try_from(content.len())
        .ok()
        .filter(|_| content.len() <= CONTENT_BYTES_MAX)?;
    buffer.reserve(HEADER_BYTES + content.len());
    buffer.extend_from_slice(&length.to_be_bytes());
    buffer.extend_from_slice(&checksum(content).to_be_bytes());
    buffer.extend_from_slice(content);
    Some(())
}

/// The content of the frame that `bytes` begins with; `None` when it is cut off or damaged. An empty frame does not exist.
pub(super) fn first(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (expected, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let content = rest.get(..length).filter(|content| !content.is_empty())?;
    (checksum(content) == u32::from_be_bytes(*expected)).then_some(content)
}

/// True when a whole frame begins anywhere in `bytes`.
pub(super) fn is_anywhere(bytes: &[u8]) -> bool {
    (0..bytes.len()).any(|at| first(&bytes[at..]).is_some())
}

fn checksum(content: &[u8]) -> u32 {
    let value = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, content);
    u32::try_from(value).unwrap_or(u32::MAX)
}
