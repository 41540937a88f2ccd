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

/// Longest prefix, in bytes: with what is put behind it, it stays below what a path may have.
const PREFIX_BYTES_MAX: usize = 1024;
/// Longest part of a prefix: the name of a directory.
const PART_BYTES_MAX: usize = 255;

/// What is wrong with the name of a bucket, by S3's rules. Buckets are directories here, so names are held to what can be
/// one, and to nothing that leads out of it; so are prefixes.
pub fn bucket_problem(name: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    let is_bucket = (3..=63).contains(&bytes.len())
        && bytes.iter().all(|byte| plain(*byte) || [b'-', b'.'].contains(byte))
        && [bytes.first(), bytes.last()]
            .into_iter()
            .flatten()
            .all(|byte| plain(*byte))
        && !name.contains("..");
    (!is_bucket).then(|| {
        format!(
            "{name:?} is not a name of a bucket: it has 3 to 63 small letters, digits, hyphens and single dots, and begins and \
             ends with a letter or digit"
        )
    })
}

/// What is wrong with a prefix of objects.
pub fn prefix_problem(prefix: &str) -> Option<String> {
    let is_prefix = prefix.len() <= PREFIX_BYTES_MAX
        && !prefix.contains(char::is_control)
        && prefix
            .split('/')
            .all(|part| part.len() <= PART_BYTES_MAX && part != "." && part != "..");
    (!is_prefix).then(|| {
        format!(
            "the prefix {prefix:?} cannot be used: it has parts between slashes, of printable characters, up to \
             {PART_BYTES_MAX} bytes each and {PREFIX_BYTES_MAX} in all, and none of them is . or .."
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leads_out_of_a_bucket() {
        for name in ["logs", "my.logs-1", "abc"] {
            assert_eq!(bucket_problem(name), None);
        }
        for name in ["..", "a..b", "a/b", ".abc", "abc-", "ABC", "ab", "", &"a".repeat(64)] {
            assert!(bucket_problem(name).is_some(), "{name:?}");
        }
        for prefix in ["", "a/b c/", "/a//b", "..a/b.."] {
            assert_eq!(prefix_problem(prefix), None);
        }
        for prefix in [
            "..",
            "a/../../b",
            "a/./b",
            "a\0b",
            "a\nb",
            &"a".repeat(256),
            &"a/".repeat(600),
        ] {
            assert!(prefix_problem(prefix).is_some(), "{prefix:?}");
        }
    }
}
