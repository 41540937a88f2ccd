//! Produce 3–13: appends record batches to the partitions this broker leads.
//!
//! * `acks=0` has no answer at all; an error closes the connection, as in Kafka.
//! * `acks=1` answers once the leader has the records as safe as the topic asks for: flushed, with our default of
//!   `flush.messages=1`. `acks=-1` answers once the high watermark has passed them.
//! * The handler is done when the records are appended. Waiting goes on outside of it, so that the next request of the
//!   connection is not held up.
//! * From version 10 on NOT_LEADER_OR_FOLLOWER carries the leader and its address (KIP-951); from 13 on topics are named
//!   by id.
//! * Records of coordinators are no client's: their topics are refused with INVALID_TOPIC_EXCEPTION, but for tools that say they
//!   are `__admin_client`, as in Kafka.
//! * Who has a quota and sends too much is told how long to wait, and nothing more is read from it until then (KIP-219).
//! * What follows a batch that was refused for a while is refused for the same reason, see [`super::produce_refused_batches`].
//! * Before the first records of a transaction are appended, its coordinator is asked whether it is open (KIP-890); from version
//!   12 on the partition is taken into it in the same step. The connection waits for that, so that the order stays.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{
        ProduceRequest, ProduceResponse,
        produce_request::TopicProduceData,
        produce_response::{LeaderIdAndEpoch, NodeEndpoint, PartitionProduceResponse, TopicProduceResponse},
    },
    record_batch::{BatchHeader, Compression, batches},
    uuid_from_wire,
};
use kafka_log::AppendOrigin;
use kafka_metadata::{MetadataImage, TopicId, acl::AclOperation, quota::QuotaKey};

use super::{
    produce_in_transaction::{Verified, may_be_transactional, verify},
    produce_refusal::Refusal,
};
use crate::{
    broker::Broker,
    config::ListenerName,
    coordinator::is_internal,
    dispatch::{
        ApiEntry, HandlerFuture, Reply, ReplyFrame, RequestContext, RequestError, decode_request, encode_reply,
    },
    partition::{AppendTerms, AppendedRange, Partition, RequiredAcks},
    quotas::Throttled,
    response::LeaderHint,
    security::Resource,
};

/// See the module. Versions 0–2 are advertised, but not answered (KAFKA-18659).
pub(crate) const API: ApiEntry = ApiEntry {
    key: 0,
    name: "Produce",
    min: 3,
    max: 13,
    advertised_min: 0,
    handler: |context, broker, body| answer(context, broker, body),
};

/// First version that names topics by id.
const TOPIC_ID_VERSION: i16 = 13;

/// First version that may carry batches with zstd (KIP-110).
const ZSTD_VERSION: i16 = 7;

/// First version that says where the leader is.
const LEADER_HINT_VERSION: i16 = 10;

/// `AdminUtils.ADMIN_CLIENT_ID`: who says so may write to internal topics.
const ADMIN_CLIENT_ID: &str = "__admin_client";

const FOLLOWS_REFUSED: &str = "a batch of the producer that comes before this one was refused";

const INTERNAL: &str = "the topic belongs to the brokers";

/// What came of one partition's records.
pub(super) enum Outcome {
    /// Appended; the answer may have to wait.
    Appended(Arc<Partition>, AppendedRange),
    /// Refused.
    Refused(Refusal),
}

impl Outcome {
    pub(super) fn refused(code: ErrorCode, message: Option<StrBytes>) -> Self {
        Self::Refused(Refusal::new(code, message))
    }
}

struct PartitionOutcome {
    index: i32,
    outcome: Outcome,
}

struct TopicOutcome {
    name: StrBytes,
    topic_id: kafka_codec::WireUuid,
    partitions: Vec<PartitionOutcome>,
}

/// A request whose records are appended, or that is refused as a whole.
enum Taken {
    Refused(Box<ProduceResponse>),
    Appended {
        topics: Vec<TopicOutcome>,
        acks: RequiredAcks,
        deadline: Instant,
    },
}

