//! Batches against bytes that went wrong in every way a disk or a peer can think of.

use std::io::Write;

use bytes::BytesMut;
use proptest::prelude::*;

use super::*;

const CODECS: [Compression; 5] = [
    Compression::None,
    Compression::Gzip,
    Compression::Snappy,
    Compression::Lz4,
    Compression::Zstd,
];
const LIMIT: usize = 1 << 20;

type OwnedRecord = (i64, Option<Vec<u8>>, Option<Vec<u8>>, Vec<(Vec<u8>, Option<Vec<u8>>)>);

fn build(base_offset: i64, compression: Compression, records: &[OwnedRecord]) -> BytesMut {
    let mut builder = RecordBatchBuilder::new()
        .base_offset(base_offset)
        .leader_epoch(3)
        .compression(compression);
    for (timestamp, key, value, headers) in records {
        let headers: Vec<RecordHeaderRef<'_>> = headers
            .iter()
            .map(|(key, value)| (key.as_slice(), value.as_deref()))
            .collect();
        builder.append(*timestamp, key.as_deref(), value.as_deref(), &headers);
    }
    builder.build().unwrap()
}

fn simple(base_offset: i64, compression: Compression, count: i64) -> BytesMut {
    let records: Vec<OwnedRecord> = (0..count)
        .map(|index| (1000 + index, None, Some(vec![b'v'; 100]), Vec::new()))
        .collect();
    build(base_offset, compression, &records)
}

fn record_strategy() -> impl Strategy<Value = OwnedRecord> {
    let bytes = || prop::option::of(prop::collection::vec(any::<u8>(), 0..40));
    // Few keys, so that duplicates are common.
    let header = (prop::collection::vec(0_u8..2, 0..2), bytes());
    (0_i64..1 << 50, bytes(), bytes(), prop::collection::vec(header, 0..4))
}

proptest! {
    #[test]
    fn records_make_the_round_trip_with_headers_byte_exact(
        base_offset in 0_i64..1 << 60,
        codec in 0_usize..5,
        records in prop::collection::vec(record_strategy(), 1..20),
    ) {
        let bytes = build(base_offset, CODECS[codec], &records);
        let batch = RecordBatch::parse(&bytes).unwrap();
        batch.verify_crc().unwrap();
        batch.verify_records(LIMIT).unwrap();
        prop_assert_eq!(batch.header().compression(), CODECS[codec]);
        prop_assert_eq!(batch.header().max_timestamp, records.iter().map(|record| record.0).max().unwrap());
        let read = batch.records(LIMIT).unwrap();
        let read: Vec<OwnedRecord> = read.iter().enumerate().map(|(index, record)| {
            let record = record.unwrap();
            assert_eq!(record.offset, base_offset + i64::try_from(index).unwrap());
            let headers = record.headers.iter().map(|(key, value)| (key.to_vec(), value.map(<[u8]>::to_vec)));
            (record.timestamp, record.key.map(<[u8]>::to_vec), record.value.map(<[u8]>::to_vec), headers.collect())
        }).collect();
        prop_assert_eq!(read, records);
    }

    #[test]
    fn every_prefix_gives_whole_batches_and_at_most_one_error(cut in 0_usize..2000) {
        let mut bytes = simple(0, Compression::None, 3);
        let first = bytes.len();
        bytes.extend_from_slice(&simple(3, Compression::Zstd, 4));
        let second = bytes.len();
        let cut = cut.min(second);
        let mut walk = batches(&bytes[..cut]);
        let found: Vec<_> = walk.by_ref().collect();
        let whole = usize::from(cut >= first) + usize::from(cut >= second);
        prop_assert_eq!(found.iter().filter(|batch| batch.is_ok()).count(), whole);
        prop_assert!(found.len() - whole <= 1);
        prop_assert_eq!(walk.position(), [0, first, second][whole]);
        let torn = found.iter().skip(whole).all(|error| matches!(error, Err(BatchError::Truncated { .. })));
        prop_assert!(torn);
    }

    #[test]
    fn a_flipped_bit_is_noticed(position in 0_usize..400, bit in 0_u8..8, codec in 0_usize..5) {
        let mut bytes = simple(7, CODECS[codec], 3);
        let position = position % bytes.len();
        bytes[position] ^= 1 << bit;
        // Base offset and leader epoch are outside of the CRC, by design.
        let covered = !(0..8).contains(&position) && !(12..16).contains(&position);
        let noticed = RecordBatch::parse(&bytes).and_then(|batch| batch.verify_crc()).is_err();
        prop_assert_eq!(noticed || !covered, true);
    }

    #[test]
    fn noise_never_panics(noise in prop::collection::vec(any::<u8>(), 0..300), codec in 0_usize..5) {
        for batch in batches(&noise).flatten() {
            let _ = batch.verify_crc();
        }
        let _ = CODECS[codec].decompress(&noise, LIMIT);
        // The same noise as the body of a batch whose header is fine.
        let mut bytes = simple(0, Compression::None, 1);
        bytes.truncate(HEADER_BYTES);
        bytes.extend_from_slice(&noise);
        let length = i32::try_from(bytes.len() - LENGTH_PREFIX_BYTES).unwrap();
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
        bytes[22] = u8::try_from(codec).unwrap();
        bytes[57..61].copy_from_slice(&i32::MAX.to_be_bytes());
        let batch = RecordBatch::parse(&bytes).unwrap();
        let _ = batch.verify_records(LIMIT);
        if let Ok(records) = batch.records(LIMIT) {
            prop_assert!(records.iter().count() <= noise.len() * 1100 + 1);
        }
    }
}

