//! The rounds of one fetcher without its connection: which request comes next in the fetch session, what an answer means
//! for a partition. The session is KIP-227's from the client's side: a request names what changed since the last one.

use std::collections::{HashMap, HashSet};

use kafka_codec::{
    ErrorCode,
    messages::{
        FetchRequest, FetchResponse,
        fetch_request::{FetchPartition, FetchTopic, ForgottenTopic},
        fetch_response::PartitionData,
    },
    uuid_from_wire, uuid_to_wire,
};
use kafka_metadata::{BrokerEpoch, BrokerId, LeaderEpoch, TopicId};

use super::{
    fetch_session::{FINAL_EPOCH, INITIAL_EPOCH},
    followed::{Followed, PartitionKey},
};
use crate::{partition::PartitionError, settings::Settings};

/// A round that leaves a refused partition out must not wait for long: the leader may know better in a moment. Neither must one that
/// there will soon be more partitions for.
const SHORT_WAIT_MS: i32 = 20;

/// A round that leaves a throttled replica out must not wait for long either.
const THROTTLED_WAIT_MS: i32 = 100;

/// Where a follower stands in one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// The partition.
    pub(crate) key: PartitionKey,
    /// End of its log, all flushed.
    pub(crate) fetch_offset: i64,
    /// Start of its log.
    pub(crate) log_start_offset: i64,
    /// Epoch it follows in.
    pub(crate) leader_epoch: LeaderEpoch,
    /// Epoch of its last record.
    pub(crate) last_fetched_epoch: i32,
}

impl Position {
    /// Where `followed` stands now.
    pub(crate) fn of(key: PartitionKey, followed: &Followed) -> Self {
        Self {
            key,
            fetch_offset: followed.partition.log_end_offset(),
            log_start_offset: followed.partition.log_start_offset(),
            leader_epoch: followed.leader_epoch,
            last_fetched_epoch: followed.partition.latest_epoch(),
        }
    }
}

/// What an answer has led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Records were appended up to this offset.
    Appended {
        /// Offset of the last one.
        last_offset: i64,
    },
    /// There was nothing new, or the log was cut to the leader's.
    Nothing,
    /// The leader has another view of the partition.
    Refused(Option<ErrorCode>),
}

/// The fetch session with one leader.
#[derive(Debug)]
pub(crate) struct FetchRound {
    template: FetchRequest,
    partition_max_bytes: i32,
    session_id: i32,
    session_epoch: i32,
    sent: HashMap<PartitionKey, Position>,
    left_alone: HashSet<(PartitionKey, LeaderEpoch)>,
    /// The next request leaves out who has to wait for the throttle.
    held_back: bool,
    /// More partitions are expected.
    shortened: bool,
}

impl FetchRound {
    /// Version of Fetch between brokers.
    pub(crate) const VERSION: i16 = 17;

    /// A session that has not begun.
    pub(crate) fn new(settings: &Settings, broker_id: BrokerId) -> Self {
        let mut template = FetchRequest::default();
        template.replica_state.replica_id = broker_id.0;
        template.max_wait_ms = settings.replica_fetch_wait_max_ms;
        template.min_bytes = settings.replica_fetch_min_bytes;
        template.max_bytes = settings.replica_fetch_response_max_bytes;
        Self {
            template,
            partition_max_bytes: settings.replica_fetch_max_bytes,
            session_id: 0,
            session_epoch: INITIAL_EPOCH,
            sent: HashMap::new(),
            left_alone: HashSet::new(),
            held_back: false,
            shortened: false,
        }
    }

    /// The connection is a new one: so is the session.
    pub(crate) fn reset(&mut self) {
        self.session_id = 0;
        self.session_epoch = INITIAL_EPOCH;
        self.sent.clear();
    }

    /// The next request is without replicas that have to wait for the throttle.
    pub(crate) fn hold_back(&mut self, held_back: bool) {
        self.held_back = held_back;
    }

    /// Requests from now on do not wait for long at the leader.
    pub(crate) fn shorten(&mut self, shortened: bool) {
        self.shortened = shortened;
    }

    /// The leader answers so soon that nobody needs to give the request up.
    pub(crate) fn is_short(request: &FetchRequest) -> bool {
        request.max_wait_ms <= SHORT_WAIT_MS
    }

    /// Does not ask for the partition in the next round.
    pub(crate) fn leave_alone(&mut self, key: PartitionKey) {
        if let Some(position) = self.sent.get(&key) {
            self.left_alone.insert((key, position.leader_epoch));
        }
    }

