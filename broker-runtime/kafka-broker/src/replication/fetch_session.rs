//! Incremental fetch sessions (KIP-227): a client names its partitions once, afterwards requests carry what changed in
//! the wish and responses what changed in the partition. Plain values; the fetch handler brings time and ids.
//!
//! A session's epoch counts its requests: 0 asks for a new session, -1 ends one, anything else must be the number that
//! is expected, so that a response that got lost is noticed.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use kafka_codec::StrBytes;
use kafka_metadata::TopicId;
use parking_lot::Mutex;

/// Epoch that asks for a new session.
pub(crate) const INITIAL_EPOCH: i32 = 0;

/// Epoch that ends a session.
pub(crate) const FINAL_EPOCH: i32 = -1;

/// A session that was not used for this long may give way to another (`MinIncrementalFetchSessionEvictionMs`).
const EVICTION_AGE_MS: i64 = 120_000;

/// How a request names a topic: by name up to version 12, by id from 13 on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TopicKey {
    /// By name.
    Name(StrBytes),
    /// By id.
    Id(TopicId),
}

/// What a client wants of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FetchWish {
    /// Topic.
    pub(crate) topic: TopicKey,
    /// Index.
    pub(crate) partition: i32,
    /// First offset wanted.
    pub(crate) fetch_offset: i64,
    /// At most so many bytes.
    pub(crate) partition_max_bytes: usize,
    /// Leader epoch the client knows, -1 for none.
    pub(crate) current_leader_epoch: i32,
    /// Epoch of the last record it has, -1 for none.
    pub(crate) last_fetched_epoch: i32,
    /// Its log start offset if it is a follower.
    pub(crate) log_start_offset: i64,
}

/// What was last told about a partition, as far as it decides whether there is news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// High watermark.
    pub(crate) high_watermark: i64,
    /// Log start offset.
    pub(crate) log_start_offset: i64,
}

/// One answer for a partition, as far as it decides whether there is news.
#[derive(Clone, Copy, Debug)]
pub(crate) struct News {
    /// What would be told.
    pub(crate) told: Told,
    /// There are records.
    pub(crate) has_records: bool,
    /// There is an error, or a point of divergence.
    pub(crate) is_urgent: bool,
}

#[derive(Debug)]
struct Tracked {
    wish: FetchWish,
    told: Option<Told>,
}

/// Key of a partition in a session.
pub(crate) type WishKey = (TopicKey, i32);

/// One session.
#[derive(Debug)]
pub(crate) struct FetchSession {
    /// Its id, never 0.
    pub(crate) id: i32,
    next_epoch: i32,
    by_id: bool,
    privileged: bool,
    last_used_ms: i64,
    // Partitions by turn: who got records goes to the end, so that nobody starves behind a busy one.
    turns: BTreeMap<u64, Tracked>,
    places: HashMap<WishKey, u64>,
    next_turn: u64,
}

impl FetchSession {
    fn new(id: i32, by_id: bool, privileged: bool, now_ms: i64) -> Self {
        Self {
            id,
            next_epoch: 1,
            by_id,
            privileged,
            last_used_ms: now_ms,
            turns: BTreeMap::new(),
            places: HashMap::new(),
            next_turn: 0,
        }
    }

    fn put(&mut self, wish: FetchWish) {
        let key = (wish.topic.clone(), wish.partition);
        if let Some(tracked) = self.places.get(&key).and_then(|turn| self.turns.get_mut(turn)) {
            tracked.wish = wish;
            return;
        }
        self.places.insert(key, self.next_turn);
        self.turns.insert(self.next_turn, Tracked { wish, told: None });
        self.next_turn += 1;
    }

    fn forget(&mut self, key: &WishKey) {
        if let Some(turn) = self.places.remove(key) {
            self.turns.remove(&turn);
        }
    }

    /// The wishes, in the order in which they have their turn.
    pub(crate) fn wishes(&self) -> Vec<FetchWish> {
        self.turns.values().map(|tracked| tracked.wish.clone()).collect()
    }

    /// The high watermark that was last told of a partition.
    pub(crate) fn told_high_watermark(&self, key: &WishKey) -> Option<i64> {
        let tracked = self.turns.get(self.places.get(key)?)?;
        tracked.told.map(|told| told.high_watermark)
    }

    /// Whether `news` must be told; if so they count as told from now on.
    pub(crate) fn tell(&mut self, key: &WishKey, news: News) -> bool {
        let Some(&turn) = self.places.get(key) else {
            return true;
        };
        let Some(tracked) = self.turns.get_mut(&turn) else {
            return true;
        };
        let must = news.has_records || news.is_urgent || tracked.told != Some(news.told);
        // After an error everything is news again.
        tracked.told = if news.is_urgent { None } else { Some(news.told) };
        if news.has_records
            && let Some(tracked) = self.turns.remove(&turn)
        {
            self.turns.insert(self.next_turn, tracked);
            self.places.insert(key.clone(), self.next_turn);
            self.next_turn += 1;
        }
        must
    }

