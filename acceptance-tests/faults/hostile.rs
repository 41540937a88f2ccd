//! Garbage on the wire: it closes that connection or is answered with an error; the broker neither ends nor grows.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    time::Duration,
};

use acceptance_tests::{
    cluster::{CONFIGURATION, PASSWORD},
    suite::Suite,
    terraform::Workspace,
    tools::Tools,
};
use anyhow::{Context, Result, ensure};
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};

/// Resident memory a broker may gain while it is attacked, KiB.
const GROWTH_KIB: u64 = 60_000;

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    suite.test_with(
        "hostile_frames_end_only_their_connection",
        "terraform",
        tools.terraform.clone(),
        |core| hostile(&core),
    );
}

/// The fixture with a listener that asks for nothing.
pub fn with_plaintext() -> String {
    let plaintext = "encryption_info {\n    encryption_in_transit {\n      client_broker = \"TLS_PLAINTEXT\"\n    }\n  }\n  \
                     client_authentication {\n    unauthenticated = true";
    CONFIGURATION.replace("client_authentication {", plaintext).replace(
        "output \"authority\"",
        "output \"plaintext\" {\n  value = msk_cluster.this.bootstrap_brokers\n}\n\noutput \"authority\"",
    )
}

fn hostile(core: &Path) -> Result<()> {
    let mut workspace = Workspace::new(core)?;
    workspace.set("TF_VAR_password", PASSWORD);
    workspace.write(&with_plaintext())?;
    workspace.apply()?;
    let bootstrap = workspace.output("plaintext")?;
    let address = bootstrap
        .as_str()
        .context("bootstrap string")?
        .split(',')
        .next()
        .context("address")?
        .to_owned();
    let host = address.split(':').next().context("host")?;
    let brokers = workspace.runtime.processes("broker");
    let before = memory(&brokers)?;
    for port in [9092, 9093, 9096] {
        for frame in frames() {
            attack(&format!("{host}:{port}"), &frame)?;
        }
    }
    let after = memory(&brokers)?;
    ensure!(workspace.runtime.processes("broker") == brokers, "a broker ended");
    ensure!(
        after < before + GROWTH_KIB,
        "resident memory grew from {before} to {after} KiB"
    );
    let answer = ask(&address, &frame(&[0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff]))?;
    ensure!(
        answer.get(4..8) == Some(&[0, 0, 0, 7]),
        "no answer to ApiVersions after the attack: {answer:?}"
    );
    workspace.expect_empty_plan()
}

/// Resident memory of processes, KiB.
pub fn memory(brokers: &[acceptance_tests::processes::Process]) -> Result<u64> {
    let mut total = 0;
    for broker in brokers {
        let status = fs::read_to_string(format!("/proc/{}/status", broker.pid))?;
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .context("VmRSS")?;
        total += line.split_whitespace().nth(1).context("a number")?.parse::<u64>()?;
    }
    Ok(total)
}

/// A frame: its length and its bytes.
pub fn frame(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), body].concat()
}

/// A request header of version 1 in front of `body`.
pub fn request(key: i16, version: i16, body: &[u8]) -> Vec<u8> {
    let header = [
        &key.to_be_bytes()[..],
        &version.to_be_bytes(),
        &[0, 0, 0, 1, 0xff, 0xff],
    ]
    .concat();
    frame(&[&header, body].concat())
}

fn frames() -> Vec<Vec<u8>> {
    let huge_count = [0x7f, 0xff, 0xff, 0xff];
    let mut frames = vec![
        vec![0xff, 0xff, 0xff, 0xff],
        vec![0x80, 0, 0, 0],
        vec![0x7f, 0xff, 0xff, 0xff],
        vec![0x06, 0x40, 0, 1, 0, 3],
        vec![0, 0, 0, 0],
        frame(&[0]),
        frame(&[0, 3, 0, 1]),
        request(3, 1, &huge_count),
        request(3, 9, &[0xff, 0xff, 0xff, 0xff, 0x0f]),
        request(
            0,
            3,
            &[&[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 10][..], &huge_count].concat(),
        ),
        request(
            1,
            4,
            &[
                &[0xff; 4][..],
                &[0, 0, 0, 1],
                &[0, 0, 0, 1],
                &huge_count,
                &[0],
                &huge_count,
            ]
            .concat(),
        ),
        request(19, 2, &huge_count),
        request(999, 0, &[]),
        request(-1, -1, &[]),
        request(3, 999, &[]),
        request(18, 999, &[]),
        request(36, 2, &[0xff, 0xff, 0xff, 0xff, 0x0f]),
        b"GET / HTTP/1.1\r\nHost: broker\r\n\r\n".to_vec(),
        [&[0x16, 0x03, 0x01, 0x02, 0x00][..], &[0x41; 512]].concat(),
    ];
    frames.push(bad_crc());
    let seed = 0x006f_7065_6e6d_736b;
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..200 {
        let mut body = vec![0; random.random_range(0..200)];
        random.fill_bytes(&mut body);
        let key = random.random_range(0..76);
        frames.push(request(key, random.random_range(0..14), &body));
    }
    frames
}

/// A produce request for `orders` whose only batch has a wrong checksum.
fn bad_crc() -> Vec<u8> {
    let mut batch = vec![0; 70];
    batch[11] = 58;
    batch[16] = 2;
    batch[17..21].copy_from_slice(&[1, 2, 3, 4]);
    batch[60] = 1;
    let length = u32::try_from(batch.len()).unwrap_or_default();
    let topic = [
        &[0, 0, 0, 1, 0, 6][..],
        b"orders",
        &[0, 0, 0, 1, 0, 0, 0, 0],
        &length.to_be_bytes(),
        &batch,
    ]
    .concat();
    request(
        0,
        3,
        &[&[0xff, 0xff, 0xff, 0xff, 0, 0, 0x27, 0x10][..], &topic].concat(),
    )
}

/// Sends a frame; whatever comes back is fine, as long as the broker does not hang on to us for ever.
fn attack(address: &str, frame: &[u8]) -> Result<()> {
    let mut stream = TcpStream::connect(address).with_context(|| format!("{address} does not accept any more"))?;
    stream.set_read_timeout(Some(Duration::from_millis(200)))?;
    stream.set_write_timeout(Some(Duration::from_secs(5)))?;
    // The broker may close before it has read everything.
    let _ = stream.write_all(frame);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = [0; 4096];
    let _ = stream.read(&mut answer);
    Ok(())
}

/// Sends a frame, and gives the answer with its length.
pub fn ask(address: &str, frame: &[u8]) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(frame)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut body = vec![0; usize::try_from(u32::from_be_bytes(length))?];
    stream.read_exact(&mut body)?;
    Ok([&length[..], &body].concat())
}
