//! What the machine can do, whoever asks it: beside this our own figures have to be read.

use std::{
    fs::{self, File},
    hint::black_box,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};
use kafka_codec::record_batch::crc32c;

use crate::{
    Scale,
    report::{Report, Spread},
};

/// What is appended at a time: a record of the other cases with its batch.
const APPENDED_BYTES: usize = 1_100;
/// As many files as three brokers have that hold six partitions of three replicas each: `steady` and `rf3` write to them.
const FILES: usize = 18;
/// How long files are appended to.
const APPENDING: Duration = Duration::from_secs(3);
/// How much is written one after the other, and how much is worked on in memory.
const WRITTEN_BYTES: usize = 512 << 20;
const BUFFER_BYTES: usize = 16 << 20;
const ROUND_TRIPS: usize = 20_000;

/// Disk, memory and loopback.
pub fn measure(scale: Scale, report: &mut Report) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("openmsk-machine-").tempdir()?;
    for files in [1, FILES] {
        let (mut half, mut most, mut rate) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..scale.rounds {
            let times = appended(folder.path(), files)?;
            half.push(times[times.len() / 2]);
            most.push(times[times.len() * 99 / 100]);
            #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
            rate.push(times.len() as f64 / APPENDING.as_secs_f64());
        }
        let what = format!("append of 1.1 KB and fdatasync, {files} files at once");
        report.alone(&format!("{what}: p50"), "ms", Spread::of(&half));
        report.alone(&format!("{what}: p99"), "ms", Spread::of(&most));
        report.alone(&format!("{what}: all together"), "1/s", Spread::of(&rate));
    }
    let mut several = |what: &str, unit: &str, once: &dyn Fn() -> Result<f64>| {
        let values = (0..scale.rounds).map(|_| once()).collect::<Result<Vec<f64>>>()?;
        report.alone(what, unit, Spread::of(&values));
        anyhow::Ok(())
    };
    several("512 MiB written one after the other, and fdatasync", "MB/s", &|| {
        written(&folder.path().join("written"))
    })?;
    several("CRC-32C, one core", "MB/s", &|| {
        let buffer = vec![7_u8; BUFFER_BYTES];
        Ok(worked(|| drop(black_box(crc32c(black_box(&buffer))))))
    })?;
    several("a copy in memory, one core", "MB/s", &|| {
        let (from, mut to) = (vec![7_u8; BUFFER_BYTES], vec![0_u8; BUFFER_BYTES]);
        Ok(worked(|| black_box(&mut to).copy_from_slice(black_box(&from))))
    })?;
    several("1.1 KB there and back over loopback", "µs", &round_trip_us)
}

/// Milliseconds of each append, sorted; each file has a thread.
fn appended(folder: &Path, files: usize) -> Result<Vec<f64>> {
    let began = Instant::now();
    let append = |path| {
        let mut file = File::create(path)?;
        let mut times = Vec::new();
        while began.elapsed() < APPENDING {
            let before = Instant::now();
            file.write_all(&[7; APPENDED_BYTES])?;
            file.sync_data()?;
            times.push(before.elapsed().as_secs_f64() * 1000.0);
        }
        anyhow::Ok(times)
    };
    let mut all = thread::scope(|scope| {
        let threads: Vec<_> = (0..files)
            .map(|file| folder.join(format!("appended-{file}")))
            .map(|path| scope.spawn(move || append(path)))
            .collect();
        let ended = threads
            .into_iter()
            .map(|it| it.join().map_err(|_| anyhow!("a thread panicked"))?);
        ended.collect::<Result<Vec<_>>>()
    })?
    .concat();
    all.sort_by(f64::total_cmp);
    Ok(all)
}

/// Megabytes a second.
fn written(path: &Path) -> Result<f64> {
    let buffer = vec![7; BUFFER_BYTES];
    let mut file = File::create(path)?;
    let began = Instant::now();
    for _ in 0..WRITTEN_BYTES / BUFFER_BYTES {
        file.write_all(&buffer)?;
    }
    file.sync_data()?;
    let elapsed = began.elapsed();
    fs::remove_file(path)?;
    Ok(megabytes(WRITTEN_BYTES) / elapsed.as_secs_f64())
}

/// Megabytes a second of something that goes through the whole buffer.
fn worked(mut through: impl FnMut()) -> f64 {
    const TIMES: usize = 64;
    through();
    let began = Instant::now();
    (0..TIMES).for_each(|_| through());
    megabytes(BUFFER_BYTES * TIMES) / began.elapsed().as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

/// Microseconds, on average.
fn round_trip_us() -> Result<f64> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut near = TcpStream::connect(listener.local_addr()?)?;
    let (mut far, _) = listener.accept()?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let echo = thread::spawn(move || {
        let mut buffer = [0; APPENDED_BYTES];
        for _ in 0..ROUND_TRIPS {
            far.read_exact(&mut buffer)?;
            far.write_all(&buffer)?;
        }
        std::io::Result::Ok(())
    });
    let (mut buffer, began) = ([7; APPENDED_BYTES], Instant::now());
    for _ in 0..ROUND_TRIPS {
        near.write_all(&buffer)?;
        near.read_exact(&mut buffer)?;
    }
    let elapsed = began.elapsed();
    echo.join().map_err(|_| anyhow!("a thread panicked"))??;
    Ok(elapsed.as_secs_f64() * 1e6 / f64::from(u32::try_from(ROUND_TRIPS)?))
}
