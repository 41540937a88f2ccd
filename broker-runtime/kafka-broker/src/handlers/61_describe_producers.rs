//! DescribeProducers 0: the producers that the leader of a partition knows, with their open transactions (KIP-664).

use std::sync::Arc;

use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{
        DescribeProducersRequest, DescribeProducersResponse,
        describe_producers_response::{PartitionResponse, ProducerState, TopicResponse},
    },
};
use kafka_metadata::acl::AclOperation;

use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    response::partition_error_code,
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(61, "DescribeProducers", 0..=0, DescribeProducersRequest, handle);

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: DescribeProducersRequest,
    _version: i16,
) -> DescribeProducersResponse {
    let mut response = DescribeProducersResponse::default();
    for topic in request.topics {
        let mut entry = TopicResponse::default();
        let may = context.may(broker, AclOperation::Read, Resource::Topic(&topic.name));
        for index in topic.partition_indexes {
            let mut answer = PartitionResponse::default();
            answer.partition_index = index;
            let found = if may {
                producers(broker, &topic.name, index)
            } else {
                Err(ErrorCode::TopicAuthorizationFailed)
            };
            match found {
                Ok(producers) => answer.active_producers = producers,
                Err(code) => {
                    answer.error_code = code.code();
                    answer.error_message = Some(StrBytes::from(code.message()));
                }
            }
            entry.partitions.push(answer);
        }
        entry.name = topic.name;
        response.topics.push(entry);
    }
    response
}

fn producers(broker: &Broker, topic: &str, index: i32) -> Result<Vec<ProducerState>, ErrorCode> {
    let Some(partition) = broker.partitions.get(topic, index) else {
        return Err(broker.absent_partition_code(topic, index));
    };
    let led = partition.expect_leadership(-1);
    led.map_err(|error| partition_error_code(&error))?;
    let producers = partition.producers().into_iter().map(|producer| {
        let mut state = ProducerState::default();
        state.producer_id = producer.producer_id;
        state.producer_epoch = i32::from(producer.producer_epoch);
        state.last_sequence = producer.last_sequence;
        state.last_timestamp = producer.last_timestamp;
        state.coordinator_epoch = producer.coordinator_epoch;
        state.current_txn_start_offset = producer.transaction_first_offset.unwrap_or(-1);
        state
    });
    Ok(producers.collect())
}
