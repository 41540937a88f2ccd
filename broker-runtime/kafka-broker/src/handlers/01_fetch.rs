//! Fetch 4–18: records for consumers and for followers.
//!
//! * Whole batches as they lie in the log, the one with the fetch offset first. Consumers see up to the high watermark,
//!   followers (on the INTERNAL listener only) everything; those with `read_committed` up to the last stable offset, and they are
//!   told which transactions were aborted.
//! * Waits up to the maximal wait for the minimal number of bytes; an error or a divergence answers at once.
//! * At least one batch is returned even if it is larger than the limits (KIP-74).
//! * Fetch sessions (KIP-227), divergence by epoch (KIP-595, version 12), topic ids (version 13), the leader in errors
//!   (KIP-951, version 16).
//! * Who has a quota and reads too much is told how long to wait, and gets nothing until then (KIP-219).
//!   Whose requests take too much time has its records, and waits afterwards; Kafka keeps them back.
//! * Consumers may read from followers, from version 11 on, and leaders send them to one in their zone where they are told to
//!   (KIP-392); then followers hear of a new high watermark at once.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use kafka_codec::{
    ErrorCode, FetchPiece, StrBytes, encode_fetch_response,
    messages::{
        FetchRequest, FetchResponse,
        fetch_response::{
            AbortedTransaction, EpochEndOffset, FetchableTopicResponse, LeaderIdAndEpoch, NodeEndpoint, PartitionData,
        },
    },
    uuid_from_wire, uuid_to_wire,
};
use kafka_log::{FileRecords, Records};
use kafka_metadata::{BrokerEpoch, BrokerId, TopicId, acl::AclOperation, quota::QuotaKey};
use parking_lot::Mutex;

