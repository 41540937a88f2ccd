//! A running three-broker cluster, made by `terraform apply`, with a user, for tests that need one to talk to.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use crate::terraform::Workspace;

/// Password of the user; planted so that a test can look for it where it must not be.
pub const PASSWORD: &str = "Planted-9f3c-password";

/// Name of the user.
pub const USER: &str = "app";

/// The configuration of the fixture. Members of groups of the consumer protocol learn of a change at their next heartbeat,
/// and tests wait for that.
pub const CONFIGURATION: &str = r#"
terraform {
  required_providers {
    msk = { source = "openmsk/msk" }
  }
}

provider "msk" {}

variable "password" {
  type      = string
  sensitive = true
  ephemeral = true
}

variable "brokers" {
  type    = number
  default = 3
}

resource "msk_configuration" "this" {
  name              = "clients"
  server_properties = <<-EOT
    auto.create.topics.enable = false
    min.insync.replicas = 2
    num.partitions = 3
    group.consumer.min.heartbeat.interval.ms = 500
    group.consumer.heartbeat.interval.ms = 500
  EOT
}

resource "msk_cluster" "this" {
  cluster_name           = "clients"
  number_of_broker_nodes = var.brokers
  configuration_info {
    arn      = msk_configuration.this.arn
    revision = msk_configuration.this.latest_revision
  }
  client_authentication {
    sasl {
      scram = true
      iam   = true
    }
  }
}

resource "msk_scram_secret" "app" {
  cluster_arn         = msk_cluster.this.arn
  username            = "app"
  password_wo         = var.password
  password_wo_version = 1
}

resource "msk_topic" "orders" {
  cluster_arn        = msk_cluster.this.arn
  name               = "orders"
  partition_count    = 3
  replication_factor = 3
}

output "bootstrap" {
  value = msk_cluster.this.bootstrap_brokers_sasl_scram
}

output "bootstrap_iam" {
  value = msk_cluster.this.bootstrap_brokers_sasl_iam
}

output "authority" {
  value = msk_cluster.this.certificate_authority_pem
}

output "cluster_arn" {
  value = msk_cluster.this.arn
}
"#;

/// The cluster, and what clients need to reach it.
pub struct Cluster {
    /// Its configuration; `workspace.runtime` is what runs it.
    pub workspace: Workspace,
    /// `host:port,host:port,…` of the listeners for users with passwords.
    pub bootstrap: String,
    /// `host:port,host:port,…` of the listeners for access keys.
    pub bootstrap_iam: String,
    /// File with the certificate authority.
    pub authority: PathBuf,
}

impl Cluster {
    /// Applies the fixture with `terraform`.
    pub fn start(terraform: &Path) -> Result<Self> {
        Self::start_as(terraform, CONFIGURATION)
    }

    /// The same of a variant of [`CONFIGURATION`].
    pub fn start_as(terraform: &Path, configuration: &str) -> Result<Self> {
        Self::start_in(Workspace::new(terraform)?, configuration)
    }

    /// The same in a workspace that was prepared for it.
    pub fn start_in(mut workspace: Workspace, configuration: &str) -> Result<Self> {
        workspace.set("TF_VAR_password", PASSWORD);
        workspace.write(configuration)?;
        workspace.apply()?;
        let text = |name: &str| Ok::<_, anyhow::Error>(workspace.output(name)?.as_str().context("text")?.to_owned());
        let (bootstrap, bootstrap_iam) = (text("bootstrap")?, text("bootstrap_iam")?);
        let authority = workspace.path().join("ca.pem");
        fs::write(&authority, text("authority")?)?;
        Ok(Self {
            workspace,
            bootstrap,
            bootstrap_iam,
            authority,
        })
    }

    /// What a subcommand of the runtime prints.
    pub fn runtime(&self, arguments: &[&str]) -> Result<String> {
        let finished = self.workspace.runtime.command(arguments)?;
        ensure!(finished.code == Some(0), "{}", finished.text());
        Ok(finished.stdout)
    }

    /// Client properties for Apache Kafka's own tools, in a file.
    pub fn java_properties(&self, mechanism: &str) -> Result<PathBuf> {
        let module = "org.apache.kafka.common.security.scram.ScramLoginModule";
        let login = format!("sasl.jaas.config={module} required username=\"{USER}\" password=\"{PASSWORD}\";\n");
        self.write_properties(mechanism, &self.bootstrap, &login)
    }

    /// The same for Amazon's login module, which finds the access key in the environment.
    pub fn java_iam_properties(&self) -> Result<PathBuf> {
        let login = "sasl.jaas.config=software.amazon.msk.auth.iam.IAMLoginModule required;\n\
                     sasl.client.callback.handler.class=software.amazon.msk.auth.iam.IAMClientCallbackHandler\n";
        self.write_properties("AWS_MSK_IAM", &self.bootstrap_iam, login)
    }

    fn write_properties(&self, mechanism: &str, bootstrap: &str, login: &str) -> Result<PathBuf> {
        let path = self.workspace.path().join(format!("client-{mechanism}.properties"));
        let text = format!(
            "bootstrap.servers={bootstrap}\nsecurity.protocol=SASL_SSL\nsasl.mechanism={mechanism}\n{login}\
             ssl.truststore.type=PEM\nssl.truststore.location={}\n",
            self.authority.display(),
        );
        fs::write(&path, text)?;
        Ok(path)
    }
}
