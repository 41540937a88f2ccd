//! The bytes below were printed by Apache Kafka 4.3.1 (`GroupCoordinatorRecordHelpers`, `MessageUtil`).

use super::*;

const OFFSET_KEY: &str = "0001000a6f72646572732d61707000066f726465727300000003";
const GROUP_KEY: &str = "0002000a6f72646572732d617070";
const GROUP_V3: &str = "00030008636f6e73756d657200000005000572616e676500036d2d310000018bcfe568000000000200036d2d310004696e73740003636c69000a2f3132372e302e302e31000493e00000afc80000000301020300000002040500036d2d32ffff0003636c69000a2f3132372e302e302e31000493e00000afc80000000000000000";
const GROUP_V4: &str = "000409636f6e73756d6572000000050672616e6765046d2d310000018bcfe5680003046d2d3105696e737404636c690b2f3132372e302e302e31000493e00000afc80401020303040500046d2d320004636c690b2f3132372e302e302e31000493e00000afc801010000";
const GROUP_V3_EMPTY: &str = "00030008636f6e73756d657200000006ffffffff0000018bcfe5680000000000";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn offset(value: Option<CommittedOffset>) -> GroupRecord {
    GroupRecord::Offset {
        group_id: GroupId::new("orders-app"),
        topic_partition: TopicPartition {
            topic: "orders".into(),
            partition: 3,
        },
        value,
    }
}

fn committed(topic_id: Uuid) -> CommittedOffset {
    CommittedOffset {
        offset: 42,
        leader_epoch: 7,
        metadata: "note".into(),
        commit_timestamp_ms: 1_700_000_000_000,
        expire_timestamp_ms: None,
        topic_id,
    }
}

fn group() -> GroupMetadata {
    let member = |id: &str, instance: Option<&str>, subscription: &'static [u8], assignment: &'static [u8]| {
        GroupMetadataMember {
            member_id: MemberId::new(id),
            group_instance_id: instance.map(InstanceId::new),
            client_id: "cli".into(),
            client_host: "/127.0.0.1".into(),
            rebalance_timeout_ms: 300_000,
            session_timeout_ms: 45_000,
            subscription: Bytes::from_static(subscription),
            assignment: Bytes::from_static(assignment),
        }
    };
    GroupMetadata {
        protocol_type: "consumer".into(),
        generation: 5,
        protocol: Some("range".into()),
        leader: Some(MemberId::new("m-1")),
        current_state_timestamp_ms: 1_700_000_000_000,
        members: vec![
            member("m-1", Some("inst"), &[1, 2, 3], &[4, 5]),
            member("m-2", None, &[], &[]),
        ],
    }
}

fn assert_bytes(record: &GroupRecord, key: &str, value: Option<&str>) {
    let (encoded_key, encoded_value) = record.encode();
    assert_eq!(hex(&encoded_key), key);
    assert_eq!(encoded_value.as_deref().map(hex).as_deref(), value);
    assert_eq!(
        GroupRecord::decode(Some(&encoded_key), encoded_value.as_deref()),
        Ok(Some(record.clone()))
    );
}

#[test]
fn offsets_are_written_as_kafka_writes_them() {
    assert_bytes(
        &offset(Some(committed(Uuid::nil()))),
        OFFSET_KEY,
        Some("0004000000000000002a00000007056e6f74650000018bcfe5680000"),
    );
    assert_bytes(
        &offset(Some(committed(Uuid::from_u128(
            0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10,
        )))),
        OFFSET_KEY,
        Some("0004000000000000002a00000007056e6f74650000018bcfe568000100100102030405060708090a0b0c0d0e0f10"),
    );
    assert_bytes(&offset(None), OFFSET_KEY, None);
}

#[test]
fn an_offset_with_its_own_retention_is_written_as_version_1() {
    let value = CommittedOffset {
        leader_epoch: -1,
        metadata: "".into(),
        expire_timestamp_ms: Some(1_700_000_060_000),
        ..committed(Uuid::nil())
    };
    assert_bytes(
        &offset(Some(value)),
        OFFSET_KEY,
        Some("0001000000000000002a00000000018bcfe568000000018bcfe65260"),
    );
}

#[test]
fn groups_are_written_as_kafka_writes_them() {
    let group_id = GroupId::new("orders-app");
    let record = |value| GroupRecord::Group {
        group_id: group_id.clone(),
        value,
    };
    assert_bytes(&record(Some(group())), GROUP_KEY, Some(GROUP_V3));
    assert_bytes(&record(None), GROUP_KEY, None);
    let empty = GroupMetadata {
        generation: 6,
        protocol: None,
        leader: None,
        members: Vec::new(),
        ..group()
    };
    assert_bytes(&record(Some(empty)), GROUP_KEY, Some(GROUP_V3_EMPTY));
}

#[test]
fn groups_of_other_versions_are_read() {
    assert_eq!(decode_group_value(&unhex(GROUP_V4)), Ok(group()));
    for old in [
        "00000008636f6e73756d657200000005000572616e676500036d2d310000000100036d2d310003636c6900022f680000afc800000001010000000104",
        "00010008636f6e73756d657200000005000572616e676500036d2d310000000100036d2d310003636c6900022f68ffffffff0000afc800000001010000000104",
        "00020008636f6e73756d657200000005000572616e676500036d2d31ffffffffffffffff0000000100036d2d310003636c6900022f68ffffffff0000afc800000001010000000104",
    ] {
        let read = decode_group_value(&unhex(old)).unwrap();
        assert_eq!(read.current_state_timestamp_ms, -1);
        assert_eq!(read.members[0].rebalance_timeout_ms, 45_000);
        assert_eq!(read.members[0].assignment, Bytes::from_static(&[4]));
    }
}

#[test]
fn offsets_of_other_versions_are_read() {
    for (bytes, expiry) in [
        ("00000000000000000009000178000000000000004d", None),
        ("00010000000000000009000178000000000000004d0000000000000063", Some(99)),
        ("00020000000000000009000178000000000000004d", None),
        ("00030000000000000009ffffffff000178000000000000004d", None),
    ] {
        let read = decode_offset_value(&unhex(bytes)).unwrap();
        assert_eq!((read.offset, read.leader_epoch, &*read.metadata), (9, -1, "x"));
        assert_eq!((read.commit_timestamp_ms, read.expire_timestamp_ms), (77, expiry));
    }
}

#[test]
fn kinds_that_are_not_ours_are_skipped() {
    assert_eq!(GroupRecord::decode(Some(&unhex("0004000161")), None), Ok(None));
    assert_eq!(GroupRecord::decode(None, None), Err(RecordFormatError::NoKey));
}

#[test]
fn damaged_records_are_errors_and_never_panics() {
    for whole in [unhex(GROUP_V3), unhex(GROUP_V4)] {
        for end in 0..whole.len() {
            assert!(decode_group_value(&whole[..end]).is_err());
        }
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] = 0xff;
            let _ = decode_group_value(&damaged);
        }
    }
}