    /// The next request; `None` when there is nothing to ask for at the moment.
    pub(crate) fn request(&mut self, mut positions: Vec<Position>, broker_epoch: BrokerEpoch) -> Option<FetchRequest> {
        let alone = std::mem::take(&mut self.left_alone);
        positions.retain(|position| !alone.contains(&(position.key, position.leader_epoch)));
        if positions.is_empty() {
            self.reset();
            return None;
        }
        // A stable order keeps topics together.
        positions.sort_unstable_by_key(|position| position.key);
        let mut request = self.template.clone();
        request.replica_state.replica_epoch = broker_epoch.0;
        if self.shortened || !alone.is_empty() {
            request.max_wait_ms = request.max_wait_ms.min(SHORT_WAIT_MS);
        }
        if self.held_back {
            request.max_wait_ms = request.max_wait_ms.min(THROTTLED_WAIT_MS);
        }
        request.session_id = self.session_id;
        request.session_epoch = self.session_epoch;
        let forgotten: Vec<PartitionKey> = {
            let wanted: HashSet<PartitionKey> = positions.iter().map(|position| position.key).collect();
            self.sent.keys().copied().filter(|key| !wanted.contains(key)).collect()
        };
        for key in forgotten {
            self.sent.remove(&key);
            request.forgotten_topics_data.push(forgotten_topic(key));
        }
        for position in positions {
            if self.sent.get(&position.key) == Some(&position) {
                continue;
            }
            self.sent.insert(position.key, position);
            self.add(&mut request, &position);
        }
        Some(request)
    }

    fn add(&self, request: &mut FetchRequest, position: &Position) {
        let topic_id = uuid_to_wire(position.key.0.0);
        let mut partition = FetchPartition::default();
        partition.partition = position.key.1;
        partition.current_leader_epoch = position.leader_epoch.0;
        partition.fetch_offset = position.fetch_offset;
        partition.last_fetched_epoch = position.last_fetched_epoch;
        partition.log_start_offset = position.log_start_offset;
        partition.partition_max_bytes = self.partition_max_bytes;
        match request.topics.last_mut() {
            Some(topic) if topic.topic_id == topic_id => topic.partitions.push(partition),
            _ => {
                let mut topic = FetchTopic::default();
                topic.topic_id = topic_id;
                topic.partitions.push(partition);
                request.topics.push(topic);
            }
        }
    }

    /// Takes an answer apart; the code of the whole answer if it is an error.
    pub(crate) fn answered(&mut self, response: FetchResponse) -> Result<Vec<(PartitionKey, PartitionData)>, i16> {
        if response.error_code != ErrorCode::None.code() {
            self.reset();
            return Err(response.error_code);
        }
        self.session_id = response.session_id;
        self.session_epoch = match (response.session_id, self.session_epoch) {
            (0, _) => FINAL_EPOCH,
            (_, i32::MAX) => 1,
            (_, FINAL_EPOCH) => 1,
            (_, epoch) => epoch + 1,
        };
        if response.session_id == 0 {
            // The leader's cache is full: every request is a full one.
            self.sent.clear();
        }
        let mut answers = Vec::new();
        for topic in response.responses {
            let topic_id = TopicId(uuid_from_wire(topic.topic_id));
            answers.extend(
                topic
                    .partitions
                    .into_iter()
                    .map(|data| ((topic_id, data.partition_index), data)),
            );
        }
        Ok(answers)
    }
}

fn forgotten_topic((topic_id, partition): PartitionKey) -> ForgottenTopic {
    let mut topic = ForgottenTopic::default();
    topic.topic_id = uuid_to_wire(topic_id.0);
    topic.partitions.push(partition);
    topic
}

/// Does with one partition what the leader's answer says.
pub(crate) fn apply(followed: &Followed, data: PartitionData) -> Result<Verdict, PartitionError> {
    let Followed {
        partition,
        leader_epoch,
    } = followed;
    let leader_epoch = *leader_epoch;
    match ErrorCode::from_code(data.error_code) {
        Some(ErrorCode::None) => {}
        Some(ErrorCode::OffsetOutOfRange) if data.log_start_offset >= 0 => {
            if partition.log_end_offset() < data.log_start_offset {
                // The leader has deleted what would come next.
                partition.restart_at(leader_epoch, data.log_start_offset)?;
                return Ok(Verdict::Nothing);
            }
            return Ok(Verdict::Refused(Some(ErrorCode::OffsetOutOfRange)));
        }
        code => return Ok(Verdict::Refused(code)),
    }
    if data.diverging_epoch.epoch >= 0 {
        let (epoch, end_offset) = (data.diverging_epoch.epoch, data.diverging_epoch.end_offset);
        // Ours may end earlier in that epoch, or have no records of it at all: then of the last one before it.
        let own_end = partition
            .end_offset_for_epoch(epoch)
            .map_or(partition.log_start_offset(), |(_, end)| end);
        partition.truncate(leader_epoch, end_offset.min(own_end))?;
        return Ok(Verdict::Nothing);
    }
    let mut verdict = Verdict::Nothing;
    if let Some(records) = data.records.filter(|records| !records.is_empty()) {
        partition.append_as_follower(records, leader_epoch)?;
        verdict = Verdict::Appended {
            last_offset: partition.log_end_offset() - 1,
        };
    }
    partition.follow_leader_offsets(leader_epoch, data.high_watermark, data.log_start_offset)?;
    Ok(verdict)
}