use super::{
    closest_replica::near_brokers,
    fetch_gather::{Fetcher, Found, RACK_VERSION, Target, gather},
};
use crate::{
    broker::Broker,
    connection::MemoryShare,
    dispatch::{ApiEntry, HandlerFuture, Reply, ReplyFrame, ReplyPiece, RequestContext, RequestError, decode_request},
    partition::{FollowerFetch, ReadBound},
    quotas::Throttled,
    replication::{FetchScope, FetchSession, FetchWish, News, Reasons, SessionRequest, Told, TopicKey},
    response::{LeaderHint, session_error_code},
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = ApiEntry {
    key: 1,
    name: "Fetch",
    min: 4,
    max: 18,
    advertised_min: 4,
    handler: |context, broker, body| answer(context, broker, body),
};

/// First version that names topics by id.
const TOPIC_ID_VERSION: i16 = 13;

/// First version in which a follower says who it is in a tagged field.
const REPLICA_STATE_VERSION: i16 = 15;

/// First version that says where the leader is.
const LEADER_HINT_VERSION: i16 = 16;

/// First version with fetch sessions.
const SESSION_VERSION: i16 = 7;

fn answer<'a>(context: &'a RequestContext, broker: &'a Arc<Broker>, body: Bytes) -> HandlerFuture<'a> {
    Box::pin(async move {
        let handled = async {
            let request: FetchRequest = decode_request(context, body)?;
            Ok::<_, RequestError>(handle(context, broker, request).await)
        };
        let (answer, throttle_ms) = context.charge_time(broker, handled).await;
        let mut answer = answer?;
        let memory = reply_memory(context, broker, &answer.response);
        answer.response.throttle(throttle_ms);
        let pieces = answer.encode(context)?;
        Ok(Reply::Now(ReplyFrame { pieces, memory }))
    })
}

/// A response, and the records that it leaves where they are.
#[derive(Default)]
struct Answer {
    response: FetchResponse,
    /// For each partition of the response, counted over all topics.
    in_files: Vec<Option<FileRecords>>,
}

impl Answer {
    fn encode(mut self, context: &RequestContext) -> Result<Vec<ReplyPiece>, RequestError> {
        let lengths: Vec<Option<usize>> = self
            .in_files
            .iter()
            .map(|records| records.as_ref().map(FileRecords::len))
            .collect();
        let frame = encode_fetch_response(context.correlation_id, context.api_version, &self.response, &lengths)?;
        let pieces = frame.into_iter().filter_map(|piece| match piece {
            FetchPiece::Bytes(bytes) => Some(ReplyPiece::Bytes(bytes)),
            FetchPiece::Elsewhere(index) => self.in_files[index].take().map(ReplyPiece::Records),
        });
        Ok(pieces.collect())
    }
}

/// What the records of a consumer hold in memory until it has read them. Followers read as fast as they can.
fn reply_memory(context: &RequestContext, broker: &Broker, response: &FetchResponse) -> Option<MemoryShare> {
    if context.is_internal() {
        return None;
    }
    let partitions = response.responses.iter().flat_map(|topic| &topic.partitions);
    let bytes = partitions
        .filter_map(|partition| Some(partition.records.as_ref()?.len()))
        .sum();
    broker.reply_memory.take(bytes)
}

async fn handle(context: &RequestContext, broker: &Arc<Broker>, request: FetchRequest) -> Answer {
    let fetcher = fetcher(context, broker, &request);
    let near = if context.api_version >= RACK_VERSION {
        near_brokers(context, broker, &request.rack_id)
    } else {
        Vec::new()
    };
    let scope = match broker
        .fetch_sessions
        .scope(session_request(context, broker, request, fetcher), rand::random)
    {
        Ok(scope) => scope,
        Err(error) => {
            let mut answer = Answer::default();
            answer.response.error_code = session_error_code(error).code();
            return answer;
        }
    };
    let (wishes, session, incremental) = match scope {
        FetchScope::Full(wishes) => (wishes, None, false),
        FetchScope::Opened(session) => (session.lock().wishes(), Some(Arc::clone(&session)), false),
        FetchScope::Incremental(session) => (session.lock().wishes(), Some(Arc::clone(&session)), true),
    };
    let targets: Vec<Target> = wishes
        .into_iter()
        .map(|wish| {
            resolve(context, broker, wish)
                .prefer(&near)
                .throttle(fetcher, broker.throttles.moves())
        })
        .collect();
    note_follower(broker, fetcher, &targets);
    if let Some(throttled) = throttled(context, broker, session.as_ref()) {
        return throttled;
    }
    let found = gather(broker, fetcher, &targets, session.as_ref()).await;
    let bytes: usize = found.iter().flatten().map(|result| result.records.len()).sum();
    for (target, found) in targets.iter().zip(&found) {
        if let Ok(found) = found {
            let direction = &broker.throttles.leader;
            direction.record(target.throttled, found.records.len(), broker.uptime_ms());
        }
    }
    let mut answer = respond(
        context,
        broker,
        fetcher.bound(),
        (targets, found),
        session.map(|session| (session, incremental)),
    );
    answer.response.throttle_time_ms = context.charge(broker, QuotaKey::ConsumerByteRate, bytes as f64);
    answer
}

/// The answer to who has to wait for what it has read already: nothing, and how long that is.
fn throttled(context: &RequestContext, broker: &Broker, session: Option<&Arc<Mutex<FetchSession>>>) -> Option<Answer> {
    let throttle_ms = context.charge(broker, QuotaKey::ConsumerByteRate, 0.0);
    if throttle_ms == 0 {
        return None;
    }
    let mut answer = Answer::default();
    answer.response.throttle_time_ms = throttle_ms;
    if context.api_version >= SESSION_VERSION {
        answer.response.session_id = session.map_or(0, |session| session.lock().id);
    }
    Some(answer)
}

fn fetcher(context: &RequestContext, broker: &Broker, request: &FetchRequest) -> Fetcher {
    let (replica_id, epoch) = if context.api_version >= REPLICA_STATE_VERSION {
        (
            request.replica_state.replica_id,
            Some(BrokerEpoch(request.replica_state.replica_epoch)),
        )
    } else {
        (request.replica_id, None)
    };
    // Only brokers of this cluster get on the internal listener; elsewhere a replica id is a debugging consumer's.
    let follower = (replica_id >= 0 && context.is_internal()).then_some((BrokerId(replica_id), epoch));
    let max_bytes = usize::try_from(request.max_bytes).unwrap_or(0);
    let max_bytes = if follower.is_some() {
        max_bytes
    } else {
        let allowed = context.most_at_once(broker, QuotaKey::ConsumerByteRate);
        max_bytes
            .min(broker.settings.fetch_max_bytes)
            .min(allowed.unwrap_or(usize::MAX))
    };
    Fetcher {
        follower,
        min_bytes: usize::try_from(request.min_bytes).unwrap_or(0),
        max_bytes,
        max_wait: Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0)),
        consumer_bound: ReadBound::of_isolation_level(request.isolation_level),
        version: context.api_version,
        wants_high_watermark: follower.is_some() && broker.settings.rack_aware_reads,
    }
}

