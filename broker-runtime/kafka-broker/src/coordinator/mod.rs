//! What the coordinators of groups and of transactions have in common: an internal topic whose partitions' leaders coordinate,
//! each with a shard of its own; records in Kafka's formats, written to the partition and read back by the next leader.

mod ids;
mod internal_topic;
mod loading;
mod log;
mod partitioner;
mod properties;
mod record_bytes;
mod shards;
mod timer;

pub(crate) use ids::{Moment, text_id};
pub(crate) use internal_topic::{InternalTopic, is_internal};
pub(crate) use loading::{Question, load_shard};
pub(crate) use log::{
    CoordinatorRecord, Loaded, Transactional, WriteError, WriteFailure, append, append_marker, committed, load,
};
pub(crate) use partitioner::partition_of;
pub(crate) use properties::number;
pub(crate) use record_bytes::{
    Reader, RecordFormatError, put_bytes, put_compact_bytes, put_compact_string, put_nullable_string, put_string,
    put_unsigned_varint,
};
pub(crate) use shards::{ShardHandle, Shards, ask_shard};
pub(crate) use timer::wait_for;
