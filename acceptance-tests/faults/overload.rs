//! Too many clients, and such as hold on to what they get: ten thousand that do nothing, some that begin a TLS handshake and do not
//! go on, some that announce a large request and send it by the byte, some that ask for all records and read nothing, and a storm of
//! connections. The broker stays below a bound of memory, and serves who behaves.

use std::{
    io::Write,
    net::{SocketAddr, TcpStream},
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use acceptance_tests::{
    binaries,
    cluster::{Cluster, PASSWORD, USER},
    load::Load,
    processes::Process,
    program,
    suite::Suite,
    tools::Tools,
};
use anyhow::{Context, Result, anyhow, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::hostile::{frame, memory, request, with_plaintext};

/// Connections that do nothing.
const IDLE: u64 = 10_000;
/// What one of them may cost in a build for tests, KiB.
const IDLE_KIB_MAX: u64 = 8;
/// Clients that begin a TLS handshake.
const HALF_OPEN: usize = 300;
/// Clients that announce a request of a megabyte, or of a hundred.
const SLOW_WRITERS: usize = 60;
/// Clients that ask for all records, and read nothing.
const SLOW_READERS: usize = 60;
/// Records that they ask for, each.
const RECORDS_MB: usize = 60;
/// How long all of it goes on.
const SECONDS: u32 = 20;
/// Memory of one broker, KiB: what it has with records in its hands, ten thousand connections, and the bound on records in replies
/// (256 MiB) with a batch more for each slow reader.
const MEMORY_KIB_MAX: u64 = 480 * 1024;
/// Files that may be open at once.
const FILES: u64 = 16_000;
/// Topic of the slow readers: what the load finds in its own is all its own.
const HOARD: &str = "hoards";
/// Beside the cluster.
const HOARD_TOPIC: &str = r#"
resource "msk_topic" "hoards" {
  cluster_arn        = msk_cluster.this.arn
  name               = "hoards"
  partition_count    = 3
  replication_factor = 3
}
"#;

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    let both = tools.terraform.clone().zip(tools.python.clone());
    suite.test_with(
        "overloaded_broker_stays_small_and_serves_who_behaves",
        "terraform and librdkafka",
        both,
        |(core, python)| overload(&core, &python),
    );
}

/// As many files as this needs, for us and for the brokers that we start.
fn more_files() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < FILES) {
        let current = Some(FILES);
        setrlimit(Resource::Nofile, Rlimit { current, ..limit }).context("16,000 open files are needed")?;
    }
    Ok(())
}

fn overload(core: &Path, python: &Path) -> Result<()> {
    more_files()?;
    let cluster = Cluster::start_as(core, &format!("{}{HOARD_TOPIC}", with_plaintext()))?;
    let plaintext = cluster.workspace.output("plaintext")?;
    let address: SocketAddr = plaintext
        .as_str()
        .and_then(|it| it.split(',').next())
        .context("address")?
        .parse()?;
    fill(&cluster, python)?;
    let mut brokers = cluster.workspace.runtime.processes("broker");
    brokers.retain(|it| it.arguments.iter().any(|argument| argument.contains("/broker-1/")));
    let before = memory(&brokers)?;
    let idle = connect(address, usize::try_from(IDLE)?, &[])?;
    served(address)?;
    let each = memory(&brokers)?.saturating_sub(before) * 1024 / IDLE;
    eprintln!("{IDLE} idle connections: {each} bytes each; {before} KiB before");
    ensure!(each <= IDLE_KIB_MAX * 1024, "an idle connection costs {each} bytes");
    let load = Load::start(&cluster, python, SECONDS)?;
    let peak = while_attacked(address, &brokers)?;
    load.finish()?;
    drop(idle);
    eprintln!("most memory under attack: {peak} KiB");
    ensure!(peak < MEMORY_KIB_MAX, "the broker had {peak} KiB");
    ensure!(
        brokers
            .iter()
            .all(|broker| cluster.workspace.runtime.processes("broker").contains(broker)),
        "the broker ended"
    );
    Ok(())
}