fn session_request(
    context: &RequestContext,
    broker: &Broker,
    request: FetchRequest,
    fetcher: Fetcher,
) -> SessionRequest {
    let by_id = context.api_version >= TOPIC_ID_VERSION;
    let key = |name: StrBytes, id| {
        if by_id {
            TopicKey::Id(TopicId(uuid_from_wire(id)))
        } else {
            TopicKey::Name(name)
        }
    };
    let mut wishes = Vec::new();
    for topic in request.topics {
        let topic_key = key(topic.topic, topic.topic_id);
        for partition in topic.partitions {
            wishes.push(FetchWish {
                topic: topic_key.clone(),
                partition: partition.partition,
                fetch_offset: partition.fetch_offset,
                partition_max_bytes: usize::try_from(partition.partition_max_bytes).unwrap_or(0),
                current_leader_epoch: partition.current_leader_epoch,
                last_fetched_epoch: partition.last_fetched_epoch,
                log_start_offset: partition.log_start_offset,
            });
        }
    }
    let mut forgotten = Vec::new();
    for topic in request.forgotten_topics_data {
        let topic_key = key(topic.topic, topic.topic_id);
        forgotten.extend(topic.partitions.iter().map(|&partition| (topic_key.clone(), partition)));
    }
    let sessions = context.api_version >= SESSION_VERSION;
    SessionRequest {
        id: if sessions { request.session_id } else { 0 },
        epoch: if sessions {
            request.session_epoch
        } else {
            crate::replication::FINAL_EPOCH
        },
        by_id,
        privileged: fetcher.follower.is_some(),
        wishes,
        forgotten,
        now_ms: broker.uptime_ms(),
    }
}

fn resolve(context: &RequestContext, broker: &Broker, wish: FetchWish) -> Target {
    let image = broker.metadata.image();
    let (name, unknown) = match &wish.topic {
        TopicKey::Name(name) => (Some(name.clone()), ErrorCode::UnknownTopicOrPartition),
        TopicKey::Id(id) => {
            let topic = image.topic_by_id(*id);
            (
                topic.map(|topic| StrBytes::from(topic.name.as_str())),
                ErrorCode::UnknownTopicId,
            )
        }
    };
    let Some(name) = name else {
        return Target {
            wish,
            name: StrBytes::default(),
            partition: Err(unknown),
            preferred_replica: None,
            throttled: Reasons::default(),
        };
    };
    if !context.may(broker, AclOperation::Read, Resource::Topic(&name)) {
        return Target {
            wish,
            name,
            partition: Err(ErrorCode::TopicAuthorizationFailed),
            preferred_replica: None,
            throttled: Reasons::default(),
        };
    }
    let partition = broker.partitions.get(&name, wish.partition);
    let partition = partition.ok_or_else(|| broker.absent_partition_code(&name, wish.partition));
    let partition = partition.and_then(|partition| match wish.topic {
        TopicKey::Id(id) if partition.topic_id != id => Err(ErrorCode::InconsistentTopicId),
        _ => Ok(partition),
    });
    Target {
        wish,
        name,
        partition,
        preferred_replica: None,
        throttled: Reasons::default(),
    }
}

/// What a follower asks for tells what it has.
fn note_follower(broker: &Broker, fetcher: Fetcher, targets: &[Target]) {
    let Some((broker_id, broker_epoch)) = fetcher.follower else {
        return;
    };
    let now_ms = broker.uptime_ms();
    for target in targets {
        let Ok(partition) = &target.partition else {
            continue;
        };
        partition.follower_fetched(
            FollowerFetch {
                broker_id,
                broker_epoch,
                offset: target.wish.fetch_offset,
                log_start_offset: target.wish.log_start_offset,
                leader_end: 0,
                now_ms,
            },
            (target.wish.current_leader_epoch, target.wish.last_fetched_epoch),
        );
    }
}

