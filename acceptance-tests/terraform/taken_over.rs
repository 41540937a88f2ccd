//! A cluster of the embedded engine comes to Apache Kafka: the plan says what that means, and what it holds is all there afterwards,
//! while a producer works on and the control plane is killed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    thread,
    time::Instant,
};

use acceptance_tests::{
    archives::Archives,
    genuine_cluster::{GenuineCluster, PASSWORD},
    history::{Read, Sent, check},
    java, load, program,
    suite::Suite,
    terraform::Workspace,
    tools::Tools,
    wait,
};
use anyhow::{Context, Result, anyhow, ensure};
use serde_json::json;

use crate::apache_kafka::{client, java as java_processes};

/// Seconds for which the producer works; the change is made meanwhile.
const WORKS_S: u64 = 75;
/// Longest time without an acknowledgement: three Java machines start at once, on a machine that may be busy.
const LONGEST_GAP_S: f64 = 240.0;

/// Adds the test of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    let needed = (|| {
        Some(Needed {
            terraform: tools.terraform.clone()?,
            python: tools.python.clone()?,
            java: tools.java.clone()?,
            jars: tools.kafka_jars.clone()?,
        })
    })();
    suite.test_with(
        "apache_kafka_takes_a_cluster_over_with_everything_in_it",
        "terraform, Python clients, Java and Kafka's jars",
        needed,
        |needed| taken_over(&needed),
    );
}

struct Needed {
    terraform: PathBuf,
    python: PathBuf,
    java: PathBuf,
    jars: PathBuf,
}

/// The fixture with a list and a quota, which have to be there afterwards, too.
fn with_more(engine: &'static str) -> String {
    format!(
        r#"{}
resource "msk_acl" "read" {{
  cluster_arn   = msk_cluster.this.arn
  resource_type = "TOPIC"
  resource_name = "elsewhere"
  principal     = "User:app"
  operation     = "READ"
}}

resource "msk_quota" "app" {{
  cluster_arn        = msk_cluster.this.arn
  user               = "slow"
  producer_byte_rate = 1048576
}}
"#,
        GenuineCluster::new(3).on(engine).configuration()
    )
}

fn taken_over(needed: &Needed) -> Result<()> {
    let workspace = Workspace::new(&needed.terraform)?;
    let archives = Archives::of(&workspace)?;
    workspace.write(&with_more("embedded"))?;
    workspace.apply()?;
    let addresses = workspace.output("bootstrap")?;
    let properties = client_properties(&workspace)?;
    let checksums = |action: &str| {
        let mut command = java::program(&needed.java, &needed.jars, java::source("TakenOver.java"));
        command.arg(action).arg(&properties);
        program::succeed(&mut command, program::LIMIT)
    };
    checksums("write")?;
    // Its records are recent enough to be sent again, and more than a snapshot of the producers has.
    let in_flight = |action: &str| {
        let mut command = client(&workspace, &needed.python, "in_flight.py", &[action])?;
        command
            .args(["app", "plain"])
            .arg(workspace.path().join("in-flight.json"));
        program::succeed(&mut command, program::LIMIT)
    };
    in_flight("send")?;
    let before = checksums("read")?.stdout;
    ensure!(before.contains("read_committed plain-5"), "{before}");

    workspace.write(&with_more("apache-kafka"))?;
    planned(&workspace)?;
    let sent_file = workspace.path().join("sent.jsonl");
    let mut producer = client(&workspace, &needed.python, "history.py", &["produce"])?;
    producer
        .args(["app", "orders", &WORKS_S.to_string()])
        .arg(&sent_file)
        .stdout(Stdio::piped());
    let producer = producer.stderr(Stdio::piped()).spawn()?;
    let begun = Instant::now();
    thread::scope(|scope| {
        let killed = scope.spawn(|| kill_meanwhile(&workspace));
        workspace.apply()?;
        killed.join().map_err(|_| anyhow!("the killer has panicked"))?
    })?;
    eprintln!("applied in {:?}", begun.elapsed());
    archives.keep()?;
    let produced = producer.wait_with_output()?;
    ensure!(produced.status.success(), "{}", program::text(&produced));
    eprintln!("{}", String::from_utf8_lossy(&produced.stdout).trim());

    ensure!(
        workspace.output("bootstrap")? == addresses,
        "clients know other addresses"
    );
    ensure!(
        java_processes(&workspace)?.len() == 3,
        "{:?}",
        java_processes(&workspace)?
    );
    ensure!(
        workspace.runtime.processes("broker").is_empty(),
        "brokers of the embedded engine run"
    );
    in_flight("again")?;
    let after = checksums("read")?.stdout;
    ensure!(before == after, "before:\n{before}\nafter:\n{after}");
    nothing_lost(&workspace, needed, &produced.stdout, &sent_file)?;
    workspace.expect_empty_plan()?;
    gone(&workspace)
}