fn answer<'a>(context: &'a RequestContext, broker: &'a Arc<Broker>, body: Bytes) -> HandlerFuture<'a> {
    Box::pin(async move {
        let bytes = body.len();
        let (taken, for_time_ms) = context.charge_time(broker, take(context, broker, body)).await;
        let (topics, acks, deadline) = match taken? {
            Taken::Refused(mut response) => {
                response.throttle(for_time_ms);
                return Ok(Reply::Now(encode_reply(context, &*response)?));
            }
            Taken::Appended { topics, acks, deadline } => (topics, acks, deadline),
        };
        let for_bytes_ms = context.charge(broker, QuotaKey::ProducerByteRate, bytes as f64);
        if acks == RequiredAcks::None {
            let refused = |topic: &TopicOutcome| {
                topic
                    .partitions
                    .iter()
                    .any(|partition| matches!(partition.outcome, Outcome::Refused(_)))
            };
            // Nobody waits for an answer: closing is the only way to say it.
            return if topics.iter().any(refused) {
                Err(RequestError::Protocol("records sent with acks=0 were refused"))
            } else {
                Ok(Reply::Nothing)
            };
        }
        let (context, broker) = (context.clone(), Arc::clone(broker));
        let throttle_ms = for_time_ms.max(for_bytes_ms);
        Ok(Reply::Later(Box::pin(finish(
            context,
            broker,
            (topics, throttle_ms),
            acks,
            deadline,
        ))))
    })
}

/// Everything up to the append.
async fn take(context: &RequestContext, broker: &Arc<Broker>, body: Bytes) -> Result<Taken, RequestError> {
    let request: ProduceRequest = decode_request(context, body)?;
    let refused = |code| Ok(Taken::Refused(Box::new(refuse_all(&request, code))));
    let acks = match request.acks {
        0 => RequiredAcks::None,
        1 => RequiredAcks::Leader,
        -1 => RequiredAcks::All,
        _ => return refused(ErrorCode::InvalidRequiredAcks),
    };
    if !may_be_transactional(context, broker, &request) {
        return refused(ErrorCode::TransactionalIdAuthorizationFailed);
    }
    let timeout = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0));
    let deadline = broker.clock.monotonic() + timeout;
    let verified = verify(context, broker, &request).await;
    let terms = Terms {
        version: context.api_version,
        acks,
        verified,
    };
    let topics = append(context, broker, request, &terms);
    Ok(Taken::Appended { topics, acks, deadline })
}

fn refuse_all(request: &ProduceRequest, code: ErrorCode) -> ProduceResponse {
    let mut response = ProduceResponse::default();
    response.responses = request
        .topic_data
        .iter()
        .map(|topic| {
            let mut entry = TopicProduceResponse::default();
            entry.name = topic.name.clone();
            entry.topic_id = topic.topic_id;
            entry.partition_responses = topic
                .partition_data
                .iter()
                .map(|partition| Refusal::new(code, None).describe(&topic.name, partition.index))
                .collect();
            entry
        })
        .collect();
    response
}

/// On which terms the records of a request are appended.
struct Terms {
    version: i16,
    acks: RequiredAcks,
    verified: Verified,
}

/// The topic that a request means; `None` when nobody knows it.
pub(super) fn name_of<'a>(
    context: &RequestContext,
    image: &'a MetadataImage,
    topic: &'a TopicProduceData,
) -> Option<&'a str> {
    if context.api_version < TOPIC_ID_VERSION {
        return Some(topic.name.as_str());
    }
    let known = image.topic_by_id(TopicId(uuid_from_wire(topic.topic_id)));
    known.map(|known| known.name.as_str())
}

/// Appends everything, in the order of the request.
fn append(context: &RequestContext, broker: &Arc<Broker>, request: ProduceRequest, terms: &Terms) -> Vec<TopicOutcome> {
    let image = broker.metadata.image();
    request
        .topic_data
        .into_iter()
        .map(|topic| append_topic(context, broker, &image, topic, terms))
        .collect()
}

