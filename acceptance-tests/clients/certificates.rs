//! Clients that show certificates: librdkafka and Apache Kafka's Java client, let in by an authority of theirs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use acceptance_tests::{program, suite::Suite, terraform::Workspace, tools::Tools};
use anyhow::{Context, Result, ensure};
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};

use crate::programs::file;

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    let core = tools.terraform.clone().or_else(|| tools.tofu.clone());
    let java = tools.java.clone().zip(tools.kafka_jars.clone());
    suite.test_with(
        "clients_show_certificates",
        "terraform, Python clients, a JDK and Kafka's jars",
        core.zip(tools.python.clone()).zip(java),
        |((core, python), java)| life(&core, &python, &java),
    );
}

/// An authority of clients.
struct Authority {
    certificate: PathBuf,
    params: CertificateParams,
    key: KeyPair,
}

impl Authority {
    fn make(folder: &Path, name: &str) -> Result<Self> {
        let mut params = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        let certificate = folder.join(format!("{name}.pem"));
        fs::write(&certificate, params.self_signed(&key)?.pem())?;
        Ok(Self {
            certificate,
            params,
            key,
        })
    }

    /// Files with a certificate, its key, and both.
    fn issue(&self, folder: &Path, name: &str) -> Result<[PathBuf; 3]> {
        let key = KeyPair::generate()?;
        let issuer = Issuer::from_params(&self.params, &self.key);
        let certificate = named(name).signed_by(&key, &issuer)?.pem();
        let files = ["crt", "key", "both"].map(|end| folder.join(format!("{name}.{end}.pem")));
        fs::write(&files[0], &certificate)?;
        fs::write(&files[1], key.serialize_pem())?;
        fs::write(&files[2], format!("{}{certificate}", key.serialize_pem()))?;
        Ok(files)
    }
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn configuration(authentication: &str) -> String {
    format!(
        "terraform {{\n  required_providers {{\n    msk = {{ source = \"openmsk/msk\" }}\n  }}\n}}\n\
         resource \"msk_cluster\" \"this\" {{\n  cluster_name = \"certificates\"\n  number_of_broker_nodes = 3\n  {authentication}\n}}\n\
         resource \"msk_topic\" \"orders\" {{\n  cluster_arn = msk_cluster.this.arn\n  name = \"orders\"\n  partition_count = 3\n  \
         replication_factor = 3\n}}\n\
         output \"bootstrap\" {{\n  value = msk_cluster.this.bootstrap_brokers_tls\n}}\n\
         output \"ca\" {{\n  value = msk_cluster.this.certificate_authority_pem\n}}\n"
    )
}

fn life(core: &Path, python: &Path, java: &(PathBuf, PathBuf)) -> Result<()> {
    let workspace = Workspace::new(core)?;
    let folder = workspace.path().to_owned();
    let (ours, others) = (Authority::make(&folder, "ours")?, Authority::make(&folder, "others")?);
    workspace.runtime.start()?;
    let runtime = |arguments: &[&str]| {
        let finished = workspace.runtime.command(arguments)?;
        ensure!(finished.code == Some(0), "{}", finished.text());
        Ok(finished.stdout.trim().to_owned())
    };
    let arn = runtime(&["authorities", "import", "ours", &ours.certificate.display().to_string()])?;
    let tls = format!("tls {{\n      certificate_authority_arns = [\"{arn}\"]\n    }}");
    workspace.write(&configuration(&format!("client_authentication {{\n    {tls}\n  }}")))?;
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    let text = |name: &str| Ok::<_, anyhow::Error>(workspace.output(name)?.as_str().context("text")?.to_owned());
    let (bootstrap, ca) = (text("bootstrap")?, folder.join("ca.pem"));
    fs::write(&ca, text("ca")?)?;
    let librdkafka = |certificate: Option<&[PathBuf; 3]>| {
        let mut command = Command::new(python);
        command.arg(file("librdkafka_client.py")).arg(&bootstrap).arg(&ca);
        let shown = certificate.map_or_else(PathBuf::new, |files| files[0].clone());
        command.arg(shown).args(["TLS", "orders", "100"]);
        command.env(
            "KAFKA_PASSWORD",
            certificate.map_or_else(PathBuf::new, |files| files[1].clone()),
        );
        command
    };
    let good = ours.issue(&folder, "app")?;
    program::succeed(&mut librdkafka(Some(&good)), program::LIMIT)?;
    let properties = folder.join("client.properties");
    let settings = format!(
        "bootstrap.servers={bootstrap}\nsecurity.protocol=SSL\nssl.truststore.type=PEM\nssl.truststore.location={}\n\
         ssl.keystore.type=PEM\nssl.keystore.location={}\n",
        ca.display(),
        good[2].display()
    );
    fs::write(&properties, settings)?;
    let mut client = Command::new(&java.0);
    client.arg("-cp").arg(java.1.join("*")).arg(file("java/Clients.java"));
    program::succeed(client.arg(&properties).args(["orders", "100"]), program::LIMIT)?;
    program::fail(
        &mut librdkafka(Some(&others.issue(&folder, "stranger")?)),
        program::LIMIT,
    )?;
    program::fail(&mut librdkafka(None), program::LIMIT)?;

    let used = workspace.runtime.command(&["authorities", "delete", &arn])?;
    ensure!(
        used.code != Some(0) && used.text().contains("certificates"),
        "{}",
        used.text()
    );
    // Whoever shows none may be let in, too; who shows one of a stranger is not.
    let both = format!("client_authentication {{\n    unauthenticated = true\n    {tls}\n  }}");
    workspace.write(&configuration(&both))?;
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    program::succeed(&mut librdkafka(None), program::LIMIT)?;
    program::succeed(&mut librdkafka(Some(&good)), program::LIMIT)?;
    workspace.destroy()?;
    runtime(&["authorities", "delete", &arn])?;
    ensure!(runtime(&["authorities", "list"])? == "no authorities");
    Ok(())
}
