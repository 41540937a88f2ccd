//! What a cluster shows of itself: the level of metrics, pages for Prometheus, and where logs of brokers go; as a configuration asks
//! for it and as the control plane reports it. All of it is off when nobody says.

use control_plane_api::{
    clusters::Provisioned,
    monitoring::{self, Exporter, LogDestination, LogDestinations, Prometheus, bucket_problem, prefix_problem},
};
use plugin_framework::{
    Diagnostics,
    model::{Field, Model},
    value::{Path, Value},
};

use super::model::ClusterModel;

/// Exporters and logs, every default filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Monitoring {
    /// Metrics of brokers, on 11001.
    pub(super) jmx_exporter: bool,
    /// Metrics of the machine, on 11002.
    pub(super) node_exporter: bool,
    /// Where logs go.
    pub(super) logs: Option<Bucket>,
}

/// Where logs go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bucket {
    name: String,
    prefix: String,
}

impl Monitoring {
    /// What a configuration, a plan or a state asks for. `None` while something in it is unknown.
    pub(super) fn of(cluster: &ClusterModel) -> Option<Self> {
        if !cluster.open_monitoring.is_wholly_known() || !cluster.logging_info.is_wholly_known() {
            return None;
        }
        let prometheus = cluster.open_monitoring.known().and_then(|it| it.prometheus.known());
        let prometheus = prometheus.cloned().unwrap_or_default();
        let s3 = broker_logs(cluster).and_then(|logs| logs.s3.known());
        let s3 = s3.filter(|it| it.enabled.is_true());
        Some(Self {
            jmx_exporter: ExporterBlock::is_on(&prometheus.jmx_exporter),
            node_exporter: ExporterBlock::is_on(&prometheus.node_exporter),
            logs: s3.map(|s3| Bucket {
                name: s3.bucket.known().cloned().unwrap_or_default(),
                prefix: s3.prefix.known().cloned().unwrap_or_default(),
            }),
        })
    }

    /// What a cluster has.
    pub(super) fn of_cluster(provisioned: &Provisioned) -> Self {
        let prometheus = provisioned.open_monitoring.as_ref().map(|it| &it.prometheus);
        let is_on = |exporter: Option<Exporter>| exporter.is_some_and(|it| it.enabled_in_broker);
        let s3 = provisioned
            .logging_info
            .as_ref()
            .and_then(|it| it.broker_logs.s3.as_ref());
        Self {
            jmx_exporter: prometheus.is_some_and(|it| is_on(it.jmx_exporter)),
            node_exporter: prometheus.is_some_and(|it| is_on(it.node_exporter)),
            logs: s3.filter(|it| it.enabled).map(|s3| Bucket {
                name: s3.bucket.clone().unwrap_or_default(),
                prefix: s3.prefix.clone().unwrap_or_default(),
            }),
        }
    }

    /// Writes it into a state. What the state already says, by its words or by its silence, is left as it is.
    pub(super) fn write(&self, state: &mut ClusterModel) {
        let was = Self::of(state);
        let exporters = |it: &Self| (it.jmx_exporter, it.node_exporter);
        if was.as_ref().is_none_or(|was| exporters(was) != exporters(self)) {
            let exporter = |is_on: bool| {
                Field::Known(ExporterBlock {
                    enabled_in_broker: is_on.into(),
                })
            };
            let prometheus = PrometheusBlock {
                jmx_exporter: exporter(self.jmx_exporter),
                node_exporter: exporter(self.node_exporter),
            };
            state.open_monitoring = Field::Known(OpenMonitoring {
                prometheus: prometheus.into(),
            });
        }
        if was.is_none_or(|was| was.logs != self.logs) {
            let mut logs = broker_logs(state).cloned().unwrap_or_default();
            let logged = self.logs.as_ref();
            let prefix = logged.map(|it| it.prefix.as_str()).filter(|it| !it.is_empty());
            logs.s3 = Field::Known(S3 {
                enabled: logged.is_some().into(),
                bucket: logged.map(|it| it.name.as_str()).into(),
                prefix: prefix.into(),
            });
            state.logging_info = Field::Known(LoggingInfo {
                broker_logs: logs.into(),
            });
        }
    }

