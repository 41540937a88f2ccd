//! The bytes below were printed by Apache Kafka 4.3.1 (`MessageUtil`, generated messages of the group coordinator).

use super::*;

const RECORDS: [(&str, &str); 7] = [
    ("0003000167", "0000000000070100080000000000000005"),
    ("0003000167", "00000000000700"),
    (
        "000500016700016d",
        "00000269000263032f68030274027504722e2a000493e008756e69666f726d00",
    ),
    ("0006000167", "0000000000070100080000000000000009"),
    (
        "000700016700016d",
        "000002000000000000000100000000000000020300000000000000030000",
    ),
    (
        "000800016700016d",
        "0000000000070000000601020000000000000001000000000000000203000000000000000301000903000000050000000702000000000000\
         000100000000000000020200000004010005020000000500",
    ),
    ("00100001670003722e2a", "0000020274000000000000000c000000000000000d00"),
];

/// What an older Kafka writes: the epochs of partitions are missing, a member uses the classic protocol.
const CURRENT_WITHOUT_EPOCHS: &str = "00000000000700000006000200000000000000010000000000000002030000000000000003000100";
const MEMBER_OF_CLASSIC_PROTOCOL: &str =
    "00000269000263032f68030274027501000493e0010100100100000001020672616e676502010000";

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn topic_id() -> Uuid {
    Uuid::from_u64_pair(1, 2)
}

fn held(partitions: &[(i32, i32)]) -> HeldPartitions {
    let mut held = HeldPartitions::default();
    for (partition, epoch) in partitions {
        held.insert(topic_id(), *partition, *epoch);
    }
    held
}

fn member() -> MemberMetadata {
    MemberMetadata {
        instance_id: Some(InstanceId::new("i")),
        rack_id: None,
        client_id: "c".into(),
        client_host: "/h".into(),
        topics: ["t".into(), "u".into()].into(),
        regex: Some("r.*".into()),
        rebalance_timeout_ms: 300_000,
        server_assignor: Some("uniform".into()),
        classic: None,
    }
}

fn records() -> [ConsumerRecord; 7] {
    let group = |metadata_hash| {
        ConsumerRecord::Group(Some(GroupEpoch {
            epoch: 7,
            metadata_hash,
        }))
    };
    let current = CurrentAssignment {
        epoch: 7,
        previous_epoch: 6,
        state: MemberState::UnrevokedPartitions,
        assigned: held(&[(0, 5), (3, 7)]),
        revoking: held(&[(4, 5)]),
    };
    let found = ResolvedRegex {
        topics: ["t".into()].into(),
        version: 12,
        timestamp_ms: 13,
    };
    let target = [(topic_id(), 0), (topic_id(), 3)].into_iter().collect();
    [
        group(5),
        group(0),
        ConsumerRecord::Member(MemberId::new("m"), Some(member())),
        ConsumerRecord::TargetEpoch(Some(TargetEpoch {
            epoch: 7,
            timestamp_ms: 9,
        })),
        ConsumerRecord::Target(MemberId::new("m"), Some(target)),
        ConsumerRecord::Current(MemberId::new("m"), Some(current)),
        ConsumerRecord::Regex("r.*".into(), Some(found)),
    ]
}

fn read(key: &[u8], value: Option<&[u8]>) -> Result<Option<(GroupId, ConsumerRecord)>, RecordFormatError> {
    let mut reader = Reader::new(key);
    let kind = reader.i16()?;
    decode(kind, reader, value)
}

#[test]
fn records_have_the_bytes_of_kafka() {
    for ((key, value), record) in RECORDS.into_iter().zip(records()) {
        let (key, value) = (unhex(key), unhex(value));
        let (written_key, written_value) = encode(&GroupId::new("g"), &record);
        assert_eq!(
            (&*written_key, written_value.as_deref()),
            (&*key, Some(&*value)),
            "{record:?}"
        );
        assert_eq!(read(&key, Some(&value)), Ok(Some((GroupId::new("g"), record))));
    }
}

#[test]
fn records_of_an_older_kafka_are_read() {
    let key = unhex("000800016700016d");
    let Ok(Some((_, ConsumerRecord::Current(_, Some(current))))) = read(&key, Some(&unhex(CURRENT_WITHOUT_EPOCHS)))
    else {
        panic!("it is read");
    };
    assert_eq!(
        (current.assigned, current.epoch),
        (held(&[(0, 7), (3, 7)]), 7),
        "the member's epoch stands in"
    );
    let key = unhex("000500016700016d");
    let expected = MemberMetadata {
        regex: None,
        server_assignor: None,
        classic: Some(ClassicMember {
            session_timeout_ms: 1,
            protocols: vec![MemberProtocol {
                name: "range".into(),
                metadata: Bytes::from_static(&[1]),
            }],
        }),
        ..member()
    };
    let found = read(&key, Some(&unhex(MEMBER_OF_CLASSIC_PROTOCOL))).unwrap().unwrap().1;
    assert_eq!(found, ConsumerRecord::Member(MemberId::new("m"), Some(expected)));
    let (written, value) = encode(&GroupId::new("g"), &found);
    assert_eq!(written, key);
    let kafka = unhex(MEMBER_OF_CLASSIC_PROTOCOL);
    // Where there is no expression Kafka wrote the empty one, and we write that there is none.
    assert_eq!(value.unwrap().len(), kafka.len());
}

#[test]
fn damaged_records_are_errors_and_never_panics() {
    for (key, value) in RECORDS {
        let (key, whole) = (unhex(key), unhex(value));
        for end in 0..whole.len() {
            assert!(read(&key, Some(&whole[..end])).is_err());
        }
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] = 0xff;
            let _ = read(&key, Some(&damaged));
        }
    }
    assert!(read(&[0, 3, 0, 9], None).is_err(), "the name is cut off");
}
