//! The controller with real sockets, a real log, and brokers played by the test.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use clock::{Clock, ManualClock, SystemClock};
use kafka_metadata::{
    BrokerEpoch, BrokerId, Endpoint, MetadataImage, MetadataRecord,
    mutations::MutationLimit,
    rpc::{BrokerMessage, ControllerError, ControllerMessage, ControllerRequest, ControllerResponse, NewTopic},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    sync::watch,
    time::timeout,
};
use uuid::Uuid;

use super::{Controller, ControllerConfig, ControllerStartError, LogError, connect_unix};

const CLUSTER: &str = "abcdefghijklmnopqrstuw";
const DEADLINE: Duration = Duration::from_secs(20);

/// A directory of a cluster, with a name longer than the address of a socket.
struct Place {
    _root: TempDir,
    directory: PathBuf,
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("temporary directory");
        let directory = root.path().join("a-long-name-".repeat(12));
        std::fs::create_dir(&directory).expect("directory");
        Self { _root: root, directory }
    }

    fn socket(&self) -> PathBuf {
        self.directory.join("controller.sock")
    }

    fn config(&self, clock: Arc<dyn Clock>) -> ControllerConfig {
        ControllerConfig {
            logins: super::Logins::new(Uuid::nil(), Arc::default()),
            cluster_id: CLUSTER.to_owned(),
            directory: self.directory.join("metadata"),
            socket_path: self.socket(),
            default_properties: BTreeMap::new(),
            clock,
        }
    }

    async fn start(&self) -> Controller {
        Controller::start(self.config(Arc::new(SystemClock)))
            .await
            .expect("start")
    }
}

/// A broker: applies what it is sent, checks that nothing is missing or comes twice.
struct FakeBroker {
    id: BrokerId,
    incarnation: Uuid,
    epoch: BrokerEpoch,
    stream: UnixStream,
    image: MetadataImage,
    next_id: u64,
}

impl FakeBroker {
    async fn connect(socket: &Path, id: i32, incarnation: Uuid) -> Result<Self, ControllerError> {
        let stream = connect_unix(socket).await.expect("connect");
        let image = MetadataImage::default();
        let id = BrokerId(id);
        let mut broker = Self {
            id,
            incarnation,
            epoch: BrokerEpoch(-1),
            stream,
            image,
            next_id: 1,
        };
        broker.register().await.map(|()| broker)
    }

    /// Connects and registers again, with the metadata it has.
    async fn reconnect(&mut self, socket: &Path) -> Result<(), ControllerError> {
        self.stream = connect_unix(socket).await.expect("connect");
        self.register().await
    }

    async fn register(&mut self) -> Result<(), ControllerError> {
        let request = ControllerRequest::Register {
            broker_id: self.id,
            cluster_id: CLUSTER.to_owned(),
            incarnation_id: self.incarnation,
            boot_id: "boot".to_owned(),
            log_dirs: Vec::new(),
            rack: Some(format!("zone-{}", self.id)),
            endpoints: vec![Endpoint {
                listener: "TLS".to_owned(),
                host: "127.0.0.1".to_owned(),
                port: 9094,
            }],
            metadata_from: self.image.next_offset(),
        };
        match self.ask(request).await? {
            ControllerResponse::Registered { broker_epoch } => self.epoch = broker_epoch,
            other => panic!("not the answer to a registration: {other:?}"),
        }
        let epoch = self.epoch;
        self.until(|image| image.applied.is_some_and(|applied| applied.0 >= epoch.0))
            .await;
        Ok(())
    }

    async fn send(&mut self, request: ControllerRequest) -> u64 {
        self.next_id += 1;
        let body = serde_json::to_vec(&BrokerMessage {
            id: self.next_id,
            request,
        })
        .expect("encode");
        let length = u32::try_from(body.len()).expect("short");
        self.stream
            .write_all(&[length.to_be_bytes().as_slice(), &body].concat())
            .await
            .expect("send");
        self.next_id
    }

    /// The next message; `None` when the controller closed the connection.
    async fn receive(&mut self) -> Option<ControllerMessage> {
        let length = timeout(DEADLINE, self.stream.read_u32()).await.expect("in time").ok()?;
        let mut body = vec![0; usize::try_from(length).expect("short")];
        timeout(DEADLINE, self.stream.read_exact(&mut body))
            .await
            .expect("in time")
            .ok()?;
        let message: ControllerMessage = serde_json::from_slice(&body).expect("a message");
        match &message {
            ControllerMessage::Records {
                first_offset, records, ..
            } => {
                assert_eq!(*first_offset, self.image.next_offset(), "no gap and nothing twice");
                for record in records {
                    let offset = self.image.next_offset();
                    self.image.apply(offset, record);
                }
            }
            ControllerMessage::Snapshot { applied, records } => {
                self.image = MetadataImage::from_snapshot(Some(*applied), records);
            }
            ControllerMessage::Response { .. } => {}
        }
        Some(message)
    }

