//! What TLS costs. The client is librdkafka as confluent-kafka brings it: the one that this program is built with has no TLS.

use std::{fs, path::Path, process::Command};

use acceptance_tests::{binaries, program};
use anyhow::{Context, Result};

use crate::{
    Scale,
    load::{self, LIMIT, Rate},
    openmsk::{self, OpenMsk},
    process,
    report::{Goal, Report, Spread},
    throughput::PAGE_CACHE,
};

/// Less than three quarters of the speed would be too slow.
const GOAL: Option<Goal> = Some(Goal::AtLeast(0.75));

/// What was measured through one listener, a value a round.
#[derive(Default)]
struct Side {
    produce: Vec<f64>,
    consume: Vec<f64>,
    cpu_per_gigabyte: Vec<f64>,
}

impl Side {
    /// Writes and reads `records` records; with a file of an authority over TLS.
    fn round(&mut self, bootstrap: &str, authority: Option<&Path>, pids: &[i32], records: u64) -> Result<()> {
        let script = binaries::repository().join("acceptance-tests/programs/throughput.py");
        let before = process::cpu_seconds(pids);
        let mut command = Command::new(openmsk::python()?);
        command.arg(script).args([bootstrap, "bench", &records.to_string()]);
        command.args([load::RECORD_BYTES.to_string(), load::PARTITIONS.to_string()]);
        let finished = program::succeed(command.args(authority), LIMIT)?;
        let used = process::cpu_seconds(pids) - before;
        let seconds: serde_json::Value = serde_json::from_str(&finished.stdout)?;
        let rate = |phase: &str| -> Result<Rate> {
            let seconds = seconds[phase].as_f64().with_context(|| finished.stdout.clone())?;
            Rate::of(records, std::time::Duration::try_from_secs_f64(seconds)?)
        };
        let (produced, consumed) = (rate("produce_s")?, rate("consume_s")?);
        self.produce.push(produced.megabytes_per_second);
        self.consume.push(consumed.megabytes_per_second);
        self.cpu_per_gigabyte.push(used / produced.gigabytes);
        Ok(())
    }
}

/// One broker over TLS against the same without, both ours.
pub fn measure(scale: Scale, report: &mut Report) -> Result<()> {
    let (mut with, mut without) = (Side::default(), Side::default());
    let folder = tempfile::Builder::new().prefix("openmsk-tls-").tempdir()?;
    let file = folder.path().join("authority.pem");
    for _ in 0..scale.rounds {
        for (side, is_tls) in [(&mut without, false), (&mut with, true)] {
            let cluster = OpenMsk::start(1)?;
            load::create_topic(&cluster.bootstrap, "bench", 1, &PAGE_CACHE)?;
            let (tls, authority_pem) = cluster.tls()?;
            fs::write(&file, authority_pem)?;
            load::settle();
            let (bootstrap, authority) = if is_tls {
                (&tls, Some(file.as_path()))
            } else {
                (&cluster.bootstrap, None)
            };
            side.round(bootstrap, authority, &cluster.pids(), scale.records)?;
        }
    }
    let title = "one broker, page cache, TLS (against plaintext)";
    for (what, unit, with, without, goal) in [
        (
            "produce, 1 KiB, acks=all",
            "MB/s",
            &with.produce,
            &without.produce,
            GOAL,
        ),
        ("fetch", "MB/s", &with.consume, &without.consume, GOAL),
        (
            "broker CPU to produce and fetch",
            "s/GB",
            &with.cpu_per_gigabyte,
            &without.cpu_per_gigabyte,
            None,
        ),
    ] {
        let (with, without) = (Spread::of(with), Spread::of(without));
        report.compare_with_goal(&format!("{title}: {what}"), unit, with, without, goal);
    }
    Ok(())
}
