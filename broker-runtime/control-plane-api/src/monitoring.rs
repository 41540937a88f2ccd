//! Monitoring and log delivery of a cluster.

use serde::{Deserialize, Serialize};

/// What brokers export.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenMonitoring {
    /// To Prometheus.
    pub prometheus: Prometheus,
}

/// Exporters for Prometheus.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Prometheus {
    /// Metrics of the broker, on port 11001.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jmx_exporter: Option<Exporter>,
    /// Metrics of the machine, on port 11002.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_exporter: Option<Exporter>,
}

/// An exporter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exporter {
    /// On or off.
    pub enabled_in_broker: bool,
}

/// Where logs are delivered to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoggingInfo {
    /// Logs of brokers.
    #[serde(default)]
    pub broker_logs: LogDestinations,
    /// Logs of their authorizer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorizer_logs: Option<LogDestinations>,
}

/// Destinations of logs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogDestinations {
    /// CloudWatch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_watch_logs: Option<LogDestination>,
    /// Firehose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firehose: Option<LogDestination>,
    /// S3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3: Option<LogDestination>,
}

impl LogDestinations {
    /// True when logs would go anywhere.
    pub fn any(&self) -> bool {
        let all = [&self.cloud_watch_logs, &self.firehose, &self.s3];
        all.into_iter().flatten().any(|destination| destination.enabled)
    }
}

/// One destination.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogDestination {
    /// On or off.
    pub enabled: bool,
    /// CloudWatch: log group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_group: Option<String>,
    /// Firehose: delivery stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_stream: Option<String>,
    /// S3: bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// S3: prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}