    /// Number of partitions.
    pub(crate) fn len(&self) -> usize {
        self.turns.len()
    }
}

/// Why a session cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionError {
    /// FETCH_SESSION_ID_NOT_FOUND.
    NotFound,
    /// INVALID_FETCH_SESSION_EPOCH.
    InvalidEpoch,
    /// FETCH_SESSION_TOPIC_ID_ERROR: names and ids must not be mixed in a session.
    TopicIdMismatch,
}

/// What a request says about sessions.
#[derive(Debug)]
pub(crate) struct SessionRequest {
    /// Session id, 0 for none.
    pub(crate) id: i32,
    /// Session epoch.
    pub(crate) epoch: i32,
    /// Topics are named by id.
    pub(crate) by_id: bool,
    /// The client is a follower.
    pub(crate) privileged: bool,
    /// Partitions to add or change.
    pub(crate) wishes: Vec<FetchWish>,
    /// Partitions to remove.
    pub(crate) forgotten: Vec<WishKey>,
    /// Now.
    pub(crate) now_ms: i64,
}

/// How a request is to be answered.
#[derive(Debug)]
pub(crate) enum FetchScope {
    /// All partitions asked for, without a session.
    Full(Vec<FetchWish>),
    /// All partitions asked for, and a session from now on.
    Opened(Arc<Mutex<FetchSession>>),
    /// News of the partitions of the session.
    Incremental(Arc<Mutex<FetchSession>>),
}

/// All sessions of a broker.
#[derive(Debug)]
pub(crate) struct FetchSessions {
    slots: usize,
    sessions: Mutex<HashMap<i32, Arc<Mutex<FetchSession>>>>,
}

impl FetchSessions {
    /// At most `slots` sessions (`max.incremental.fetch.session.cache.slots`).
    pub(crate) fn new(slots: usize) -> Self {
        Self {
            slots,
            sessions: Mutex::new(HashMap::new()),
        }
    }

    /// Finds, opens or ends the session of a request. `random` gives ids.
    pub(crate) fn scope(
        &self,
        request: SessionRequest,
        random: impl FnMut() -> i32,
    ) -> Result<FetchScope, SessionError> {
        match request.epoch {
            FINAL_EPOCH => {
                self.sessions.lock().remove(&request.id);
                Ok(FetchScope::Full(request.wishes))
            }
            INITIAL_EPOCH => {
                self.sessions.lock().remove(&request.id);
                Ok(self.open(request, random))
            }
            _ => self.resume(request),
        }
    }

    fn open(&self, request: SessionRequest, mut random: impl FnMut() -> i32) -> FetchScope {
        let mut sessions = self.sessions.lock();
        if request.wishes.is_empty() || !self.make_room(&mut sessions, &request) {
            return FetchScope::Full(request.wishes);
        }
        let id = loop {
            let id = random();
            if id > 0 && !sessions.contains_key(&id) {
                break id;
            }
        };
        let mut session = FetchSession::new(id, request.by_id, request.privileged, request.now_ms);
        for wish in request.wishes {
            session.put(wish);
        }
        let session = Arc::new(Mutex::new(session));
        sessions.insert(id, Arc::clone(&session));
        FetchScope::Opened(session)
    }

    fn resume(&self, request: SessionRequest) -> Result<FetchScope, SessionError> {
        let mut sessions = self.sessions.lock();
        let session = sessions.get(&request.id).cloned().ok_or(SessionError::NotFound)?;
        let mut state = session.lock();
        if state.next_epoch != request.epoch {
            return Err(SessionError::InvalidEpoch);
        }
        if state.by_id != request.by_id && !(request.wishes.is_empty() && request.forgotten.is_empty()) {
            return Err(SessionError::TopicIdMismatch);
        }
        state.next_epoch = if request.epoch == i32::MAX {
            1
        } else {
            request.epoch + 1
        };
        state.last_used_ms = request.now_ms;
        for wish in request.wishes {
            state.put(wish);
        }
        for key in &request.forgotten {
            state.forget(key);
        }
        if state.len() == 0 {
            sessions.remove(&request.id);
            return Ok(FetchScope::Full(Vec::new()));
        }
        drop(state);
        Ok(FetchScope::Incremental(session))
    }