    /// As requests have it.
    pub(super) fn open_monitoring(&self) -> monitoring::OpenMonitoring {
        let exporter = |enabled_in_broker| Some(Exporter { enabled_in_broker });
        monitoring::OpenMonitoring {
            prometheus: Prometheus {
                jmx_exporter: exporter(self.jmx_exporter),
                node_exporter: exporter(self.node_exporter),
            },
        }
    }

    /// As requests have it.
    pub(super) fn logging_info(&self) -> monitoring::LoggingInfo {
        monitoring::LoggingInfo {
            broker_logs: LogDestinations {
                s3: Some(LogDestination {
                    enabled: self.logs.is_some(),
                    bucket: self.logs.as_ref().map(|it| it.name.clone()),
                    prefix: self
                        .logs
                        .as_ref()
                        .map(|it| it.prefix.clone())
                        .filter(|it| !it.is_empty()),
                    ..LogDestination::default()
                }),
                ..LogDestinations::default()
            },
            authorizer_logs: None,
        }
    }
}

fn broker_logs(cluster: &ClusterModel) -> Option<&BrokerLogs> {
    cluster.logging_info.known()?.broker_logs.known()
}

/// What a configuration alone shows to be wrong, or to mean something else here.
pub(super) fn validate(config: &ClusterModel, diagnostics: &mut Diagnostics) {
    let Some(logs) = broker_logs(config) else {
        return;
    };
    let mut nowhere = Vec::new();
    if logs.cloudwatch_logs.known().is_some_and(|it| it.enabled.is_true()) {
        nowhere.push("cloudwatch_logs");
    }
    if logs.firehose.known().is_some_and(|it| it.enabled.is_true()) {
        nowhere.push("firehose");
    }
    if !nowhere.is_empty() {
        diagnostics.attribute_warning(
            Path::attribute("logging_info"),
            "These destinations of logs have no effect",
            format!(
                "{} in broker_logs name services of AWS, which a runtime has not. Logs of brokers stay in files, which \
                 `broker-runtime logs` shows, and go to s3 as well where that is enabled: its buckets are directories.",
                nowhere.join(" and ")
            ),
        );
    }
    let s3 = logs.s3.known().filter(|it| it.enabled.is_true());
    if s3.is_some_and(|it| it.bucket.is_null() || it.bucket.as_str() == Some("")) {
        diagnostics.attribute_error(
            Path::attribute("logging_info"),
            "Logs have no bucket to go to",
            "broker_logs.s3 is enabled: set its bucket. It is a directory below buckets/ in the runtime's data directory, and is \
             made where it is missing.",
        );
    }
}

/// Pages of metrics that every broker serves on its own address, at `/metrics`. They are opened and closed by a rolling restart.
#[derive(Clone, Debug, Default, PartialEq, Model)]
pub(super) struct OpenMonitoring {
    #[block]
    prometheus: Field<PrometheusBlock>,
}

/// For Prometheus.
#[derive(Clone, Debug, Default, PartialEq, Model)]
struct PrometheusBlock {
    /// Metrics of the broker, on port 11001, with the names of Prometheus' JMX exporter.
    #[block]
    jmx_exporter: Field<ExporterBlock>,
    /// Metrics of the machine, on port 11002, with the names of Prometheus' node exporter. Brokers of Apache Kafka
    /// are not restarted for it.
    #[block]
    node_exporter: Field<ExporterBlock>,
}

/// A page of metrics.
#[derive(Clone, Debug, Default, PartialEq, Model)]
struct ExporterBlock {
    /// Whether it is served.
    #[attribute(required)]
    enabled_in_broker: Field<bool>,
}

impl ExporterBlock {
    fn is_on(block: &Field<Self>) -> bool {
        block.known().is_some_and(|it| it.enabled_in_broker.is_true())
    }
}

