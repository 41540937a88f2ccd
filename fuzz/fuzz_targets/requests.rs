//! Frames of a client: the header, and the body as the request of its API and version.
#![no_main]

use bytes::Bytes;
use kafka_codec::{Reread, decode_limits, decode_request_header, reread_request};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|frame: &[u8]| {
    if let Ok((header, body)) = decode_request_header(Bytes::copy_from_slice(frame), decode_limits()) {
        let reread = reread_request(header.api_key, header.api_version, body);
        assert!(!matches!(reread, Reread::Different(_)), "{header:?}: {reread:?}");
    }
});
