//! How soon clusters are there, and what they take up at rest.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    time::Instant,
};

use acceptance_tests::{binaries, cluster::PASSWORD, runtime::Runtime, terraform::Workspace, tools::Tools};
use anyhow::{Context, Result, ensure};

use crate::{
    Scale, load,
    openmsk::{self, OpenMsk},
    peer, process,
    report::{Report, Spread},
    topics,
};

/// Create request to ACTIVE, and memory at rest.
pub fn start(scale: Scale, report: &mut Report) -> Result<()> {
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
pub fn apply(scale: Scale, report: &mut Report) -> Result<()> {
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

/// From the create request of a cluster, or the start of formatted nodes, to the first acknowledged record.
pub fn first_ack(scale: Scale, report: &mut Report) -> Result<()> {
    const BROKERS: u8 = 3;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..scale.rounds {
        let kafka = peer::apache_kafka(BROKERS)?;
        acknowledge_one(&kafka.bootstrap, BROKERS).context("Apache Kafka")?;
        theirs.push(kafka.started.elapsed().as_secs_f64() * 1000.0);
        drop(kafka);
        let runtime = Runtime::new()?;
        runtime.start()?;
        let began = Instant::now();
        let cluster = OpenMsk::start_in(runtime, BROKERS)?;
        acknowledge_one(&cluster.bootstrap, BROKERS)?;
        ours.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    report.compare_with_limit(
        "three brokers: create request (Kafka: start of formatted nodes) to the first acknowledged record",
        "ms",
        Spread::of(&ours),
        Spread::of(&theirs),
        300.0,
    );
    Ok(())
}

/// A new topic, and one record that all its replicas have.
fn acknowledge_one(bootstrap: &str, brokers: u8) -> Result<()> {
    topics::create(bootstrap, "first", 1, brokers.into(), &[])?;
    load::acknowledge_each(bootstrap, "first", 1)
}
