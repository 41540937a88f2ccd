//! Certificates of real brokers, as a TLS client sees them: renewed in time, rotated when somebody asks, never with a restart.

use std::{
    fs,
    net::{IpAddr, TcpStream},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use clock::{Clock, Sleep, SystemClock};
use engine::{Engine, NewTopic, ObservedCluster};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::real_brokers::{Stage, all_run, kill};

const DAY_MS: i64 = 24 * 3600 * 1000;

/// The time of this machine, and some days more or less.
#[derive(Clone, Debug, Default)]
struct Shifted(Arc<AtomicI64>);

impl Shifted {
    fn by_days(days: i64) -> Self {
        let clock = Self::default();
        clock.set(days);
        clock
    }

    fn set(&self, days: i64) {
        self.0.store(days * DAY_MS, Ordering::SeqCst);
    }
}

impl Clock for Shifted {
    fn now_ms(&self) -> i64 {
        SystemClock.now_ms() + self.0.load(Ordering::SeqCst)
    }

    fn monotonic(&self) -> Instant {
        SystemClock.monotonic()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        SystemClock.sleep(duration)
    }
}

/// What a client that believes the cluster's authority is shown: serial number and end, unix milliseconds.
fn shown(authority: &Path, host: &str) -> (String, i64) {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let address: IpAddr = host.parse().unwrap();
    let mut client = ClientConnection::new(Arc::new(config), ServerName::from(address)).unwrap();
    let mut socket = TcpStream::connect((address, 9094)).unwrap();
    while client.is_handshaking() {
        client.complete_io(&mut socket).unwrap();
    }
    let certificate = &client.peer_certificates().unwrap()[0];
    let (_, certificate) = X509Certificate::from_der(certificate).unwrap();
    let end_ms = certificate.validity().not_after.timestamp() * 1000;
    (certificate.raw_serial_as_string(), end_ms)
}

/// The same of every broker.
fn all_shown(stage: &Stage, observed: &ObservedCluster) -> Vec<(String, i64)> {
    let authority = stage.cluster().join("ca.pem");
    let brokers = observed.brokers.iter();
    brokers.map(|broker| shown(&authority, &broker.host)).collect()
}

fn pids(observed: &ObservedCluster) -> Vec<Option<u32>> {
    observed.brokers.iter().map(|broker| broker.pid).collect()
}

fn ends(observed: &ObservedCluster) -> Vec<i64> {
    let brokers = observed.brokers.iter();
    brokers.map(|it| it.certificate_expires_at_ms.unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_renewed_in_time_and_rotated_without_a_restart() {
    let mut stage = Stage::new(3);
    // Brokers have the time of this machine, so these were made a while ago and are good today.
    let clock = Shifted::by_days(-280);
    let engine = stage.engine_with(Arc::new(clock.clone())).await;
    engine.ensure(&stage.spec).await.unwrap();
    let made = stage.observe(&engine).await;
    let first = all_shown(&stage, &made);
    assert_eq!(first.iter().map(|it| it.1).collect::<Vec<_>>(), ends(&made));
    clock.set(-280 + 274);
    assert_eq!(engine.renew_certificates(stage.spec.cluster_id).await.unwrap(), 0);
    assert_eq!(all_shown(&stage, &made), first, "not yet");

    clock.set(0);
    assert_eq!(engine.renew_certificates(stage.spec.cluster_id).await.unwrap(), 3);
    let renewed = all_shown(&stage, &made);
    for (before, after) in first.iter().zip(&renewed) {
        assert_ne!(before.0, after.0, "another serial number");
        assert!(after.1 - before.1 >= 280 * DAY_MS, "{before:?} {after:?}");
    }
    assert_eq!(engine.renew_certificates(stage.spec.cluster_id).await.unwrap(), 0);

    // Brokers with new certificates believe each other: replicas of a new topic come in sync over new connections.
    let topic = NewTopic {
        name: "orders".to_owned(),
        partition_count: 3,
        replication_factor: 3,
        configs: Default::default(),
    };
    let topics = engine.topics();
    topics.create_topic(stage.spec.cluster_id, &topic).await.unwrap();
    stage.spec.certificate_rotations += 1;
    engine.ensure(&stage.spec).await.unwrap();
    let after = stage.observe(&engine).await;
    let rotated = all_shown(&stage, &after);
    for (before, after) in renewed.iter().zip(&rotated) {
        assert_ne!(before.0, after.0);
    }
    assert_eq!(pids(&after), pids(&made), "nobody was restarted");
    engine.ensure(&stage.spec).await.unwrap();
    assert_eq!(all_shown(&stage, &after), rotated, "once");
    let described = topics.describe_topic(stage.spec.cluster_id, "orders").await.unwrap();
    assert_eq!(described.summary.out_of_sync_partitions, 0);
}

/// A runtime that is killed once it has replaced the first file has told nobody: the next one does, and goes on.
#[tokio::test(flavor = "multi_thread")]
async fn rotation_that_was_interrupted_is_brought_to_its_end() {
    let stage = Stage::new(2);
    let engine = stage.engine_with(Arc::new(SystemClock)).await;
    engine.ensure(&stage.spec).await.unwrap();
    let before = stage.observe(&engine).await;
    let first = all_shown(&stage, &before);
    engine.close().await;
    drop(engine);
    let path = |broker: i32| stage.cluster().join(format!("broker-{broker}/broker.identity.pem"));
    let rotation = |broker| {
        fs::read_to_string(path(broker))
            .unwrap()
            .lines()
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!([rotation(1), rotation(2)], ["rotation 0", "rotation 0"]);
    let (certificate, key) = issue(&stage.cluster(), &before.brokers[0].host, 365);
    fs::write(path(1), format!("rotation 1\n{certificate}{key}")).unwrap();
    let engine = stage.engine_with(Arc::new(SystemClock)).await;
    let mut spec = stage.spec.clone();
    spec.certificate_rotations = 1;
    engine.ensure(&spec).await.unwrap();
    let after = stage.observe(&engine).await;
    for (before, after) in first.iter().zip(all_shown(&stage, &after)) {
        assert_ne!(before.0, after.0);
    }
    assert_eq!(pids(&after), pids(&before));
    assert!(fs::read_to_string(path(1)).unwrap().contains(&certificate), "made once");
    assert_eq!([rotation(1), rotation(2)], ["rotation 1", "rotation 1"]);
}

/// The data directory of a runtime before rotation: two files a broker, good for twenty years.
#[tokio::test(flavor = "multi_thread")]
async fn certificates_of_an_earlier_runtime_go_on_until_they_are_rotated() {
    let mut stage = Stage::new(2);
    let engine = stage.engine_with(Arc::new(SystemClock)).await;
    engine.ensure(&stage.spec).await.unwrap();
    let before = stage.observe(&engine).await;
    engine.close().await;
    drop(engine);
    let cluster = stage.cluster();
    for broker in &before.brokers {
        make_earlier(&cluster, broker.broker_id, &broker.host);
        kill(broker.pid.unwrap());
    }
    let engine = stage.engine_with(Arc::new(SystemClock)).await;
    engine.ensure(&stage.spec).await.unwrap();
    let taken_up = stage.observe(&engine).await;
    assert!(all_run(&taken_up));
    let earlier = all_shown(&stage, &taken_up);
    assert!(
        ends(&taken_up)
            .iter()
            .all(|end| *end > SystemClock.now_ms() + 19 * 365 * DAY_MS)
    );
    assert_eq!(engine.renew_certificates(stage.spec.cluster_id).await.unwrap(), 0);
    assert_eq!(all_shown(&stage, &taken_up), earlier, "they are good");
    stage.spec.certificate_rotations += 1;
    engine.ensure(&stage.spec).await.unwrap();
    let rotated = stage.observe(&engine).await;
    assert!(
        ends(&rotated)
            .iter()
            .all(|end| *end < SystemClock.now_ms() + 366 * DAY_MS)
    );
    for (before, after) in earlier.iter().zip(all_shown(&stage, &rotated)) {
        assert_ne!(before.0, after.0);
    }
    assert_eq!(pids(&rotated), pids(&taken_up));
    for name in ["broker.pem", "broker.key"] {
        assert!(
            !cluster.join("broker-1").join(name).exists(),
            "{name} is of no use any more"
        );
    }
}

fn make_earlier(cluster: &Path, broker_id: i32, host: &str) {
    let folder = cluster.join(format!("broker-{broker_id}"));
    let (certificate, key) = issue(cluster, host, 20 * 365 - 1);
    fs::write(folder.join("broker.pem"), certificate).unwrap();
    fs::write(folder.join("broker.key"), key).unwrap();
    fs::remove_file(folder.join("broker.identity.pem")).unwrap();
    let path = folder.join("config.json");
    let mut config: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    config["tls"]["certificate_path"] = folder.join("broker.pem").display().to_string().into();
    config["tls"]["private_key_path"] = folder.join("broker.key").display().to_string().into();
    fs::write(&path, serde_json::to_vec_pretty(&config).unwrap()).unwrap();
}

/// A certificate of the cluster's authority, and its key.
fn issue(cluster: &Path, host: &str, days: u64) -> (String, String) {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let read = |name: &str| fs::read_to_string(cluster.join(name)).unwrap();
    let authority_key = rcgen::KeyPair::from_pem(&read("ca.key")).unwrap();
    let issuer = rcgen::Issuer::from_ca_cert_pem(&read("ca.pem"), authority_key).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new([host.to_owned(), "localhost".to_owned()]).unwrap();
    let now = rcgen::date_time_ymd(1970, 1, 1) + Duration::from_millis(SystemClock.now_ms().unsigned_abs());
    params.not_before = now - DAY;
    params.not_after = now + DAY * u32::try_from(days).unwrap();
    params.use_authority_key_identifier_extension = true;
    (params.signed_by(&key, &issuer).unwrap().pem(), key.serialize_pem())
}
