//! How soon clusters are there, and what they take up at rest.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    time::Instant,
};

use acceptance_tests::{binaries, cluster::PASSWORD, terraform::Workspace, tools::Tools};
use anyhow::{Context, Result, ensure};

use crate::{
    Scale,
    openmsk::{self, OpenMsk},
    process,
    report::{Report, Spread},
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
