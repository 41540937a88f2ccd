//! The cases: what is measured, and how often.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use acceptance_tests::{
    apache_kafka::{self, ApacheKafka},
    binaries,
    cluster::PASSWORD,
    terraform::Workspace,
    tools::Tools,
    wait,
};
use anyhow::{Context, Result, ensure};
use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer},
};

use crate::{
    Scale, api, first_record,
    load::{self, Rate},
    moto,
    openmsk::{self, OpenMsk},
    process, provider,
    report::{Report, Spread},
};

/// One case.
pub struct Case {
    /// As on the command line.
    pub name: &'static str,
    /// As in the table.
    pub title: &'static str,
    /// Measures it.
    pub run: fn(Scale, &mut Report) -> Result<()>,
}

/// All cases, in the order in which they run.
pub fn all() -> Vec<Case> {
    vec![
        Case {
            name: "plugin",
            title: "start of the provider, and plans of one resource under OpenTofu",
            run: provider::measure_one,
        },
        Case {
            name: "provider",
            title: "plans and applies of a thousand resources under OpenTofu, against built-in ones and providers in Go",
            run: provider::measure_many,
        },
        Case {
            name: "start",
            title: "three brokers ready, and idle memory",
            run: start,
        },
        Case {
            name: "apply",
            title: "apply of the quickstart to the first acknowledged record",
            run: apply,
        },
        Case {
            name: "rf1",
            title: "one broker, acks=all, page cache",
            run: one_broker,
        },
        Case {
            name: "rf3",
            title: "three brokers, acks=all, our fdatasync on, Kafka's off",
            run: three_brokers,
        },
        Case {
            name: "encrypted",
            title: "one broker, encrypted at rest, against one that is not",
            run: encrypted,
        },
        Case {
            name: "api",
            title: "the API with 100 clusters and 10,000 topics",
            run: api::measure,
        },
        Case {
            name: "moto",
            title: "the API, call by call, against moto's server",
            run: moto::measure,
        },
        Case {
            name: "first-record",
            title: "three brokers of Apache Kafka, made by us and started by hand, to the first acknowledged records",
            run: first_record::measure,
        },
        Case {
            name: "latency",
            title: "one record in flight, three brokers",
            run: latency,
        },
        Case {
            name: "transactions",
            title: "transactions one after the other, three brokers",
            run: transactions,
        },
    ]
}

/// Kafka's own value of `flush.messages`: leave it to the page cache.
const PAGE_CACHE: [(&str, &str); 1] = [("flush.messages", "9223372036854775807")];

/// Create request to ACTIVE, and memory at rest.
fn start(scale: Scale, report: &mut Report) -> Result<()> {
    let (mut active, mut brokers, mut serve) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..scale.rounds {
        let cluster = OpenMsk::start(3)?;
        active.push(cluster.active_after_s * 1000.0);
        for pid in cluster.pids() {
            brokers.push(process::resident_megabytes(pid)?);
        }
        for pid in cluster.of("serve") {
            serve.push(process::resident_megabytes(pid)?);
        }
    }
    report.limit(
        "three brokers: create request to ACTIVE",
        "ms",
        Spread::of(&active),
        300.0,
    );
    report.limit("idle memory of a broker", "MiB", Spread::of(&brokers), 15.0);
    report.limit("idle memory of the control plane", "MiB", Spread::of(&serve), 25.0);
    Ok(())
}

/// `terraform apply` of the quickstart from nothing, until a record is acknowledged over SASL_SSL.
fn apply(scale: Scale, report: &mut Report) -> Result<()> {
    let terraform = Tools::load().terraform.context("terraform")?;
    let mut times = Vec::new();
    for _ in 0..scale.rounds {
        let mut workspace = Workspace::new(&terraform)?;
        workspace.set("TF_VAR_password", PASSWORD);
        workspace.write(&fs::read_to_string(
            binaries::repository().join("examples/quickstart/main.tf"),
        )?)?;
        // The client is loaded before the clock starts: the time of importing it is not ours.
        let mut client = Command::new(openmsk::python()?)
            .arg(binaries::repository().join("acceptance-tests/programs/first_record.py"))
            .env("KAFKA_PASSWORD", PASSWORD)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut answers = BufReader::new(client.stdout.take().context("output")?).lines();
        answers.next().context("the client is ready")??;
        let start = Instant::now();
        workspace.apply()?;
        let state: serde_json::Value = serde_json::from_slice(&fs::read(workspace.path().join("terraform.tfstate"))?)?;
        let outputs = &state["outputs"];
        let request = serde_json::json!({
            "bootstrap": outputs["bootstrap_brokers_sasl_scram"]["value"],
            "authority": outputs["certificate_authority_pem"]["value"],
            "topic": outputs["topic"]["value"],
            "user": outputs["username"]["value"],
        });
        let mut input = client.stdin.take().context("input")?;
        writeln!(input, "{request}")?;
        drop(input);
        let answer = answers.next().context("an answer")??;
        times.push(start.elapsed().as_secs_f64());
        ensure!(answer == "acknowledged", "{answer}");
        client.wait()?;
        workspace.destroy()?;
    }
    report.limit(
        "apply of the quickstart from nothing to the first acknowledged record",
        "s",
        Spread::of(&times),
        2.0,
    );
    Ok(())
}

/// What one round measured on one side.
#[derive(Default)]
struct Side {
    produce: Vec<f64>,
    consume: Vec<f64>,
    cpu_per_gigabyte: Vec<f64>,
}