fn append_topic(
    context: &RequestContext,
    broker: &Arc<Broker>,
    image: &MetadataImage,
    mut topic: TopicProduceData,
    terms: &Terms,
) -> TopicOutcome {
    let partitions = std::mem::take(&mut topic.partition_data);
    let name = name_of(context, image, &topic);
    let unknown = if context.api_version >= TOPIC_ID_VERSION {
        ErrorCode::UnknownTopicId
    } else {
        ErrorCode::UnknownTopicOrPartition
    };
    let may = name.is_none_or(|name| context.may(broker, AclOperation::Write, Resource::Topic(name)));
    let partitions = partitions
        .into_iter()
        .map(|data| {
            let outcome = match name {
                None => Outcome::refused(unknown, None),
                Some(_) if !may => Outcome::refused(ErrorCode::TopicAuthorizationFailed, None),
                Some(name) if is_internal(name) && context.client_id() != ADMIN_CLIENT_ID => {
                    Outcome::refused(ErrorCode::InvalidTopicException, Some(StrBytes::from(INTERNAL)))
                }
                Some(name) => append_or_refuse(broker, (name, data.index), data.records, terms),
            };
            PartitionOutcome {
                index: data.index,
                outcome,
            }
        })
        .collect();
    let name = name.map(StrBytes::from).unwrap_or_default();
    TopicOutcome {
        name,
        topic_id: topic.topic_id,
        partitions,
    }
}

fn is_zstd(records: &[u8]) -> bool {
    let first = batches(records).next();
    first.is_some_and(|batch| batch.is_ok_and(|batch| batch.header().compression() == Compression::Zstd))
}

/// Appends, and remembers what was refused with an error that goes by: what follows it is refused, too.
fn append_or_refuse(broker: &Arc<Broker>, place: (&str, i32), records: Option<Bytes>, terms: &Terms) -> Outcome {
    let now = broker.clock.monotonic();
    let header = || records.as_deref().and_then(|records| BatchHeader::parse(records).ok());
    let refused = &broker.refused_batches;
    if !refused.is_empty()
        && let Some(header) = header()
        && let Some(code) = refused.refused_before(place, &header, now)
        && broker
            .partitions
            .get(place.0, place.1)
            .is_none_or(|it| !it.has_producer(header.producer_id))
    {
        refused.note(place, &header, code, now);
        return Outcome::refused(code, Some(StrBytes::from(FOLLOWS_REFUSED)));
    }
    let outcome = append_partition(broker, place, records.clone(), terms);
    let Outcome::Refused(refusal) = outcome else {
        return outcome;
    };
    let Some(header) = header() else {
        return Outcome::Refused(refusal);
    };
    if let Some(last) = refusal.out_of_order_after() {
        let missing = refused.missing(place, &header, last, now);
        return missing.map_or(Outcome::Refused(refusal), |code| {
            Outcome::refused(code, Some(StrBytes::from(FOLLOWS_REFUSED)))
        });
    }
    refused.note(place, &header, refusal.code(), now);
    Outcome::Refused(refusal)
}

fn append_partition(
    broker: &Arc<Broker>,
    (topic, index): (&str, i32),
    records: Option<Bytes>,
    terms: &Terms,
) -> Outcome {
    let Some(partition) = broker.partitions.get(topic, index) else {
        return Outcome::refused(broker.absent_partition_code(topic, index), None);
    };
    let guard = match terms.verified.guard(topic, index) {
        Ok(guard) => guard,
        Err(refusal) => return refusal,
    };
    let Some(records) = records.filter(|records| !records.is_empty()) else {
        return Outcome::refused(ErrorCode::InvalidRecord, Some(StrBytes::from("no record batch")));
    };
    if terms.version < ZSTD_VERSION && is_zstd(&records) {
        let message = "Produce requests with version below 7 are not allowed to use ZStandard compression";
        return Outcome::refused(ErrorCode::UnsupportedCompressionType, Some(StrBytes::from(message)));
    }
    if let Err(full) = broker.volume.admit(records.len()) {
        return Outcome::refused(ErrorCode::KafkaStorageError, Some(StrBytes::from(full.to_string())));
    }
    let terms = AppendTerms {
        required_epoch: None,
        acks: terms.acks,
        origin: AppendOrigin::Client,
        guard,
    };
    match partition.append_as_leader(records, terms) {
        Ok(range) => Outcome::Appended(partition, range),
        Err(error) => {
            tracing::debug!(topic, index, %error, "records refused");
            Outcome::Refused(Refusal::of(&error, &partition))
        }
    }
}