    /// Followers push out consumers, anybody pushes out who has been away for long.
    fn make_room(&self, sessions: &mut HashMap<i32, Arc<Mutex<FetchSession>>>, request: &SessionRequest) -> bool {
        if sessions.len() < self.slots {
            return true;
        }
        let mut victim: Option<(bool, i64, i32)> = None;
        for (&id, session) in sessions.iter() {
            let session = session.lock();
            let old = request.now_ms - session.last_used_ms > EVICTION_AGE_MS;
            let yields = old || (request.privileged && !session.privileged);
            let rank = (session.privileged, session.last_used_ms, id);
            if yields && victim.is_none_or(|victim| rank < victim) {
                victim = Some(rank);
            }
        }
        victim.is_some_and(|(_, _, id)| sessions.remove(&id).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(partition: i32, fetch_offset: i64) -> FetchWish {
        FetchWish {
            topic: TopicKey::Name(StrBytes::from("t")),
            partition,
            fetch_offset,
            partition_max_bytes: 100,
            current_leader_epoch: -1,
            last_fetched_epoch: -1,
            log_start_offset: -1,
        }
    }

    fn request(id: i32, epoch: i32, wishes: Vec<FetchWish>) -> SessionRequest {
        SessionRequest {
            id,
            epoch,
            by_id: false,
            privileged: false,
            wishes,
            forgotten: Vec::new(),
            now_ms: 0,
        }
    }

    fn opened(sessions: &FetchSessions, id: i32, wishes: Vec<FetchWish>) -> Arc<Mutex<FetchSession>> {
        match sessions.scope(request(0, INITIAL_EPOCH, wishes), || id) {
            Ok(FetchScope::Opened(session)) => session,
            other => panic!("{other:?}"),
        }
    }

    const QUIET: News = News {
        told: Told {
            high_watermark: 5,
            log_start_offset: 0,
        },
        has_records: false,
        is_urgent: false,
    };

    #[test]
    fn epochs_count_and_a_repeated_one_is_refused() {
        let sessions = FetchSessions::new(2);
        opened(&sessions, 7, vec![wish(0, 0)]);
        assert!(sessions.scope(request(7, 1, Vec::new()), || 0).is_ok());
        assert_eq!(
            sessions.scope(request(7, 1, Vec::new()), || 0).unwrap_err(),
            SessionError::InvalidEpoch
        );
        assert_eq!(
            sessions.scope(request(8, 1, Vec::new()), || 0).unwrap_err(),
            SessionError::NotFound
        );
        sessions.scope(request(7, FINAL_EPOCH, Vec::new()), || 0).unwrap();
        assert_eq!(
            sessions.scope(request(7, 2, Vec::new()), || 0).unwrap_err(),
            SessionError::NotFound
        );
    }

    #[test]
    fn only_news_are_told_and_errors_are_always_news() {
        let sessions = FetchSessions::new(2);
        let session = opened(&sessions, 7, vec![wish(0, 0)]);
        let key = (TopicKey::Name(StrBytes::from("t")), 0);
        let mut session = session.lock();
        assert!(session.tell(&key, QUIET));
        assert!(!session.tell(&key, QUIET));
        assert!(session.tell(
            &key,
            News {
                is_urgent: true,
                ..QUIET
            }
        ));
        assert!(session.tell(&key, QUIET), "after an error everything is news");
        assert!(session.tell(
            &key,
            News {
                has_records: true,
                ..QUIET
            }
        ));
    }

    #[test]
    fn who_got_records_waits_for_its_next_turn() {
        let sessions = FetchSessions::new(2);
        let session = opened(&sessions, 7, vec![wish(0, 0), wish(1, 0)]);
        let mut session = session.lock();
        session.tell(
            &(TopicKey::Name(StrBytes::from("t")), 0),
            News {
                has_records: true,
                ..QUIET
            },
        );
        let order: Vec<i32> = session.wishes().iter().map(|wish| wish.partition).collect();
        assert_eq!(order, [1, 0]);
    }

    #[test]
    fn full_cache_serves_without_session_unless_somebody_yields() {
        let sessions = FetchSessions::new(1);
        opened(&sessions, 7, vec![wish(0, 0)]);
        let scope = sessions
            .scope(request(0, INITIAL_EPOCH, vec![wish(0, 0)]), || 8)
            .unwrap();
        assert!(matches!(scope, FetchScope::Full(_)));
        let follower = SessionRequest {
            privileged: true,
            ..request(0, INITIAL_EPOCH, vec![wish(0, 0)])
        };
        assert!(matches!(sessions.scope(follower, || 9), Ok(FetchScope::Opened(_))));
    }

    #[test]
    fn forgetting_all_partitions_ends_the_session() {
        let sessions = FetchSessions::new(1);
        opened(&sessions, 7, vec![wish(0, 0)]);
        let forget = SessionRequest {
            forgotten: vec![(TopicKey::Name(StrBytes::from("t")), 0)],
            ..request(7, 1, Vec::new())
        };
        assert!(matches!(sessions.scope(forget, || 0), Ok(FetchScope::Full(wishes)) if wishes.is_empty()));
        assert_eq!(
            sessions.scope(request(7, 2, Vec::new()), || 0).unwrap_err(),
            SessionError::NotFound
        );
    }
}