#[test]
fn patching_offset_and_epoch_keeps_the_crc() {
    let mut bytes = simple(0, Compression::Lz4, 2);
    set_base_offset(&mut bytes, 1234);
    set_leader_epoch(&mut bytes, 9);
    let batch = RecordBatch::parse(&bytes).unwrap();
    batch.verify_crc().unwrap();
    assert_eq!((batch.header().base_offset, batch.header().last_offset()), (1234, 1235));
    assert_eq!(batch.header().partition_leader_epoch, 9);
}

#[test]
fn log_append_time_replaces_all_timestamps() {
    let mut bytes = simple(0, Compression::Gzip, 2);
    set_log_append_time(&mut bytes, 5_000_000);
    let batch = RecordBatch::parse(&bytes).unwrap();
    batch.verify_crc().unwrap();
    assert_eq!(batch.header().timestamp_type(), TimestampType::LogAppendTime);
    let header = *RecordBatch::parse(&simple(0, Compression::Gzip, 2)).unwrap().header();
    assert_eq!(
        header.with_log_append_time(5_000_000).with_computed_crc(batch.body()),
        *batch.header()
    );
    let records = batch.records(LIMIT).unwrap();
    assert!(records.iter().all(|record| record.unwrap().timestamp == 5_000_000));
}

#[test]
fn header_makes_the_round_trip() {
    let bytes = simple(77, Compression::None, 5);
    let header = BatchHeader::parse(&bytes).unwrap();
    assert_eq!(header.to_bytes(), bytes[..HEADER_BYTES]);
    assert_eq!(header.size_in_bytes(), bytes.len());
}

#[test]
fn impossible_headers_are_refused() {
    let good = simple(0, Compression::None, 1);
    let with = |at: usize, field: &[u8]| {
        let mut bytes = good.clone();
        bytes[at..at + field.len()].copy_from_slice(field);
        BatchHeader::parse(&bytes).unwrap_err()
    };
    assert_eq!(with(8, &(-1_i32).to_be_bytes()), BatchError::InvalidLength(-1));
    assert_eq!(with(8, &48_i32.to_be_bytes()), BatchError::InvalidLength(48));
    assert_eq!(with(16, &[1]), BatchError::UnsupportedMagic(1));
    assert!(matches!(
        with(0, &(-5_i64).to_be_bytes()),
        BatchError::InvalidField {
            field: "base_offset",
            ..
        }
    ));
    assert!(matches!(
        with(0, &i64::MAX.to_be_bytes()),
        BatchError::InvalidField {
            field: "base_offset",
            ..
        }
    ));
    assert!(matches!(
        with(23, &[0xff; 4]),
        BatchError::InvalidField {
            field: "last_offset_delta",
            ..
        }
    ));
    assert!(matches!(
        with(57, &[0xff; 4]),
        BatchError::InvalidField {
            field: "records_count",
            ..
        }
    ));
    assert!(matches!(
        with(21, &[0, 5]),
        BatchError::InvalidField {
            field: "attributes",
            ..
        }
    ));
    assert!(matches!(
        BatchHeader::parse(&[0; 12]),
        Err(BatchError::InvalidLength(0))
    ));
}