fn fill(cluster: &Cluster, python: &Path) -> Result<()> {
    let mut command = Command::new(python);
    command
        .arg(binaries::repository().join("acceptance-tests/programs/nemesis.py"))
        .arg("fill")
        .arg(&cluster.bootstrap)
        .arg(&cluster.authority)
        .args([USER, HOARD, &RECORDS_MB.to_string()])
        .env("KAFKA_PASSWORD", PASSWORD);
    program::succeed(&mut command, Duration::from_secs(120)).map(drop)
}

/// Connections that have sent `bytes`, and stay.
fn connect(address: SocketAddr, count: usize, bytes: &[u8]) -> Result<Vec<TcpStream>> {
    (0..count)
        .map(|_| {
            let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(10))?;
            stream.set_write_timeout(Some(Duration::from_secs(10)))?;
            stream.write_all(bytes)?;
            Ok(stream)
        })
        .collect()
}

/// A request is answered: all connections before it were accepted.
fn served(address: SocketAddr) -> Result<()> {
    let answer = crate::hostile::ask(&address.to_string(), &frame(&[0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff]))?;
    ensure!(answer.get(4..8) == Some(&[0, 0, 0, 7]), "{answer:?}");
    Ok(())
}

/// Fetch of version 4: all records of a partition of the hoard.
fn fetch_everything(partition: u8) -> Vec<u8> {
    let most = (100 * 1024 * 1024_i32).to_be_bytes();
    let body = [
        &[0xff; 4][..],
        &[0, 0, 0, 100],
        &[0, 0, 0, 1],
        &most,
        &[0],
        &[0, 0, 0, 1, 0, 6],
        HOARD.as_bytes(),
        &[0, 0, 0, 1, 0, 0, 0, partition],
        &[0; 8],
        &most,
    ];
    request(1, 4, &body.concat())
}

/// Everything at once, as long as the load works; the most memory the broker had.
fn while_attacked(address: SocketAddr, brokers: &[Process]) -> Result<u64> {
    let tls = SocketAddr::new(address.ip(), 9096);
    let half_open = connect(tls, HALF_OPEN, &[0x16, 0x03, 0x01, 0x02, 0x00, 0x01])?;
    let mut writers = connect(address, SLOW_WRITERS, &[0x00, 0x10, 0x00, 0x00, 0, 0, 0, 9])?;
    writers.extend(connect(address, 3, &[0x06, 0x30, 0x00, 0x00, 0, 0, 0, 9])?);
    let mut readers = Vec::new();
    for partition in (0..3).cycle().take(SLOW_READERS) {
        // More than one answer's worth of questions, so that there is always something to write.
        readers.extend(connect(address, 1, &fetch_everything(partition).repeat(4))?);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let storm = {
        let stop = Arc::clone(&stop);
        thread::spawn(move || {
            let mut count = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                // A refused connection is fine.
                count += u64::from(TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok());
            }
            count
        })
    };
    let peak = AtomicU64::new(0);
    let end = Instant::now() + Duration::from_secs(u64::from(SECONDS));
    let watched = watch(&mut writers, brokers, &peak, end);
    stop.store(true, Ordering::Relaxed);
    let storm = storm.join().map_err(|_| anyhow!("the storm panicked"))?;
    watched?;
    eprintln!("{storm} connections came and went");
    ensure!(storm > 1_000, "only {storm} connections came and went");
    drop((half_open, writers, readers));
    Ok(peak.into_inner())
}

/// Slow writers go on, and memory is looked at.
fn watch(writers: &mut Vec<TcpStream>, brokers: &[Process], peak: &AtomicU64, end: Instant) -> Result<()> {
    while Instant::now() < end {
        // The broker may close them.
        writers.retain_mut(|writer| writer.write_all(&[0]).is_ok());
        peak.fetch_max(memory(brokers)?, Ordering::Relaxed);
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