    async fn ask(&mut self, request: ControllerRequest) -> Result<ControllerResponse, ControllerError> {
        let sent = self.send(request).await;
        loop {
            match self.receive().await.expect("connected") {
                ControllerMessage::Response { id, result } if id == sent => return result,
                _ => {}
            }
        }
    }

    async fn until(&mut self, condition: impl Fn(&MetadataImage) -> bool) {
        while !condition(&self.image) {
            self.receive().await.expect("connected");
        }
    }

    async fn heartbeat(&mut self, want_shutdown: bool) -> (bool, bool) {
        let request = ControllerRequest::Heartbeat {
            broker_id: self.id,
            broker_epoch: self.epoch,
            applied: self.image.applied,
            want_shutdown,
        };
        match self.ask(request).await {
            Ok(ControllerResponse::Heartbeat {
                fenced,
                should_shutdown,
            }) => (fenced, should_shutdown),
            other => panic!("not the answer to a heartbeat: {other:?}"),
        }
    }
}

async fn brokers(place: &Place, count: i32) -> Vec<FakeBroker> {
    let mut brokers = Vec::new();
    for id in 1..=count {
        let mut broker = FakeBroker::connect(&place.socket(), id, Uuid::new_v4())
            .await
            .expect("registered");
        assert_eq!(broker.heartbeat(false).await, (false, false));
        brokers.push(broker);
    }
    brokers
}

fn topic(name: &str, partitions: i32, replication_factor: i16) -> ControllerRequest {
    let topic = NewTopic {
        name: name.to_owned(),
        partitions: Some(partitions),
        replication_factor: Some(replication_factor),
        assignments: None,
        configs: BTreeMap::new(),
    };
    ControllerRequest::CreateTopics {
        topics: vec![topic],
        validate_only: false,
    }
}

async fn wait(images: &mut watch::Receiver<Arc<MetadataImage>>, condition: impl FnMut(&Arc<MetadataImage>) -> bool) {
    timeout(DEADLINE, images.wait_for(condition))
        .await
        .expect("in time")
        .expect("running");
}

fn is_fenced(image: &MetadataImage, broker: i32) -> bool {
    image.brokers[&BrokerId(broker)].fenced
}

#[tokio::test]
async fn brokers_register_catch_up_and_see_every_record() {
    let place = Place::new();
    let controller = place.start().await;
    let mut brokers = brokers(&place, 3).await;
    controller.call(topic("orders", 6, 3)).await.expect("created");
    let image = Arc::clone(&controller.image().borrow());
    for broker in &mut brokers {
        broker.until(|seen| seen.topics.contains_key("orders")).await;
        assert_eq!(broker.image, *image);
        broker.heartbeat(false).await;
    }
    let applied = controller.applied_by().borrow().clone();
    assert_eq!(applied.len(), 3);
    assert!(applied.values().all(|applied| Some(*applied) == image.applied));
    controller.stop().await;
    assert!(!place.socket().exists());
    assert_eq!(
        controller.call(topic("late", 1, 1)).await.expect_err("stopped"),
        ControllerError::NotController
    );
}

#[tokio::test]
async fn everything_is_there_again_after_a_restart_and_brokers_attach_without_a_new_epoch() {
    let place = Place::new();
    let controller = place.start().await;
    let mut all = brokers(&place, 3).await;
    controller.call(topic("orders", 2, 3)).await.expect("created");
    let before = Arc::clone(&controller.image().borrow());
    controller.stop().await;

    let controller = place.start().await;
    assert_eq!(**controller.image().borrow(), *before);
    for broker in &mut all {
        let epoch = broker.epoch;
        broker.reconnect(&place.socket()).await.expect("attached");
        assert_eq!(broker.epoch, epoch);
        assert_eq!(broker.heartbeat(false).await, (false, false));
    }
    assert_eq!(controller.image().borrow().applied, before.applied, "nothing changed");
    controller.call(topic("more", 1, 3)).await.expect("created");
    all[0].until(|seen| seen.topics.contains_key("more")).await;
}