/// Kills the control plane as soon as something of the cluster is Apache Kafka's: brokers have ended then, and nothing runs yet. The next
/// control plane carries it on.
fn kill_meanwhile(workspace: &Workspace) -> Result<()> {
    let folder = workspace.runtime.data_dir().join("kafka-clusters");
    wait::until("Apache Kafka to begin to take over", program::LIMIT, || {
        let mut entries = fs::read_dir(&folder).ok()?.flatten();
        entries
            .any(|entry| entry.path().join("cluster.json").exists())
            .then_some(())
    })?;
    ensure!(
        !workspace.runtime.processes("serve").is_empty(),
        "no control plane runs"
    );
    workspace.runtime.kill("serve");
    Ok(())
}

/// The plan changes the cluster in place, keeps the addresses, and warns; a cluster that cannot be taken over is refused by it.
fn planned(workspace: &Workspace) -> Result<()> {
    let plan = workspace.plan()?;
    let changes = plan["resource_changes"].as_array().context("changes")?;
    for change in changes {
        let is_cluster = change["address"] == "msk_cluster.this";
        let wanted = if is_cluster {
            json!(["update"])
        } else {
            json!(["no-op"])
        };
        ensure!(change["change"]["actions"] == wanted, "{change:#}");
        let unknown = &change["change"]["after_unknown"];
        ensure!(unknown["bootstrap_brokers_sasl_scram"] != json!(true), "{unknown:#}");
    }
    let text = workspace.succeed(&["plan", "-no-color", "-input=false"])?.text();
    ensure!(text.contains("Apache Kafka takes the cluster over"), "{text}");
    ensure!(text.contains("there is no way back"), "{text}");
    // What Apache Kafka has not is said by the plan.
    workspace.write(&with_level("embedded", "PER_BROKER"))?;
    workspace.apply()?;
    workspace.write(&with_level("apache-kafka", "PER_BROKER"))?;
    let refused = workspace.fail(&["plan", "-no-color", "-input=false"])?.text();
    ensure!(refused.contains("metrics beyond"), "{refused}");
    workspace.write(&with_level("embedded", "DEFAULT"))?;
    workspace.apply()?;
    workspace.write(&with_more("apache-kafka"))
}

fn with_level(engine: &'static str, level: &str) -> String {
    let name = "cluster_name           = \"genuine\"";
    with_more(engine).replace(name, &format!("{name}\n  enhanced_monitoring    = \"{level}\""))
}

fn nothing_lost(workspace: &Workspace, needed: &Needed, produced: &[u8], sent_file: &Path) -> Result<()> {
    let summary: serde_json::Value = serde_json::from_slice(produced)?;
    let read_file = workspace.path().join("read.jsonl");
    let mut reader = client(workspace, &needed.python, "history.py", &["read"])?;
    program::succeed(reader.args(["app", "orders"]).arg(&read_file), program::LIMIT)?;
    let (sent, read): (Vec<Sent>, Vec<Read>) = (load::lines(sent_file)?, load::lines(&read_file)?);
    let anomalies = check(&sent, &read);
    ensure!(
        anomalies.is_empty(),
        "{} anomalies, first {:?}",
        anomalies.len(),
        anomalies[0]
    );
    ensure!(summary["left"] == 0, "{summary}");
    ensure!(summary["acknowledged"] == summary["sent"], "{summary}");
    let gap = summary["longest_gap_s"].as_f64().context("a gap")?;
    ensure!(gap < LONGEST_GAP_S, "{summary}");
    // It has worked on both sides of the change.
    ensure!(gap > 0.5 && sent.len() > 2000, "{summary}");
    Ok(())
}

/// There is no way back, and nothing is left in the end.
fn gone(workspace: &Workspace) -> Result<()> {
    workspace.write(&with_more("embedded"))?;
    let refused = workspace.fail(&["plan", "-no-color", "-input=false"])?.text();
    ensure!(refused.contains("A cluster of Apache Kafka stays one"), "{refused}");
    workspace.write(&with_more("apache-kafka"))?;
    workspace.destroy()?;
    ensure!(
        java_processes(workspace)?.is_empty(),
        "{:?}",
        java_processes(workspace)?
    );
    for folder in ["clusters", "host/units", "kafka-clusters"] {
        let path = workspace.runtime.data_dir().join(folder);
        let left = fs::read_dir(&path).map(Iterator::count).unwrap_or_default();
        ensure!(left == 0, "{left} entries are left in {}", path.display());
    }
    Ok(())
}

/// Properties of Apache Kafka's own client, in a file.
fn client_properties(workspace: &Workspace) -> Result<PathBuf> {
    let text = |name: &str| Ok::<_, anyhow::Error>(workspace.output(name)?.as_str().context("text")?.to_owned());
    let authority = workspace.path().join("authority.pem");
    fs::write(&authority, text("authority")?)?;
    let module = "org.apache.kafka.common.security.scram.ScramLoginModule";
    let path = workspace.path().join("client.properties");
    let properties = format!(
        "bootstrap.servers={}\nsecurity.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\n\
         sasl.jaas.config={module} required username=\"app\" password=\"{PASSWORD}\";\n\
         ssl.truststore.type=PEM\nssl.truststore.location={}\n",
        text("bootstrap")?,
        authority.display()
    );
    fs::write(&path, properties)?;
    Ok(path)
}