impl Side {
    fn round(
        &mut self,
        bootstrap: &str,
        pids: &[i32],
        replication: i32,
        records: u64,
        configs: &[(&str, &str)],
    ) -> Result<()> {
        load::create_topic(bootstrap, "bench", replication, configs)?;
        let before = process::cpu_seconds(pids);
        let written: Rate = load::produce(bootstrap, "bench", records)?;
        let used = process::cpu_seconds(pids) - before;
        self.produce.push(written.megabytes_per_second);
        self.cpu_per_gigabyte.push(used / written.gigabytes);
        self.consume
            .push(load::consume(bootstrap, "bench", records)?.megabytes_per_second);
        Ok(())
    }
}

/// Apache Kafka, once Metadata shows all of its brokers.
fn apache_kafka(brokers: u8) -> Result<ApacheKafka> {
    let kafka = ApacheKafka::start(brokers, &[], &[])?;
    wait_for_brokers(&kafka, brokers)?;
    Ok(kafka)
}

/// Waits until Metadata shows all brokers.
pub fn wait_for_brokers(kafka: &ApacheKafka, brokers: u8) -> Result<()> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &kafka.bootstrap)
        .create()?;
    wait::until("Apache Kafka to be ready", apache_kafka::START, || {
        let metadata = consumer.fetch_metadata(None, Duration::from_secs(1)).ok()?;
        (metadata.brokers().len() >= usize::from(brokers)).then_some(())
    })
}

fn compare(title: &str, ours: &Side, theirs: &Side, report: &mut Report) {
    for (what, unit, ours, theirs) in [
        ("produce, 1 KiB, acks=all", "MB/s", &ours.produce, &theirs.produce),
        ("fetch", "MB/s", &ours.consume, &theirs.consume),
        (
            "broker CPU to produce",
            "s/GB",
            &ours.cpu_per_gigabyte,
            &theirs.cpu_per_gigabyte,
        ),
    ] {
        report.compare(&format!("{title}: {what}"), unit, Spread::of(ours), Spread::of(theirs));
    }
}

fn throughput(scale: Scale, report: &mut Report, brokers: u8, configs: &[(&str, &str)], title: &str) -> Result<()> {
    let replication = i32::from(brokers);
    let (mut ours, mut theirs) = (Side::default(), Side::default());
    for _ in 0..scale.rounds {
        let kafka = apache_kafka(brokers)?;
        theirs.round(&kafka.bootstrap, &kafka.pids(), replication, scale.records, &[])?;
        drop(kafka);
        let cluster = OpenMsk::start(brokers)?;
        ours.round(&cluster.bootstrap, &cluster.pids(), replication, scale.records, configs)?;
    }
    compare(title, &ours, &theirs, report);
    Ok(())
}

/// Encryption at rest against none, both ours.
fn encrypted(scale: Scale, report: &mut Report) -> Result<()> {
    let (mut with, mut without) = (Side::default(), Side::default());
    for _ in 0..scale.rounds {
        let plain = OpenMsk::start(1)?;
        without.round(&plain.bootstrap, &plain.pids(), 1, scale.records, &PAGE_CACHE)?;
        drop(plain);
        let sealed = OpenMsk::start_encrypted(1)?;
        with.round(&sealed.bootstrap, &sealed.pids(), 1, scale.records, &PAGE_CACHE)?;
    }
    compare(
        "one broker, page cache, encrypted at rest (against not encrypted)",
        &with,
        &without,
        report,
    );
    Ok(())
}

fn one_broker(scale: Scale, report: &mut Report) -> Result<()> {
    throughput(
        scale,
        report,
        1,
        &PAGE_CACHE,
        "one broker, page cache on both sides, Kafka cold",
    )
}

fn three_brokers(scale: Scale, report: &mut Report) -> Result<()> {
    let scale = Scale {
        records: scale.records / 2,
        ..scale
    };
    throughput(
        scale,
        report,
        3,
        &[],
        "three brokers, RF 3, our fdatasync on, Kafka's off, Kafka cold",
    )
}

fn latency(scale: Scale, report: &mut Report) -> Result<()> {
    one_by_one(scale, report, "one record in flight", |bootstrap| {
        load::latencies(bootstrap, "bench", 2000)
    })
}

fn transactions(scale: Scale, report: &mut Report) -> Result<()> {
    one_by_one(scale, report, "transactions of three records", |bootstrap| {
        load::transactions(bootstrap, "bench", 500)
    })
}

/// Something that is done again and again on three brokers; `measure` answers milliseconds, sorted.
fn one_by_one(
    scale: Scale,
    report: &mut Report,
    title: &str,
    measure: impl Fn(&str) -> Result<Vec<f64>>,
) -> Result<()> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..scale.rounds {
        let kafka = apache_kafka(3)?;
        load::create_topic(&kafka.bootstrap, "bench", 3, &[])?;
        theirs.push(measure(&kafka.bootstrap)?);
        drop(kafka);
        let cluster = OpenMsk::start(3)?;
        load::create_topic(&cluster.bootstrap, "bench", 3, &[])?;
        ours.push(measure(&cluster.bootstrap)?);
    }
    for (name, share) in [("p50", 50), ("p99", 99)] {
        let of = |side: &[Vec<f64>]| {
            let values: Vec<f64> = side
                .iter()
                .filter_map(|it| it.get(it.len() * share / 100).copied())
                .collect();
            Spread::of(&values)
        };
        let title = format!("three brokers, {title}, our fdatasync on, Kafka's off, {name}");
        report.compare(&title, "ms", of(&ours), of(&theirs));
    }
    Ok(())
}