fn respond(
    context: &RequestContext,
    broker: &Broker,
    bound: ReadBound,
    (targets, found): (Vec<Target>, Vec<Found>),
    session: Option<(Arc<Mutex<FetchSession>>, bool)>,
) -> Answer {
    let Answer {
        mut response,
        mut in_files,
    } = Answer::default();
    let mut topics: Vec<(TopicKey, FetchableTopicResponse)> = Vec::new();
    let mut state = session
        .as_ref()
        .map(|(session, incremental)| (session.lock(), *incremental));
    if let Some((session, _)) = &state {
        response.session_id = session.id;
    }
    for (target, found) in targets.into_iter().zip(found) {
        if let (Ok(partition), Ok(result)) = (&target.partition, &found) {
            partition.sent(result.records.len(), context.is_internal());
        }
        let has_records = found.as_ref().is_ok_and(|result| !result.records.is_empty());
        let (data, in_file) = describe(&target, found, bound);
        if let Some((session, incremental)) = &mut state {
            let told = Told {
                high_watermark: data.high_watermark,
                log_start_offset: data.log_start_offset,
            };
            let is_urgent = data.error_code != ErrorCode::None.code()
                || data.diverging_epoch.epoch >= 0
                || data.preferred_read_replica >= 0;
            let news = News {
                told,
                has_records,
                is_urgent,
            };
            let key = (target.wish.topic.clone(), target.wish.partition);
            if !session.tell(&key, news) && *incremental {
                continue;
            }
        }
        let data = add_hint(context, broker, &target, data, &mut response.node_endpoints);
        if topics.last().is_none_or(|(key, _)| *key != target.wish.topic) {
            let mut topic = FetchableTopicResponse::default();
            match &target.wish.topic {
                TopicKey::Id(id) => topic.topic_id = uuid_to_wire(id.0),
                TopicKey::Name(name) => topic.topic = name.clone(),
            }
            topics.push((target.wish.topic.clone(), topic));
        }
        if let Some((_, topic)) = topics.last_mut() {
            topic.partitions.push(data);
            in_files.push(in_file);
        }
    }
    response.responses = topics.into_iter().map(|(_, topic)| topic).collect();
    Answer { response, in_files }
}

/// What is said of a partition, and its records where they stay in their file.
fn describe(target: &Target, found: Found, bound: ReadBound) -> (PartitionData, Option<FileRecords>) {
    let mut in_file = None;
    let mut data = PartitionData::default();
    data.partition_index = target.wish.partition;
    data.records = Some(Bytes::new());
    // Kafka leaves the list out, as opposed to an empty one, for who reads everything.
    data.aborted_transactions = None;
    match found {
        Ok(result) => {
            data.high_watermark = result.high_watermark;
            data.last_stable_offset = result.last_stable_offset;
            if bound == ReadBound::LastStable
                && let Ok(partition) = &target.partition
            {
                let aborted = partition.aborted_in(target.wish.fetch_offset, &result.records);
                data.aborted_transactions = Some(aborted.into_iter().map(aborted_transaction).collect());
            }
            data.log_start_offset = result.log_start_offset;
            if let Some(divergence) = result.divergence {
                let mut diverging = EpochEndOffset::default();
                (diverging.epoch, diverging.end_offset) = (divergence.epoch, divergence.end_offset);
                data.diverging_epoch = diverging;
            }
            if let Some(replica) = result.preferred_replica {
                data.preferred_read_replica = replica.0;
            }
            match result.records {
                Records::InMemory(records) => data.records = Some(records),
                Records::InFile(records) => in_file = Some(records),
            }
        }
        Err(code) => {
            data.error_code = code.code();
            data.high_watermark = -1;
            data.last_stable_offset = -1;
            if target.partition.is_err() {
                data.aborted_transactions = Some(Vec::new());
            }
            // A follower whose log lies outside of ours learns where to begin.
            data.log_start_offset = match &target.partition {
                Ok(partition) if code == ErrorCode::OffsetOutOfRange && bound == ReadBound::LogEnd => {
                    partition.log_start_offset()
                }
                _ => -1,
            };
        }
    }
    (data, in_file)
}

fn aborted_transaction(aborted: kafka_log::AbortedTransaction) -> AbortedTransaction {
    let mut entry = AbortedTransaction::default();
    (entry.producer_id, entry.first_offset) = (aborted.producer_id, aborted.first_offset);
    entry
}

/// Says where the leader is, if the client can read it.
fn add_hint(
    context: &RequestContext,
    broker: &Broker,
    target: &Target,
    mut data: PartitionData,
    endpoints: &mut Vec<NodeEndpoint>,
) -> PartitionData {
    let wrong_leader = [
        ErrorCode::NotLeaderOrFollower.code(),
        ErrorCode::FencedLeaderEpoch.code(),
    ]
    .contains(&data.error_code);
    if context.api_version < LEADER_HINT_VERSION || !wrong_leader {
        return data;
    }
    let image = broker.metadata.image();
    if let Some(hint) = LeaderHint::find(&image, &target.name, data.partition_index, context.listener()) {
        let mut leader = LeaderIdAndEpoch::default();
        (leader.leader_id, leader.leader_epoch) = (hint.leader_id.0, hint.leader_epoch.0);
        data.current_leader = leader;
        if endpoints.iter().all(|endpoint| endpoint.node_id != hint.leader_id.0) {
            let mut endpoint = NodeEndpoint::default();
            endpoint.node_id = hint.leader_id.0;
            (endpoint.host, endpoint.port, endpoint.rack) = (hint.host, hint.port, hint.rack);
            endpoints.push(endpoint);
        }
    }
    data
}
