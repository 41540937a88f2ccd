//! Façade over the wire codec: messages, headers, limits, record batch view, compression. No I/O.
//!
//! A request comes in as a frame; [`decode_request_header`] splits it, [`decode_request`] reads the body,
//! [`encode_response`] makes the frame that goes back. Two messages carry records and have rules of their own:
//! `ProduceRequest` keeps them as slices of the frame, and [`encode_fetch_response`] gives the frame in pieces, so that
//! records are never copied.
//!
//! Nothing in here trusts a number from a peer: lengths and counts are checked against [`DecodeLimits`] and against the
//! bytes that are there, and no memory is reserved by a claimed count.

mod any_request;
mod error_code;
mod fetch_response;
mod frame;
mod kafka_uuid;
mod limits;
pub mod record_batch;

pub use any_request::{Reread, reread_request};
pub use error_code::ErrorCode;
pub use fetch_response::{FetchPiece, encode_fetch_response};
pub use frame::{
    HeaderError, RequestHeader, ResponseError, api_descriptor, decode_request, decode_request_header, decode_response,
    encode_request, encode_response,
};
pub use kafka_uuid::{UuidTextError, uuid_from_text, uuid_from_wire, uuid_to_text, uuid_to_wire};
pub use limits::{FRAME_BYTES_MAX, UNAUTHENTICATED_FRAME_BYTES_MAX, decode_limits, frame_bytes_max};

pub use kafka_wire_core::{
    ApiKey, ApiVersion, DecodeError, DecodeLimits, EncodeError, KafkaDecode, KafkaEncode, StrBytes, TaggedFields,
    Uuid as WireUuid, VersionRange,
};

/// Every generated message, and the structures inside of them as `produce_request::TopicProduceData` and so on.
/// The types are `#[non_exhaustive]`: start from `default()` and set fields.
///
/// Encoding refuses a field that the version asked for cannot carry and that is not at its default: set
/// version-dependent fields only where the version has them.
pub mod messages {
    pub use kafka_wire::*;
}

/// The payloads that members of a classic consumer group exchange through `JoinGroup` and `SyncGroup`.
pub mod consumer_protocol {
    pub use kafka_wire::{
        ConsumerProtocolAssignment, ConsumerProtocolSubscription, consumer_protocol_assignment,
        consumer_protocol_subscription, decode_consumer_protocol_assignment, decode_consumer_protocol_subscription,
        encode_consumer_protocol_assignment, encode_consumer_protocol_subscription,
    };
}

#[cfg(test)]
mod any_request_tests;
#[cfg(test)]
mod hostile_tests;
