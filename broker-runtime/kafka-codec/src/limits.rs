//! How much a peer may make us hold. The frame size is checked by the connection before anything is allocated; these
//! limits bound what the frame's content may turn into.

use kafka_wire_core::DecodeLimits;

/// Largest frame of a Produce request, and of anything a broker receives from another one: Kafka's default of
/// `socket.request.max.bytes`.
pub const FRAME_BYTES_MAX: usize = 100 * 1024 * 1024;

/// Largest frame of any other request. The largest real ones are assignments of big groups, far below this.
const CONTROL_FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Largest frame before a peer has authenticated, as in Kafka (`sasl.server.max.receive.size`).
pub const UNAUTHENTICATED_FRAME_BYTES_MAX: usize = 512 * 1024;

/// Most elements of one array in a request. A topic name or partition number takes a few bytes on the wire and about
/// a hundred in memory; with this limit a hostile frame grows to several times its size and no further.
const ARRAY_ELEMENTS_MAX: usize = 100_000;

/// Largest string. Kafka's legacy encoding stops at 32 KiB; compact strings could go on.
const STRING_BYTES_MAX: usize = 64 * 1024;

const PRODUCE: i16 = 0;

/// Largest frame accepted for a request with this API key.
pub fn frame_bytes_max(api_key: i16) -> usize {
    if api_key == PRODUCE {
        FRAME_BYTES_MAX
    } else {
        CONTROL_FRAME_BYTES_MAX
    }
}

/// Limits for messages of a peer.
pub fn decode_limits() -> DecodeLimits {
    let mut limits = DecodeLimits::default();
    limits.max_frame_bytes = FRAME_BYTES_MAX;
    limits.max_string_bytes = STRING_BYTES_MAX;
    limits.max_bytes_bytes = FRAME_BYTES_MAX;
    limits.max_array_elements = ARRAY_ELEMENTS_MAX;
    limits.max_tagged_fields = 64;
    limits.max_tag_bytes = 1024 * 1024;
    limits.max_total_tag_bytes = 1024 * 1024;
    limits
}