/// Where logs of brokers are delivered to, beside their files.
#[derive(Clone, Debug, Default, PartialEq, Model)]
pub(super) struct LoggingInfo {
    #[block]
    broker_logs: Field<BrokerLogs>,
}

/// Logs of brokers.
#[derive(Clone, Debug, Default, PartialEq, Model)]
struct BrokerLogs {
    #[block]
    s3: Field<S3>,
    #[block]
    cloudwatch_logs: Field<CloudwatchLogs>,
    #[block]
    firehose: Field<Firehose>,
}

/// A bucket: a directory below `buckets/` in the runtime's data directory, which is made where it is missing.
#[derive(Clone, Debug, Default, PartialEq, Model)]
struct S3 {
    /// Whether logs go there.
    #[attribute(required)]
    enabled: Field<bool>,
    /// Name of the bucket, by S3's rules.
    #[attribute(optional, check = is_bucket)]
    bucket: Field<String>,
    /// Stands before MSK's own names of objects.
    #[attribute(optional, check = is_prefix)]
    prefix: Field<String>,
}

/// Has no effect here; a warning says so.
#[derive(Clone, Debug, Default, PartialEq, Model)]
struct CloudwatchLogs {
    /// Whether logs go there.
    #[attribute(required)]
    enabled: Field<bool>,
    /// Has no effect here.
    #[attribute(optional)]
    log_group: Field<String>,
}

/// Has no effect here; a warning says so.
#[derive(Clone, Debug, Default, PartialEq, Model)]
struct Firehose {
    /// Whether logs go there.
    #[attribute(required)]
    enabled: Field<bool>,
    /// Has no effect here.
    #[attribute(optional)]
    delivery_stream: Field<String>,
}

fn is_bucket(value: &Value) -> Vec<String> {
    value.as_str().and_then(bucket_problem).into_iter().collect()
}

fn is_prefix(value: &Value) -> Vec<String> {
    value.as_str().and_then(prefix_problem).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Monitoring> {
        let bucket = |prefix: &str| Bucket {
            name: "logs".to_owned(),
            prefix: prefix.to_owned(),
        };
        let logs = [None, Some(bucket("")), Some(bucket("a/b"))];
        let exporters = [(false, false), (true, false), (false, true), (true, true)];
        exporters
            .into_iter()
            .flat_map(|(jmx_exporter, node_exporter)| {
                logs.clone().map(|logs| Monitoring {
                    jmx_exporter,
                    node_exporter,
                    logs,
                })
            })
            .collect()
    }

    #[test]
    fn everything_can_be_written_and_read_again() {
        for monitoring in all() {
            let mut state = ClusterModel::default();
            monitoring.write(&mut state);
            assert_eq!(Monitoring::of(&state).as_ref(), Some(&monitoring));
            let says_nothing = state == ClusterModel::default();
            assert_eq!(says_nothing, monitoring == Monitoring::default());
            let provisioned = Provisioned {
                open_monitoring: Some(monitoring.open_monitoring()),
                logging_info: Some(monitoring.logging_info()),
                ..Provisioned::default()
            };
            assert_eq!(Monitoring::of_cluster(&provisioned), monitoring);
            // From any other.
            for other in all() {
                let mut state = state.clone();
                other.write(&mut state);
                assert_eq!(Monitoring::of(&state), Some(other));
            }
        }
    }

    #[test]
    fn words_that_say_the_same_are_kept() {
        let cloudwatch_logs = CloudwatchLogs {
            enabled: true.into(),
            log_group: "g".into(),
        };
        let broker_logs = BrokerLogs {
            cloudwatch_logs: cloudwatch_logs.into(),
            ..BrokerLogs::default()
        };
        let logging_info = LoggingInfo {
            broker_logs: broker_logs.into(),
        };
        let mut state = ClusterModel {
            logging_info: logging_info.into(),
            ..ClusterModel::default()
        };
        let before = state.clone();
        Monitoring::default().write(&mut state);
        assert_eq!(state, before);
        let mut diagnostics = Diagnostics::none();
        validate(&state, &mut diagnostics);
        assert!(!diagnostics.has_errors() && !diagnostics.is_empty());
    }
}
