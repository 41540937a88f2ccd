//! Frames and headers. A frame here never includes its 4-byte length on the way in (the connection has read it) and
//! always includes it on the way out.

use bytes::{Bytes, BytesMut};
use kafka_wire::{
    API_DESCRIPTORS, ApiDescriptor, KafkaRequest, KafkaResponse, OutboundFrameLimits, RequestResponsePair,
    response_header_version_for,
};
use kafka_wire_core::{ApiVersion, DecodeError, DecodeLimits, Decoder, EncodeError, KafkaDecode, StrBytes};
use thiserror::Error;

use crate::limits::FRAME_BYTES_MAX;

const LENGTH_PREFIX_BYTES: usize = 4;

/// Header of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHeader {
    /// Which API.
    pub api_key: i16,
    /// Which version of it; not checked against what we support.
    pub api_version: i16,
    /// Comes back in the response.
    pub correlation_id: i32,
    /// `client.id`, when the client has one.
    pub client_id: Option<StrBytes>,
}

/// Why a header cannot be read. The connection cannot be used any more: where the body starts is unknown.
#[derive(Debug, Error)]
pub enum HeaderError {
    /// No API has this key in any version of Kafka we know.
    #[error("api key {0} does not exist")]
    UnknownApiKey(i16),
    /// The bytes are no header.
    #[error("request header cannot be decoded")]
    Decode(#[from] DecodeError),
}

/// Why a response cannot be read.
#[derive(Debug, Error)]
pub enum ResponseError {
    /// The version is none of this API.
    #[error("api version {0} does not exist")]
    Version(i16),
    /// The bytes are no such response.
    #[error("response cannot be decoded")]
    Decode(#[from] DecodeError),
}

/// What is known of an API: its versions and where flexible encoding begins. `None` when there is no such key.
pub fn api_descriptor(api_key: i16) -> Option<&'static ApiDescriptor> {
    API_DESCRIPTORS.iter().find(|api| api.api_key.value() == api_key)
}

/// Splits a frame into its header and its body.
///
/// A version we do not support is no error here, so that `ApiVersions` can be answered with what we do support
/// (KIP-511); [`decode_request`] refuses it.
pub fn decode_request_header(frame: Bytes, limits: DecodeLimits) -> Result<(RequestHeader, Bytes), HeaderError> {
    let mut decoder = Decoder::new(frame.clone(), limits)?;
    let api_key = decoder.read_i16()?;
    let api_version = decoder.read_i16()?;
    let api = api_descriptor(api_key).ok_or(HeaderError::UnknownApiKey(api_key))?;
    // Versions above those we know are flexible as well, as in Kafka's ApiKeys.requestHeaderVersion.
    let flexible = api
        .request
        .flexible_versions
        .is_some_and(|range| api_version >= range.min().value());
    let correlation_id = decoder.read_i32()?;
    let client_id = decoder.read_nullable_string()?;
    if flexible {
        decoder.read_tagged_fields()?;
    }
    let body = frame.slice(frame.len() - decoder.remaining()..);
    Ok((
        RequestHeader {
            api_key,
            api_version,
            correlation_id,
            client_id,
        },
        body,
    ))
}

/// Reads the body of a request. A version out of range and a body that ends early are errors. Bytes that are left over are
/// not, as in Kafka: librdkafka asks for the metadata of all topics with three bytes too many.
pub fn decode_request<R: KafkaRequest>(version: i16, body: Bytes, limits: DecodeLimits) -> Result<R, DecodeError> {
    R::decode(&mut Decoder::new(body, limits)?, ApiVersion::new(version))
}

/// Makes the frame of a response: length, header, body. `ApiVersions` has header version 0 in all versions.
pub fn encode_response<R: KafkaResponse>(
    correlation_id: i32,
    version: i16,
    response: &R,
) -> Result<Bytes, EncodeError> {
    let version = ApiVersion::new(version);
    let mut frame = BytesMut::with_capacity(LENGTH_PREFIX_BYTES + 64);
    put_response_header(&mut frame, R::API_KEY, version, R::is_flexible(version), correlation_id);
    response.encode_into(&mut frame, version)?;
    let length = frame.len();
    set_length_prefix(&mut frame, length)?;
    Ok(frame.freeze())
}

/// Appends room for the length, and the header.
pub(crate) fn put_response_header(
    frame: &mut BytesMut,
    api_key: kafka_wire_core::ApiKey,
    version: ApiVersion,
    flexible: bool,
    correlation_id: i32,
) {
    frame.extend_from_slice(&[0; LENGTH_PREFIX_BYTES]);
    frame.extend_from_slice(&correlation_id.to_be_bytes());
    if kafka_wire::response_header_version(api_key, version, flexible) >= 1 {
        // No tagged fields.
        frame.extend_from_slice(&[0]);
    }
}

/// Writes the length into the first four bytes; `frame_bytes` counts them too.
pub(crate) fn set_length_prefix(frame: &mut [u8], frame_bytes: usize) -> Result<(), EncodeError> {
    let bytes = frame_bytes - LENGTH_PREFIX_BYTES;
    let length = i32::try_from(bytes).map_err(|_| EncodeError::FrameTooLarge { bytes })?;
    frame[..LENGTH_PREFIX_BYTES].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// Makes the frame of a request, for our own client.
pub fn encode_request<R: KafkaRequest>(
    correlation_id: i32,
    client_id: Option<&str>,
    version: i16,
    request: &R,
) -> Result<Bytes, EncodeError> {
    let mut frame = BytesMut::new();
    let limits = OutboundFrameLimits::new(FRAME_BYTES_MAX);
    let client_id = client_id.map(StrBytes::from);
    kafka_wire::encode_request(
        &mut frame,
        correlation_id,
        client_id,
        request,
        ApiVersion::new(version),
        limits,
    )?;
    Ok(frame.freeze())
}

/// Reads the response to a request `R`, for our own client. Gives the correlation id and the message; records in it
/// are slices of the frame.
pub fn decode_response<R: RequestResponsePair>(
    version: i16,
    frame: Bytes,
    limits: DecodeLimits,
) -> Result<(i32, R::Response), ResponseError> {
    let api_version = ApiVersion::new(version);
    let header_version = response_header_version_for::<R>(api_version).map_err(|_| ResponseError::Version(version))?;
    let mut decoder = Decoder::new(frame, limits)?;
    let correlation_id = decoder.read_i32()?;
    if header_version >= 1 {
        decoder.read_tagged_fields()?;
    }
    let response = R::Response::decode(&mut decoder, api_version)?;
    decoder.finish()?;
    Ok((correlation_id, response))
}

#[cfg(test)]
mod tests {
    use kafka_wire::{
        ApiVersionsRequest, ApiVersionsResponse, MetadataRequest, MetadataResponse, ProduceRequest,
        produce_request::{PartitionProduceData, TopicProduceData},
    };

    use super::*;
    use crate::decode_limits;

    fn without_length(frame: &Bytes) -> Bytes {
        let length = i32::from_be_bytes(frame[..4].try_into().unwrap());
        assert_eq!(usize::try_from(length).unwrap(), frame.len() - 4);
        frame.slice(4..)
    }

    #[test]
    fn request_makes_the_round_trip_in_every_version() {
        for version in 0..=13 {
            let frame = encode_request(7, Some("me"), version, &MetadataRequest::default()).unwrap();
            let (header, body) = decode_request_header(without_length(&frame), decode_limits()).unwrap();
            let client_id = Some(StrBytes::from("me"));
            assert_eq!(
                header,
                RequestHeader {
                    api_key: 3,
                    api_version: version,
                    correlation_id: 7,
                    client_id
                }
            );
            decode_request::<MetadataRequest>(version, body, decode_limits()).unwrap();
        }
    }

    #[test]
    fn api_versions_response_has_the_oldest_header_in_every_version() {
        for version in 0..=4 {
            let frame = encode_response(9, version, &ApiVersionsResponse::default()).unwrap();
            // The error code follows the correlation id at once.
            assert_eq!(frame[4..10], [0, 0, 0, 9, 0, 0]);
            decode_response::<ApiVersionsRequest>(version, without_length(&frame), decode_limits()).unwrap();
        }
    }

    #[test]
    fn flexible_response_header_has_an_empty_tag_section_and_no_tags_follow() {
        let frame = encode_response(9, 12, &MetadataResponse::default()).unwrap();
        assert_eq!(frame[4..9], [0, 0, 0, 9, 0]);
        // librdkafka up to 2.0 cannot skip tags: a body of defaults must end in a count of none.
        assert_eq!(frame.last(), Some(&0));
        let (correlation_id, _) =
            decode_response::<MetadataRequest>(12, without_length(&frame), decode_limits()).unwrap();
        assert_eq!(correlation_id, 9);
    }

    #[test]
    fn api_versions_response_omits_tags_that_are_at_their_default() {
        // throttle_time_ms, then the count of tags.
        let frame = encode_response(1, 3, &ApiVersionsResponse::default()).unwrap();
        assert_eq!(frame[8..], [0, 0, 1, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn header_of_a_future_api_versions_request_is_readable() {
        let mut frame = BytesMut::new();
        frame.extend_from_slice(&[0, 18, 0, 99, 0, 0, 0, 5, 0, 1, b'c', 0, 42, 43]);
        let (header, body) = decode_request_header(frame.freeze(), decode_limits()).unwrap();
        assert_eq!((header.api_version, header.correlation_id), (99, 5));
        assert_eq!(body[..], [42, 43]);
        let refused = decode_request::<ApiVersionsRequest>(99, body, decode_limits());
        assert!(matches!(refused, Err(DecodeError::UnsupportedVersion { .. })));
    }

    #[test]
    fn unknown_api_key_is_refused() {
        let frame = Bytes::from_static(&[0x7f, 0xff, 0, 0, 0, 0, 0, 5, 0xff, 0xff]);
        assert!(matches!(
            decode_request_header(frame, decode_limits()),
            Err(HeaderError::UnknownApiKey(0x7fff))
        ));
    }

    #[test]
    fn records_of_a_produce_request_are_slices_of_the_frame() {
        for version in 3..=13 {
            let mut partition = PartitionProduceData::default();
            partition.records = Some(Bytes::from(vec![7; 1000]));
            let mut topic = TopicProduceData::default();
            topic.partition_data = vec![partition];
            let mut request = ProduceRequest::default();
            request.topic_data = vec![topic];
            let frame = encode_request(1, None, version, &request).unwrap();
            let (_, body) = decode_request_header(without_length(&frame), decode_limits()).unwrap();
            let request: ProduceRequest = decode_request(version, body, decode_limits()).unwrap();
            let records = request.topic_data[0].partition_data[0].records.clone().unwrap();
            assert_eq!(records.len(), 1000);
            assert!(
                frame.as_ptr_range().contains(&records.as_ptr()),
                "version {version} copied the records"
            );
        }
    }
}
