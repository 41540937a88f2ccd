//! What a cluster shows of itself: the level of metrics, pages for Prometheus, and where logs of brokers go; as a configuration asks
//! for it and as the control plane reports it. All of it is off when nobody says.

use control_plane_api::{
    clusters::Provisioned,
    monitoring::{
        Exporter, LogDestination, LogDestinations, LoggingInfo, OpenMonitoring, Prometheus, bucket_problem,
        prefix_problem,
    },
};
use plugin_framework::{
    Diagnostics,
    schema::{Attribute, Nesting, Schema},
    value::{Object, Path, Value},
};

/// Destinations that MSK has and a runtime has not.
const NOWHERE: [&str; 2] = ["cloudwatch_logs", "firehose"];

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
    pub(super) fn of(object: &Object) -> Option<Self> {
        if !object.get("open_monitoring").is_wholly_known() || !object.get("logging_info").is_wholly_known() {
            return None;
        }
        let prometheus = object.block("open_monitoring").and_then(|it| it.block("prometheus"));
        let prometheus = prometheus.unwrap_or_default();
        let is_on = |name: &str| {
            let exporter = prometheus.block(name);
            exporter.is_some_and(|it| it.bool("enabled_in_broker") == Some(true))
        };
        let s3 = broker_logs(object).and_then(|logs| logs.block("s3"));
        let s3 = s3.filter(|it| it.bool("enabled") == Some(true));
        Some(Self {
            jmx_exporter: is_on("jmx_exporter"),
            node_exporter: is_on("node_exporter"),
            logs: s3.map(|s3| Bucket {
                name: s3.string("bucket").unwrap_or_default().to_owned(),
                prefix: s3.string("prefix").unwrap_or_default().to_owned(),
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
    pub(super) fn write(&self, state: &mut Object) {
        let was = Self::of(state);
        let exporters = |it: &Self| (it.jmx_exporter, it.node_exporter);
        if was.as_ref().is_none_or(|was| exporters(was) != exporters(self)) {
            let exporter = |on: bool| {
                let mut block = Object::new();
                block.set("enabled_in_broker", Value::Bool(on));
                block.into_value()
            };
            let mut prometheus = Object::new();
            prometheus
                .set("jmx_exporter", exporter(self.jmx_exporter))
                .set("node_exporter", exporter(self.node_exporter));
            let mut block = Object::new();
            block.set("prometheus", prometheus.into_value());
            state.set("open_monitoring", block.into_value());
        }
        if was.is_none_or(|was| was.logs != self.logs) {
            let mut logs = broker_logs(state).unwrap_or_else(|| {
                let mut logs = Object::new();
                for name in NOWHERE {
                    logs.set(name, Value::Null);
                }
                logs
            });
            let mut s3 = Object::new();
            let logged = self.logs.as_ref();
            s3.set("enabled", Value::Bool(logged.is_some()))
                .set_optional_string("bucket", logged.map(|it| it.name.as_str()));
            let prefix = logged.map(|it| it.prefix.as_str()).filter(|it| !it.is_empty());
            s3.set_optional_string("prefix", prefix);
            logs.set("s3", s3.into_value());
            let mut block = Object::new();
            block.set("broker_logs", logs.into_value());
            state.set("logging_info", block.into_value());
        }
    }

    /// As requests have it.
    pub(super) fn open_monitoring(&self) -> OpenMonitoring {
        let exporter = |enabled_in_broker| Some(Exporter { enabled_in_broker });
        OpenMonitoring {
            prometheus: Prometheus {
                jmx_exporter: exporter(self.jmx_exporter),
                node_exporter: exporter(self.node_exporter),
            },
        }
    }

    /// As requests have it.
    pub(super) fn logging_info(&self) -> LoggingInfo {
        LoggingInfo {
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

fn broker_logs(object: &Object) -> Option<Object> {
    object.block("logging_info")?.block("broker_logs")
}

/// What a configuration alone shows to be wrong, or to mean something else here.
pub(super) fn validate(config: &Object, diagnostics: &mut Diagnostics) {
    let Some(logs) = broker_logs(config) else {
        return;
    };
    let is_on = |name: &str| logs.block(name).is_some_and(|it| it.bool("enabled") == Some(true));
    let nowhere: Vec<&str> = NOWHERE.into_iter().filter(|name| is_on(name)).collect();
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
    let s3 = logs.block("s3").unwrap_or_default();
    if is_on("s3") && (s3.is_null("bucket") || s3.string("bucket") == Some("")) {
        diagnostics.attribute_error(
            Path::attribute("logging_info"),
            "Logs have no bucket to go to",
            "broker_logs.s3 is enabled: set its bucket. It is a directory below buckets/ in the runtime's data directory, and is \
             made where it is missing.",
        );
    }
}

/// The block `open_monitoring`.
pub(super) fn open_monitoring() -> Schema {
    let exporter = |description| {
        Schema::new().description(description).attribute(
            "enabled_in_broker",
            Attribute::bool().required().description("Whether it is served."),
        )
    };
    let prometheus = Schema::new()
        .description("For Prometheus.")
        .block(
            "jmx_exporter",
            Nesting::Single,
            exporter("Metrics of the broker, on port 11001, with the names of Prometheus' JMX exporter."),
        )
        .block(
            "node_exporter",
            Nesting::Single,
            exporter("Metrics of the machine, on port 11002, with the names of Prometheus' node exporter."),
        );
    Schema::new()
        .description(
            "Pages of metrics that every broker serves on its own address, at `/metrics`. They are opened and closed by a \
             rolling restart.",
        )
        .block("prometheus", Nesting::Single, prometheus)
}

/// The block `logging_info`.
pub(super) fn logging_info() -> Schema {
    let enabled = || Attribute::bool().required().description("Whether logs go there.");
    let text = |description| Attribute::string().optional().description(description);
    let checked = |description, problem: fn(&str) -> Option<String>| {
        text(description).check(move |value| value.as_str().and_then(problem).into_iter().collect())
    };
    let nowhere = |target| {
        Schema::new()
            .description("Has no effect here; a warning says so.")
            .attribute("enabled", enabled())
            .attribute(target, text("Has no effect here."))
    };
    let s3 = Schema::new()
        .description("A bucket: a directory below `buckets/` in the runtime's data directory, which is made where it is missing.")
        .attribute("enabled", enabled())
        .attribute("bucket", checked("Name of the bucket, by S3's rules.", bucket_problem))
        .attribute("prefix", checked("Stands before MSK's own names of objects.", prefix_problem));
    let logs = Schema::new()
        .description("Logs of brokers.")
        .block("s3", Nesting::Single, s3)
        .block("cloudwatch_logs", Nesting::Single, nowhere("log_group"))
        .block("firehose", Nesting::Single, nowhere("delivery_stream"));
    Schema::new()
        .description("Where logs of brokers are delivered to, beside their files.")
        .block("broker_logs", Nesting::Single, logs)
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
            let mut state = Object::new();
            monitoring.write(&mut state);
            assert_eq!(Monitoring::of(&state).as_ref(), Some(&monitoring));
            assert_eq!(state == Object::new(), monitoring == Monitoring::default());
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
        let mut state = Object::new();
        let (mut off, mut logs, mut block) = (Object::new(), Object::new(), Object::new());
        off.set("enabled", Value::Bool(true)).set_string("log_group", "g");
        logs.set("cloudwatch_logs", off.into_value())
            .set("firehose", Value::Null)
            .set("s3", Value::Null);
        block.set("broker_logs", logs.into_value());
        state.set("logging_info", block.into_value());
        let before = state.clone();
        Monitoring::default().write(&mut state);
        assert_eq!(state, before);
        let mut diagnostics = Diagnostics::none();
        validate(&state, &mut diagnostics);
        assert!(!diagnostics.has_errors() && !diagnostics.is_empty());
    }
}
