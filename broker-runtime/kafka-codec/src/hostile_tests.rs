//! Frames of a hostile peer: every API in every version is given noise, absurd counts and torn bodies. Whatever comes,
//! the answer is a value and memory stays small.

use bytes::Bytes;
use kafka_wire::{FetchRequest, KafkaRequest, MetadataRequest, OffsetCommitRequest, ProduceRequest};
use proptest::prelude::*;

use crate::{DecodeError, api_descriptor, decode_limits, decode_request, decode_request_header, encode_request};

fn decode_all(version: i16, body: &Bytes) {
    fn one<R: KafkaRequest>(version: i16, body: &Bytes) {
        let _ = decode_request::<R>(version, body.clone(), decode_limits());
    }
    one::<ProduceRequest>(version, body);
    one::<FetchRequest>(version, body);
    one::<MetadataRequest>(version, body);
    one::<OffsetCommitRequest>(version, body);
    one::<kafka_wire::ListOffsetsRequest>(version, body);
    one::<kafka_wire::JoinGroupRequest>(version, body);
    one::<kafka_wire::SyncGroupRequest>(version, body);
    one::<kafka_wire::CreateTopicsRequest>(version, body);
    one::<kafka_wire::IncrementalAlterConfigsRequest>(version, body);
    one::<kafka_wire::ApiVersionsRequest>(version, body);
    one::<kafka_wire::SaslAuthenticateRequest>(version, body);
}

proptest! {
    #[test]
    fn noise_is_an_error_or_a_value(version in -2_i16..20, noise in prop::collection::vec(any::<u8>(), 0..400)) {
        let noise = Bytes::from(noise);
        let _ = decode_request_header(noise.clone(), decode_limits());
        decode_all(version, &noise);
    }

    #[test]
    fn torn_bodies_are_errors(version in 3_i16..=13, cut in 0_usize..100) {
        let mut topic = kafka_wire::produce_request::TopicProduceData::default();
        topic.partition_data = vec![kafka_wire::produce_request::PartitionProduceData::default()];
        let mut request = ProduceRequest::default();
        request.topic_data = vec![topic];
        let frame = encode_request(1, None, version, &request).unwrap();
        let (_, body) = decode_request_header(frame.slice(4..), decode_limits()).unwrap();
        if cut < body.len() {
            prop_assert!(decode_request::<ProduceRequest>(version, body.slice(..cut), decode_limits()).is_err());
        }
        let mut long = body.to_vec();
        long.push(0);
        let trailing = decode_request::<ProduceRequest>(version, Bytes::from(long), decode_limits());
        prop_assert_eq!(trailing, Ok(request));
    }
}

#[test]
fn librdkafkas_question_for_all_topics_is_understood() {
    // Metadata 13 of librdkafka 2.16.1: the null array takes four bytes instead of one, and Kafka does not mind.
    let body = Bytes::from_static(&[0, 0, 0, 0, 1, 0, 0]);
    let request = decode_request::<MetadataRequest>(13, body, decode_limits()).unwrap();
    assert_eq!(request.topics, None);
}

#[test]
fn absurd_array_counts_are_refused_before_anything_is_reserved() {
    for count in [i32::MAX, i32::MIN, -2, 200_000] {
        let body = Bytes::copy_from_slice(&count.to_be_bytes());
        assert!(
            decode_request::<MetadataRequest>(1, body.clone(), decode_limits()).is_err(),
            "{count}"
        );
        // transactional_id null, acks, timeout, topics
        let mut produce = vec![0xff, 0xff, 0, 1, 0, 0, 0, 9];
        produce.extend_from_slice(&body);
        assert!(
            decode_request::<ProduceRequest>(3, Bytes::from(produce), decode_limits()).is_err(),
            "{count}"
        );
    }
    // The largest varint, as the count of a compact array.
    let body = Bytes::from_static(&[0xff, 0xff, 0xff, 0xff, 0x0f]);
    assert!(decode_request::<MetadataRequest>(12, body, decode_limits()).is_err());
}

#[test]
fn a_count_within_limits_but_without_elements_is_an_error() {
    let body = Bytes::copy_from_slice(&99_999_i32.to_be_bytes());
    let result = decode_request::<MetadataRequest>(1, body, decode_limits());
    assert!(matches!(result, Err(DecodeError::UnexpectedEnd { .. })));
}

#[test]
fn versions_out_of_range_are_errors() {
    for version in [i16::MIN, -1, 14, 99, i16::MAX] {
        let result = decode_request::<ProduceRequest>(version, Bytes::new(), decode_limits());
        assert!(
            matches!(result, Err(DecodeError::UnsupportedVersion { .. })),
            "{version}"
        );
    }
}

#[test]
fn every_api_of_kafka_is_known() {
    // 72 and 71 are telemetry, 92 the last share group API.
    for key in [0, 1, 2, 3, 8, 18, 22, 36, 44, 71, 72, 92] {
        assert!(api_descriptor(key).is_some(), "{key}");
    }
    assert!(api_descriptor(-1).is_none());
}