#[tokio::test]
async fn a_broker_whose_process_is_gone_is_fenced_at_once_and_can_register_anew() {
    let place = Place::new();
    let controller = place.start().await;
    let mut all = brokers(&place, 3).await;
    controller.call(topic("orders", 3, 3)).await.expect("created");
    let killed = all.remove(0);

    let refused = FakeBroker::connect(&place.socket(), 1, Uuid::new_v4()).await.err();
    assert_eq!(refused, Some(ControllerError::DuplicateBrokerRegistration(BrokerId(1))));
    controller
        .broker_process_exited(BrokerId(1), Some(Uuid::new_v4()))
        .await;
    assert!(!is_fenced(&controller.image().borrow(), 1), "another process is gone");

    let start = Instant::now();
    controller
        .broker_process_exited(BrokerId(1), Some(killed.incarnation))
        .await;
    assert!(start.elapsed() < Duration::from_millis(500));
    let image = Arc::clone(&controller.image().borrow());
    assert!(is_fenced(&image, 1));
    for state in &image.topics["orders"].partitions {
        assert!(!state.isr.contains(&BrokerId(1)) && state.leader.is_some_and(|leader| leader != BrokerId(1)));
    }
    assert!(!controller.applied_by().borrow().contains_key(&BrokerId(1)));

    let mut again = FakeBroker::connect(&place.socket(), 1, Uuid::new_v4())
        .await
        .expect("registered");
    assert!(again.epoch > killed.epoch);
    assert_eq!(again.heartbeat(false).await, (false, false));
    assert!(!is_fenced(&controller.image().borrow(), 1));
}

#[tokio::test]
async fn silence_is_fenced_after_the_session_timeout_also_after_a_restart() {
    let place = Place::new();
    let clock = ManualClock::new(0);
    let config = || place.config(Arc::new(clock.clone()));
    let controller = Controller::start(config()).await.expect("start");
    let mut all = brokers(&place, 2).await;
    controller.stop().await;
    clock.advance(Duration::from_secs(3600));
    let controller = Controller::start(config()).await.expect("start again");
    let mut images = controller.image();
    all[0].reconnect(&place.socket()).await.expect("attached");
    // Each step is answered before the next one, so no step is longer than a tick allows.
    for _ in 0..25 {
        clock.advance(Duration::from_millis(100));
        assert_eq!(all[0].heartbeat(false).await, (false, false));
        assert!(!is_fenced(&images.borrow(), 2));
    }
    for _ in 0..5 {
        clock.advance(Duration::from_millis(100));
        all[0].heartbeat(false).await;
    }
    wait(&mut images, |image| is_fenced(image, 2)).await;
    assert!(!is_fenced(&images.borrow(), 1));
    // It was only paused: it comes back under its registration.
    let mut paused = all.remove(1);
    paused.reconnect(&place.socket()).await.expect("attached");
    assert_eq!(paused.heartbeat(false).await, (false, false));
    assert!(!is_fenced(&images.borrow(), 2));
}

#[tokio::test]
async fn a_broker_stops_once_its_leaderships_are_gone_and_the_others_know() {
    let place = Place::new();
    let controller = place.start().await;
    let mut all = brokers(&place, 2).await;
    controller.call(topic("orders", 4, 2)).await.expect("created");
    for broker in &mut all {
        broker.until(|seen| seen.topics.contains_key("orders")).await;
        broker.heartbeat(false).await;
    }
    assert_eq!(
        all[0].heartbeat(true).await,
        (false, false),
        "broker 2 has not seen it yet"
    );
    all[1].until(|seen| seen.brokers[&BrokerId(1)].shutting_down).await;
    let led = |image: &MetadataImage| {
        image.topics["orders"]
            .partitions
            .iter()
            .filter(|state| state.leader == Some(BrokerId(1)))
            .count()
    };
    while led(&all[1].image) > 0 {
        all[1].receive().await.expect("connected");
    }
    all[1].heartbeat(false).await;
    assert_eq!(all[0].heartbeat(true).await, (false, true));
}

#[tokio::test]
async fn a_stale_registration_is_told_so() {
    let place = Place::new();
    let controller = place.start().await;
    let mut old = FakeBroker::connect(&place.socket(), 1, Uuid::new_v4())
        .await
        .expect("registered");
    let _new = FakeBroker::connect(&place.socket(), 1, Uuid::new_v4())
        .await
        .expect("the old one never served");
    let request = ControllerRequest::AllocateProducerIds {
        broker_id: BrokerId(1),
        broker_epoch: old.epoch,
    };
    assert_eq!(
        old.ask(request).await.expect_err("stale"),
        ControllerError::StaleBrokerEpoch(old.epoch)
    );
    drop(controller);
}