/// Waits as long as `acks` asks for, and answers.
async fn finish(
    context: RequestContext,
    broker: Arc<Broker>,
    (mut topics, throttle_ms): (Vec<TopicOutcome>, i32),
    acks: RequiredAcks,
    deadline: Instant,
) -> Result<ReplyFrame, RequestError> {
    for partition in topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
        let Outcome::Appended(replica, range) = &partition.outcome else {
            continue;
        };
        let left = deadline.saturating_duration_since(broker.clock.monotonic());
        let waited = match acks {
            RequiredAcks::All => {
                replica
                    .wait_committed(range.last_offset, range.leader_epoch, left)
                    .await
            }
            _ => replica.wait_flushed(range.last_offset, left).await,
        };
        if let Err(error) = waited {
            partition.outcome = Outcome::Refused(Refusal::of(&error, replica));
        }
    }
    let mut response = respond(&context, &broker, topics);
    response.throttle_time_ms = throttle_ms;
    encode_reply(&context, &response)
}

fn respond(context: &RequestContext, broker: &Broker, topics: Vec<TopicOutcome>) -> ProduceResponse {
    let mut response = ProduceResponse::default();
    let mut leaders = Leaders {
        broker,
        listener: context.listener(),
        endpoints: Vec::new(),
    };
    for topic in topics {
        let mut entry = TopicProduceResponse::default();
        for partition in &topic.partitions {
            let mut answer = describe(&topic.name, partition);
            if context.api_version >= LEADER_HINT_VERSION
                && answer.error_code == ErrorCode::NotLeaderOrFollower.code()
                && let Some(current) = leaders.hint(&topic.name, partition.index)
            {
                answer.current_leader = current;
            }
            entry.partition_responses.push(answer);
        }
        entry.name = topic.name;
        entry.topic_id = topic.topic_id;
        response.responses.push(entry);
    }
    response.node_endpoints = leaders.endpoints;
    response
}

fn describe(topic: &str, partition: &PartitionOutcome) -> PartitionProduceResponse {
    match &partition.outcome {
        Outcome::Refused(refusal) => refusal.describe(topic, partition.index),
        Outcome::Appended(_, range) => {
            let mut entry = PartitionProduceResponse::default();
            entry.index = partition.index;
            entry.base_offset = range.base_offset;
            entry.log_append_time_ms = range.log_append_time_ms;
            entry.log_start_offset = range.log_start_offset;
            entry
        }
    }
}

struct Leaders<'a> {
    broker: &'a Broker,
    listener: ListenerName,
    endpoints: Vec<NodeEndpoint>,
}

impl Leaders<'_> {
    fn hint(&mut self, topic: &str, index: i32) -> Option<LeaderIdAndEpoch> {
        let hint = LeaderHint::find(&self.broker.metadata.image(), topic, index, self.listener)?;
        if self
            .endpoints
            .iter()
            .all(|endpoint| endpoint.node_id != hint.leader_id.0)
        {
            let mut endpoint = NodeEndpoint::default();
            endpoint.node_id = hint.leader_id.0;
            (endpoint.host, endpoint.port, endpoint.rack) = (hint.host, hint.port, hint.rack);
            self.endpoints.push(endpoint);
        }
        let mut leader = LeaderIdAndEpoch::default();
        (leader.leader_id, leader.leader_epoch) = (hint.leader_id.0, hint.leader_epoch.0);
        Some(leader)
    }
}
