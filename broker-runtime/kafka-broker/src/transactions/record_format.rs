//! Keys and values of `__transaction_state`, in Kafka's own formats (`TransactionLogKey.json`, `TransactionLogValue.json`), so
//! that Kafka's tools read our log. Written: key 0, value 1; value 0 is read too.

use std::{collections::BTreeMap, sync::Arc};

use bytes::{BufMut, Bytes, BytesMut};

use super::{
    state::TransactionState,
    transaction::{Transaction, TransactionalId},
};
use crate::{
    coordinator::{CoordinatorRecord, Reader, RecordFormatError, put_compact_string, put_string, put_unsigned_varint},
    groups::TopicPartition,
};

const KEY_VERSION: i16 = 0;
const VALUE_VERSION: i16 = 1;

/// Tagged fields of the value.
const PREVIOUS_PRODUCER_ID: usize = 0;
const NEXT_PRODUCER_ID: usize = 1;
const CLIENT_TRANSACTION_VERSION: usize = 2;

/// `ClientTransactionVersion` of a producer that gets a new epoch with every transaction.
const EPOCH_BUMPING_VERSION: i16 = 2;

/// What a record of the topic says; `None` is a tombstone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TransactionRecord {
    pub(crate) id: TransactionalId,
    pub(crate) value: Option<Transaction>,
}

impl CoordinatorRecord for TransactionRecord {
    fn encode(&self) -> (Bytes, Option<Bytes>) {
        let mut key = BytesMut::new();
        key.put_i16(KEY_VERSION);
        put_string(&mut key, self.id.as_str());
        (key.freeze(), self.value.as_ref().map(encode_value))
    }

    fn decode(key: Option<&[u8]>, value: Option<&[u8]>) -> Result<Option<Self>, RecordFormatError> {
        let mut reader = Reader::new(key.ok_or(RecordFormatError::NoKey)?);
        if reader.i16()? != KEY_VERSION {
            return Ok(None);
        }
        let id = TransactionalId::new(reader.string()?);
        let value = value.map(decode_value).transpose()?;
        Ok(Some(Self { id, value }))
    }
}

fn encode_value(value: &Transaction) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i16(VALUE_VERSION);
    out.put_i64(value.producer.id);
    out.put_i16(value.producer.epoch);
    out.put_i32(value.timeout_ms);
    out.put_i8(value.state.code());
    put_partitions(&mut out, value);
    out.put_i64(value.last_update_ms);
    out.put_i64(value.start_ms);
    let mut tagged: Vec<(usize, Bytes)> = Vec::new();
    let mut tag = |tag, bytes: &[u8]| tagged.push((tag, Bytes::copy_from_slice(bytes)));
    if value.previous_producer_id >= 0 {
        tag(PREVIOUS_PRODUCER_ID, &value.previous_producer_id.to_be_bytes());
    }
    if value.next_producer_id >= 0 {
        tag(NEXT_PRODUCER_ID, &value.next_producer_id.to_be_bytes());
    }
    if value.bumps_epoch {
        tag(CLIENT_TRANSACTION_VERSION, &EPOCH_BUMPING_VERSION.to_be_bytes());
    }
    put_unsigned_varint(&mut out, tagged.len());
    for (tag, bytes) in tagged {
        put_unsigned_varint(&mut out, tag);
        put_unsigned_varint(&mut out, bytes.len());
        out.put_slice(&bytes);
    }
    out.freeze()
}

/// The partitions by topic: null where there can be none.
fn put_partitions(out: &mut BytesMut, value: &Transaction) {
    if value.state == TransactionState::Empty {
        put_unsigned_varint(out, 0);
        return;
    }
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for partition in &value.partitions {
        topics.entry(&partition.topic).or_default().push(partition.partition);
    }
    put_unsigned_varint(out, topics.len() + 1);
    for (topic, partitions) in topics {
        put_compact_string(out, topic);
        put_unsigned_varint(out, partitions.len() + 1);
        partitions.iter().for_each(|partition| out.put_i32(*partition));
        put_unsigned_varint(out, 0);
    }
}