#[tokio::test]
async fn malformed_and_endless_frames_close_their_connection_only() {
    let place = Place::new();
    let controller = place.start().await;
    let mut good = FakeBroker::connect(&place.socket(), 1, Uuid::new_v4())
        .await
        .expect("registered");
    for hostile in [&u32::MAX.to_be_bytes()[..], b"\0\0\0\x04nope", b"\0\0\0\x02{}"] {
        let mut stream = connect_unix(&place.socket()).await.expect("connect");
        stream.write_all(hostile).await.expect("send");
        let mut rest = Vec::new();
        timeout(DEADLINE, stream.read_to_end(&mut rest))
            .await
            .expect("closed")
            .ok();
        assert!(rest.is_empty());
    }
    good.heartbeat(false).await;
    controller.stop().await;
}

#[tokio::test]
async fn a_broker_that_missed_much_or_saw_another_future_gets_a_snapshot() {
    let place = Place::new();
    let controller = place.start().await;
    let mut all = brokers(&place, 1).await;
    controller.stop().await;
    let controller = place.start().await;
    let mut fresh = FakeBroker::connect(&place.socket(), 2, Uuid::new_v4())
        .await
        .expect("registered");
    assert_eq!(
        fresh.image,
        **controller.image().borrow(),
        "the log in memory began anew, so this was a snapshot"
    );
    for _ in 0..5 {
        let offset = all[0].image.next_offset();
        all[0]
            .image
            .apply(offset, &MetadataRecord::ProducerIds { next_producer_id: 77 });
    }
    all[0].stream = connect_unix(&place.socket()).await.expect("connect");
    let (incarnation, from) = (all[0].incarnation, all[0].image.next_offset());
    let request = ControllerRequest::Register {
        broker_id: BrokerId(1),
        cluster_id: CLUSTER.to_owned(),
        incarnation_id: incarnation,
        boot_id: "boot".to_owned(),
        log_dirs: Vec::new(),
        rack: None,
        endpoints: Vec::new(),
        metadata_from: from,
    };
    all[0].send(request).await;
    all[0].until(|image| image.next_producer_id == 0).await;
    assert_eq!(all[0].image, **controller.image().borrow());
    fresh.heartbeat(false).await;
}

#[tokio::test]
async fn a_torn_log_loses_nothing_that_was_answered() {
    let place = Place::new();
    let controller = place.start().await;
    let _brokers = brokers(&place, 3).await;
    controller.call(topic("kept", 3, 3)).await.expect("created");
    let kept = Arc::clone(&controller.image().borrow());
    controller.stop().await;
    let log = std::fs::read_dir(place.directory.join("metadata")).expect("list");
    let log = log.map(|entry| entry.expect("entry").path());
    let log = log
        .into_iter()
        .find(|path| path.extension().is_some_and(|kind| kind == "metadata"))
        .expect("a log");
    let mut bytes = std::fs::read(&log).expect("read");
    bytes.extend_from_slice(&[0, 0, 1, 0, 9, 9]);
    std::fs::write(&log, &bytes).expect("tear");
    let controller = place.start().await;
    assert_eq!(**controller.image().borrow(), *kept);
}

#[tokio::test]
async fn one_controller_at_a_time_and_only_of_its_own_cluster() {
    let place = Place::new();
    let controller = place.start().await;
    let second = Controller::start(place.config(Arc::new(SystemClock)))
        .await
        .expect_err("in use");
    assert!(matches!(
        second,
        ControllerStartError::Log {
            source: LogError::InUse(_),
            ..
        }
    ));
    controller.stop().await;
    let other = ControllerConfig {
        cluster_id: "other".to_owned(),
        ..place.config(Arc::new(SystemClock))
    };
    let error = Controller::start(other).await.expect_err("another cluster");
    assert!(matches!(error, ControllerStartError::OtherCluster { .. }));
    place.start().await;
}

