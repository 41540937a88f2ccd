//! A cluster whose brokers are Apache Kafka itself: made, used over SASL_SSL, and gone without a trace.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use acceptance_tests::{binaries, program, suite::Suite, terraform::Workspace, tools::Tools};
use anyhow::{Context, Result, ensure};

/// Adds the test of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    let needed = tools
        .terraform
        .clone()
        .zip(tools.python.clone())
        .filter(|_| tools.java.is_some());
    suite.test_with(
        "cluster_of_apache_kafka_is_made_used_and_gone",
        "terraform, Python clients and Java",
        needed,
        |(terraform, python)| made_used_and_gone(&terraform, &python),
    );
}

/// How long clients may take.
const LIMIT: Duration = Duration::from_secs(120);
const PASSWORD: &str = "Planted-7b1e-password";

fn configuration(engine: &str, iam: bool) -> String {
    format!(
        r#"
terraform {{
  required_providers {{
    msk = {{ source = "openmsk/msk" }}
  }}
}}

resource "msk_cluster" "this" {{
  cluster_name           = "genuine"
  number_of_broker_nodes = 1
  engine                 = "{engine}"

  client_authentication {{
    sasl {{
      scram = true
      iam   = {iam}
    }}
  }}
}}

resource "msk_scram_secret" "app" {{
  cluster_arn         = msk_cluster.this.arn
  username            = "app"
  password_wo         = "{PASSWORD}"
  password_wo_version = 1
}}

resource "msk_topic" "orders" {{
  cluster_arn        = msk_cluster.this.arn
  name               = "orders"
  partition_count    = 3
  replication_factor = 1
}}

output "bootstrap" {{
  value = msk_cluster.this.bootstrap_brokers_sasl_scram
}}

output "authority" {{
  value = msk_cluster.this.certificate_authority_pem
}}
"#
    )
}

fn made_used_and_gone(terraform: &Path, python: &Path) -> Result<()> {
    let workspace = Workspace::new(terraform)?;
    let archives = Archives::of(&workspace)?;
    // What Apache Kafka has not is said by the plan.
    workspace.write(&configuration("apache-kafka", true))?;
    let refused = workspace.fail(&["plan", "-no-color", "-input=false"])?.text();
    ensure!(refused.contains("Apache Kafka does not know SASL/IAM"), "{refused}");

    workspace.write(&configuration("apache-kafka", false))?;
    workspace.apply()?;
    archives.keep()?;
    workspace.expect_empty_plan()?;
    let text = |name: &str| Ok::<_, anyhow::Error>(workspace.output(name)?.as_str().context("text")?.to_owned());
    let authority = workspace.path().join("ca.pem");
    fs::write(&authority, text("authority")?)?;
    let mut client = Command::new(python);
    client
        .arg(binaries::repository().join("acceptance-tests/programs/librdkafka_client.py"))
        .arg(text("bootstrap")?)
        .arg(&authority)
        .args(["app", "SCRAM-SHA-512", "orders", "2000"])
        .env("KAFKA_PASSWORD", PASSWORD);
    program::succeed(&mut client, LIMIT)?;
    let running = java(&workspace)?;
    ensure!(running.len() == 1, "{running:?}");
    ensure!(!running[0].contains(PASSWORD), "no secret stands in arguments");

    workspace.write(&configuration("embedded", false))?;
    let refused = workspace.fail(&["plan", "-no-color", "-input=false"])?.text();
    ensure!(
        refused.contains("The engine of a cluster cannot be changed yet"),
        "{refused}"
    );

    workspace.write(&configuration("apache-kafka", false))?;
    workspace.destroy()?;
    let running = java(&workspace)?;
    ensure!(running.is_empty(), "{running:?}");
    for folder in ["host/units", "kafka-clusters"] {
        let path = workspace.runtime.data_dir().join(folder);
        let left = fs::read_dir(&path).map(Iterator::count).unwrap_or_default();
        ensure!(left == 0, "{left} entries are left in {}", path.display());
    }
    Ok(())
}

/// Command lines of the brokers of Apache Kafka that work in the data directory.
fn java(workspace: &Workspace) -> Result<Vec<String>> {
    let folder = workspace.runtime.data_dir().display().to_string();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        // Most entries are no processes, and processes end while one looks.
        let Ok(line) = fs::read(entry?.path().join("cmdline")) else {
            continue;
        };
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains("kafka.Kafka") && line.contains(&folder) {
            found.push(line);
        }
    }
    Ok(found)
}

/// Archives of Apache Kafka, which are kept from one run to the next.
struct Archives {
    cache: PathBuf,
    used: PathBuf,
}

impl Archives {
    fn of(workspace: &Workspace) -> Result<Self> {
        let archives = Self {
            cache: Tools::directory().join("kafka-bundles"),
            used: workspace.runtime.data_dir().join("kafka-bundles"),
        };
        if archives.cache.is_dir() {
            copy_all(&archives.cache, &archives.used)?;
        }
        Ok(archives)
    }

    fn keep(&self) -> Result<()> {
        copy_all(&self.used, &self.cache)
    }
}

fn copy_all(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let target = to.join(path.file_name().context("name of an archive")?);
        if path.extension().is_some_and(|end| end == "tar") && !target.exists() {
            fs::copy(&path, &target)?;
        }
    }
    Ok(())
}