fn decode_value(bytes: &[u8]) -> Result<Transaction, RecordFormatError> {
    let mut reader = Reader::new(bytes);
    let version = reader.i16()?;
    if !(0..=VALUE_VERSION).contains(&version) {
        let kind = "transaction value";
        return Err(RecordFormatError::UnknownVersion { kind, version });
    }
    let flexible = version >= 1;
    let mut transaction = Transaction::new(reader.i64()?, 0, 0);
    transaction.producer.epoch = reader.i16()?;
    transaction.timeout_ms = reader.i32()?;
    let code = reader.i8()?;
    transaction.state = TransactionState::from_code(code).ok_or(RecordFormatError::UnknownVersion {
        kind: "transaction state",
        version: i16::from(code),
    })?;
    for _ in 0..reader.array_length(flexible)? {
        let topic: Arc<str> = Arc::from(reader.any_string(flexible)?);
        for _ in 0..reader.array_length(flexible)? {
            transaction.partitions.insert(TopicPartition {
                topic: Arc::clone(&topic),
                partition: reader.i32()?,
            });
        }
        if flexible {
            reader.tagged_fields(|_, _| {})?;
        }
    }
    transaction.last_update_ms = reader.i64()?;
    transaction.start_ms = reader.i64()?;
    if flexible {
        reader.tagged_fields(|tag, bytes| match (tag, bytes.try_into(), bytes.try_into()) {
            (PREVIOUS_PRODUCER_ID, Ok(id), _) => transaction.previous_producer_id = i64::from_be_bytes(id),
            (NEXT_PRODUCER_ID, Ok(id), _) => transaction.next_producer_id = i64::from_be_bytes(id),
            (CLIENT_TRANSACTION_VERSION, _, Ok(version)) => {
                transaction.bumps_epoch = i16::from_be_bytes(version) >= EPOCH_BUMPING_VERSION;
            }
            _ => {}
        })?;
    }
    Ok(transaction)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::partition::ProducerIdentity;

    fn transaction(state: TransactionState, partitions: &[(&str, i32)], tagged: bool) -> Transaction {
        Transaction {
            producer: ProducerIdentity { id: 4_000, epoch: 7 },
            previous_producer_id: if tagged { 3_999 } else { -1 },
            next_producer_id: if tagged { 5_000 } else { -1 },
            bumps_epoch: tagged,
            timeout_ms: 60_000,
            state,
            partitions: partitions
                .iter()
                .map(|(topic, partition)| TopicPartition {
                    topic: Arc::from(*topic),
                    partition: *partition,
                })
                .collect(),
            last_update_ms: 1_700_000_000_001,
            start_ms: 1_700_000_000_000,
            last_epoch: -1,
        }
    }

    #[test]
    fn records_make_the_round_trip() {
        for state in TransactionState::ALL {
            for tagged in [false, true] {
                let partitions: &[_] = if state == TransactionState::Empty {
                    &[]
                } else {
                    &[("orders", 0), ("orders", 3), ("__consumer_offsets", 17)]
                };
                let record = TransactionRecord {
                    id: TransactionalId::new("payments-1"),
                    value: Some(transaction(state, partitions, tagged)),
                };
                let (key, value) = record.encode();
                let read = TransactionRecord::decode(Some(&key), value.as_deref()).unwrap();
                assert_eq!(read, Some(record));
            }
        }
    }

    #[test]
    fn values_of_version_0_are_read() {
        let mut bytes = BytesMut::new();
        bytes.put_i16(0);
        bytes.put_i64(9);
        bytes.put_i16(2);
        bytes.put_i32(1_000);
        bytes.put_i8(4);
        bytes.put_i32(1);
        put_string(&mut bytes, "t");
        bytes.put_i32(2);
        bytes.put_i32(0);
        bytes.put_i32(1);
        bytes.put_i64(20);
        bytes.put_i64(10);
        let read = decode_value(&bytes).unwrap();
        assert_eq!((read.producer.id, read.producer.epoch), (9, 2));
        assert_eq!(
            (read.state, read.partitions.len()),
            (TransactionState::CompleteCommit, 2)
        );
        assert_eq!((read.last_update_ms, read.start_ms, read.bumps_epoch), (20, 10, false));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(key in proptest::collection::vec(any::<u8>(), 0..40), value in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = TransactionRecord::decode(Some(&key), Some(&value));
        }
    }
}