#[tokio::test]
async fn preferred_replicas_lead_again_after_a_while() {
    let place = Place::new();
    let clock = ManualClock::new(0);
    let controller = Controller::start(place.config(Arc::new(clock.clone())))
        .await
        .expect("start");
    let mut all = brokers(&place, 2).await;
    let assignments = Some(vec![vec![BrokerId(1), BrokerId(2)]]);
    let (name, configs) = ("orders".to_owned(), BTreeMap::new());
    let topic = NewTopic {
        name,
        partitions: None,
        replication_factor: None,
        assignments,
        configs,
    };
    let create = ControllerRequest::CreateTopics {
        topics: vec![topic],
        validate_only: false,
    };
    controller.call(create).await.expect("created");
    controller.broker_process_exited(BrokerId(1), None).await;
    all[0] = FakeBroker::connect(&place.socket(), 1, Uuid::new_v4())
        .await
        .expect("registered");
    all[0].heartbeat(false).await;
    all[1]
        .until(|seen| seen.topics.contains_key("orders") && !is_fenced(seen, 1))
        .await;
    let epoch = all[0].epoch;
    all[1]
        .until(|seen| seen.brokers[&BrokerId(1)].broker_epoch == epoch && !is_fenced(seen, 1))
        .await;
    let state = all[1].image.partition("orders", 0).expect("a partition").clone();
    assert_eq!((state.leader, state.isr.len()), (Some(BrokerId(2)), 1));
    let proposal = kafka_metadata::rpc::AlterPartition {
        topic_id: all[1].image.topics["orders"].topic_id,
        partition: 0,
        leader_epoch: state.leader_epoch,
        partition_epoch: state.partition_epoch,
        new_isr: vec![(BrokerId(1), all[0].epoch), (BrokerId(2), all[1].epoch)],
    };
    let (broker_id, broker_epoch) = (BrokerId(2), all[1].epoch);
    let request = ControllerRequest::AlterPartition {
        broker_id,
        broker_epoch,
        partitions: vec![proposal],
    };
    all[1].ask(request).await.expect("answered");
    let deadline = Instant::now() + DEADLINE;
    while controller
        .image()
        .borrow()
        .partition("orders", 0)
        .expect("a partition")
        .leader
        != Some(BrokerId(1))
    {
        assert!(Instant::now() < deadline, "the leadership did not return");
        clock.advance(Duration::from_millis(100));
        for broker in &mut all {
            assert_eq!(broker.heartbeat(false).await, (false, false));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_topic_takes_milliseconds() {
    let place = Place::new();
    let controller = place.start().await;
    let _brokers = brokers(&place, 3).await;
    let mut fastest = Duration::MAX;
    for at in 0..10 {
        let start = Instant::now();
        controller
            .call(topic(&format!("topic{at}"), 50, 3))
            .await
            .expect("created");
        fastest = fastest.min(start.elapsed());
    }
    // Far above what it takes (one or two), far below what anybody would notice.
    assert!(fastest < Duration::from_millis(50), "{fastest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quorum_is_one_controller_and_the_brokers_that_read() {
    let place = Place::new();
    let _controller = place.start().await;
    let mut brokers = brokers(&place, 2).await;
    brokers[1].heartbeat(false).await;
    brokers[0].heartbeat(false).await;
    let answer = brokers[0].ask(ControllerRequest::DescribeQuorum).await.expect("answer");
    let ControllerResponse::Quorum {
        next_offset,
        now_ms,
        readers,
    } = answer
    else {
        panic!("{answer:?}");
    };
    let ids: Vec<i32> = readers.iter().map(|reader| reader.broker_id.0).collect();
    assert_eq!(ids, [1, 2]);
    assert!(
        readers
            .iter()
            .all(|reader| reader.next_offset.0 > 0 && reader.next_offset <= next_offset)
    );
    assert!(readers.iter().all(|reader| reader.last_heard_ms <= now_ms));
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_a_client_are_counted_for_the_whole_cluster() {
    let place = Place::new();
    let controller = place.start().await;
    let mut brokers = brokers(&place, 2).await;
    let limited = |name: &str, partitions| ControllerRequest::Limited {
        limit: MutationLimit {
            user: None,
            client_id: Some("client".to_owned()),
            rate: 0.001,
            burst: 1.0,
            strict: true,
        },
        request: Box::new(topic(name, partitions, 1)),
    };
    let answer = brokers[0].ask(limited("first", 3)).await.expect("answer");
    assert!(
        matches!(answer, ControllerResponse::Limited { throttle_ms: 0, .. }),
        "{answer:?}"
    );
    let answer = brokers[1].ask(limited("second", 1)).await.expect("answer");
    let ControllerResponse::Limited { throttle_ms, response } = answer else {
        panic!("{answer:?}");
    };
    assert!((1_900_000..=2_000_000).contains(&throttle_ms), "{throttle_ms}");
    let ControllerResponse::CreateTopics(results) = *response else {
        panic!("topics were asked for");
    };
    assert!(matches!(results[0], Err(ControllerError::ThrottlingQuotaExceeded)));
    let answer = controller.call(topic("third", 1, 1)).await.expect("answer");
    assert!(
        matches!(answer, ControllerResponse::CreateTopics(results) if results[0].is_ok()),
        "no quota"
    );
}
