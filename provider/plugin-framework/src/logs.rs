//! Logs as Terraform's plugin host reads them: one JSON object a line on standard error (hclog).

use std::{fmt, io::Write};

use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
};
use tracing_subscriber::{Layer, layer::Context, layer::SubscriberExt, registry::LookupSpan};

/// The level for a value of `TF_LOG_PROVIDER` or `TF_LOG`; nothing is logged when it is unset.
pub fn level(text: Option<&str>) -> LevelFilter {
    match text.map(str::to_ascii_lowercase).as_deref() {
        Some("trace" | "json") => LevelFilter::TRACE,
        Some("debug") => LevelFilter::DEBUG,
        Some("info") => LevelFilter::INFO,
        Some("warn") => LevelFilter::WARN,
        Some("error") => LevelFilter::ERROR,
        _ => LevelFilter::OFF,
    }
}

/// Logs from here on. `name` is the provider's, such as `msk`. Later calls change nothing.
pub fn install(name: &'static str, level: LevelFilter) {
    if level == LevelFilter::OFF {
        return;
    }
    let subscriber = tracing_subscriber::registry().with(Lines { name }.with_filter(level));
    // Somebody else, such as a test, may have installed one already.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

struct Lines {
    name: &'static str,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let line = line(self.name, event);
        // Nothing can be done when standard error is closed.
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }
}

fn line(name: &str, event: &Event<'_>) -> Json {
    let mut fields = Fields::default();
    event.record(&mut fields);
    let level = match *event.metadata().level() {
        Level::TRACE => "trace",
        Level::DEBUG => "debug",
        Level::INFO => "info",
        Level::WARN => "warn",
        Level::ERROR => "error",
    };
    let mut line = fields.0;
    // An event of some library may have no message. The host ends itself over one that is no text.
    let message = match line.remove("message") {
        Some(Json::String(message)) => message,
        Some(other) => other.to_string(),
        None => event.metadata().name().to_owned(),
    };
    line.insert("@level".to_owned(), json!(level));
    line.insert("@message".to_owned(), json!(message));
    line.insert("@module".to_owned(), json!(format!("provider.{name}")));
    // Exactly six digits, or the host takes the line for plain text.
    line.insert(
        "@timestamp".to_owned(),
        json!(Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()),
    );
    Json::Object(line)
}

#[derive(Default)]
struct Fields(Map<String, Json>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), json!(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), json!(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), json!(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), json!(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), json!(value));
    }
}
