//! The configuration of a cluster of Apache Kafka with a user and a topic, for tests that need one.

/// Password of the user, whose name is `app`; planted so that a test can look for it where it must not be.
pub const PASSWORD: &str = "Planted-7b1e-password";

/// Pages of metrics of machines.
const NODE_EXPORTER: &str = r#"
  open_monitoring {
    prometheus {
      node_exporter {
        enabled_in_broker = true
      }
    }
  }
"#;

/// What the configuration says.
#[derive(Clone, Debug)]
pub struct GenuineCluster {
    engine: &'static str,
    iam: bool,
    brokers: u32,
    replicas: u32,
    node_exporter: bool,
}

impl GenuineCluster {
    /// With so many brokers, each of which has a replica of the topic.
    pub fn new(brokers: u32) -> Self {
        Self {
            engine: "apache-kafka",
            iam: false,
            brokers,
            replicas: brokers,
            node_exporter: false,
        }
    }

    /// The same on another engine.
    pub fn on(self, engine: &'static str) -> Self {
        Self { engine, ..self }
    }

    /// The same with a listener for access keys, which Apache Kafka has not.
    pub fn with_iam(self) -> Self {
        Self { iam: true, ..self }
    }

    /// The same with so many replicas of each partition of `orders`.
    pub fn with_replicas(self, replicas: u32) -> Self {
        Self { replicas, ..self }
    }

    /// The same with a page of metrics of the machine beside each broker, or without.
    pub fn with_node_exporter(self, node_exporter: bool) -> Self {
        Self { node_exporter, ..self }
    }

    /// The text, with outputs `bootstrap` and `authority`.
    pub fn configuration(&self) -> String {
        let Self {
            engine,
            iam,
            brokers,
            replicas,
            node_exporter,
        } = self;
        let monitoring = if *node_exporter { NODE_EXPORTER } else { "" };
        format!(
            r#"
terraform {{
  required_providers {{
    msk = {{ source = "openmsk/msk" }}
  }}
}}

resource "msk_cluster" "this" {{
  cluster_name           = "genuine"
  number_of_broker_nodes = {brokers}
  engine                 = "{engine}"

  client_authentication {{
    sasl {{
      scram = true
      iam   = {iam}
    }}
  }}
{monitoring}}}

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
  replication_factor = {replicas}
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
}