#[test]
fn wrong_counts_and_offsets_are_noticed() {
    let with = |at: usize, field: i32| {
        let mut bytes = simple(0, Compression::None, 3);
        bytes[at..at + 4].copy_from_slice(&field.to_be_bytes());
        RecordBatch::parse(&bytes).unwrap().verify_records(LIMIT).unwrap_err()
    };
    assert!(matches!(with(57, 2), RecordError::Count { expected: 2, found: 3 }));
    assert!(matches!(with(57, 4), RecordError::Count { expected: 4, found: 3 }));
    assert!(matches!(
        with(23, 3),
        RecordError::LastOffsetDelta { expected: 3, found: 2 }
    ));
}

#[test]
fn sequence_numbers_wrap_to_zero() {
    let mut builder = RecordBatchBuilder::new().producer(1, 0, i32::MAX - 1);
    for _ in 0..3 {
        builder.append(0, None, None, &[]);
    }
    let header = BatchHeader::parse(&builder.build().unwrap()).unwrap();
    assert_eq!(header.last_sequence(), 0);
    assert_eq!(header::increment_sequence(i32::MAX, 1), 0);
    assert_eq!(header::increment_sequence(5, 2), 7);
}

#[test]
fn bombs_stop_at_the_limit() {
    let zeros = vec![0; 4 << 20];
    for codec in CODECS {
        let packed = codec.compress(&zeros).unwrap();
        assert!(matches!(
            codec.decompress(&packed, LIMIT),
            Err(CompressionError::TooLarge { limit: LIMIT })
        ));
        assert_eq!(codec.decompress(&packed, zeros.len()).unwrap(), zeros);
    }
}

#[test]
fn snappy_without_blocks_is_read() {
    let packed = snap::raw::Encoder::new().compress_vec(b"some records").unwrap();
    assert_eq!(Compression::Snappy.decompress(&packed, LIMIT).unwrap(), b"some records");
}

#[test]
fn gzip_of_another_writer_is_read() {
    let mut encoder = flate2::GzBuilder::new()
        .filename("x")
        .write(Vec::new(), flate2::Compression::best());
    encoder.write_all(b"some records").unwrap();
    let packed = encoder.finish().unwrap();
    assert_eq!(Compression::Gzip.decompress(&packed, LIMIT).unwrap(), b"some records");
}

#[test]
fn codecs_have_kafkas_numbers_and_names() {
    for (id, codec) in (0..).zip(CODECS) {
        assert_eq!((codec.id(), Compression::from_id(id)), (id, Ok(codec)));
        assert_eq!(Compression::from_name(codec.name()), Some(codec));
    }
    assert_eq!(Compression::from_id(5), Err(5));
}

#[test]
fn levels_make_something_else_of_the_same_records() {
    let records: Vec<u8> = (0..20_000_u32)
        .flat_map(|number| format!("{} of {};", number % 977, number.wrapping_mul(2_654_435_761) % 4_001).into_bytes())
        .collect();
    for (codec, low, high) in [(Compression::Gzip, 1, 9), (Compression::Zstd, 1, 19)] {
        let at = |level| codec.compress_at(&records, level).unwrap();
        assert_ne!(at(Some(high)), at(Some(low)), "{codec:?}");
        assert_eq!(at(None), codec.compress(&records).unwrap());
        assert_eq!(codec.decompress(&at(Some(high)), records.len()).unwrap(), records);
    }
}
