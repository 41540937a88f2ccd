//! Where the programs that we did not write are. `cargo xtask tools` finds or builds them and writes `tools.json` into
//! its cache; everything here only reads that file.

use std::{env, fs, path::PathBuf};

use serde::{Deserialize, Serialize};

/// The tools of a machine. A missing one is `None`, with the reason in `missing`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Tools {
    /// `terraform`.
    pub terraform: Option<PathBuf>,
    /// `tofu`.
    pub tofu: Option<PathBuf>,
    /// The newest `terraform`, which knows identities, `query` and actions.
    #[serde(default)]
    pub newest_terraform: Option<PathBuf>,
    /// A Python interpreter with confluent-kafka (librdkafka), kafka-python, aiokafka and boto3.
    pub python: Option<PathBuf>,
    /// `java`, version 17 or newer.
    pub java: Option<PathBuf>,
    /// Folder with Apache Kafka's jars: broker, client and console tools.
    pub kafka_jars: Option<PathBuf>,
    /// Amazon's login module for Java clients, one jar with all that it needs.
    #[serde(default)]
    pub iam_jar: Option<PathBuf>,
    /// Prometheus' JMX exporter as a Java agent.
    #[serde(default)]
    pub jmx_exporter: Option<PathBuf>,
    /// The franz-go test client, built.
    pub franz_go: Option<PathBuf>,
    /// The sarama test client, built.
    #[serde(default)]
    pub sarama: Option<PathBuf>,
    /// `node`, version 18 or newer.
    #[serde(default)]
    pub node: Option<PathBuf>,
    /// Folder of Node's modules with KafkaJS in it.
    #[serde(default)]
    pub kafkajs: Option<PathBuf>,
    /// `kcat`.
    #[serde(default)]
    pub kcat: Option<PathBuf>,
    /// Folder with the jars of Kafka Streams and of Kafka Connect.
    #[serde(default)]
    pub kafka_streams_jars: Option<PathBuf>,
    /// The provider's tests with HashiCorp's terraform-plugin-testing, built.
    #[serde(default)]
    pub plugin_testing: Option<PathBuf>,
    /// What makes and checks values with go-cty, built.
    #[serde(default)]
    pub go_cty: Option<PathBuf>,
    /// HashiCorp's checker of the Registry's pages.
    #[serde(default)]
    pub tfplugindocs: Option<PathBuf>,
    /// One line a missing tool: what it is and how to get it.
    pub missing: Vec<String>,
}

impl Tools {
    /// Folder of the cache: `OPENMSK_TOOLS`, else `openmsk` in the user's cache directory.
    pub fn directory() -> PathBuf {
        let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        variable("OPENMSK_TOOLS").unwrap_or_else(|| {
            variable("XDG_CACHE_HOME")
                .or_else(|| variable("HOME").map(|home| home.join(".cache")))
                .unwrap_or_else(env::temp_dir)
                .join("openmsk")
        })
    }

    /// What `cargo xtask tools` found last; nothing when it never ran.
    pub fn load() -> Self {
        fs::read(Self::directory().join("tools.json"))
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default()
    }
}
