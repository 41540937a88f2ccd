//! Names as Prometheus' JMX exporter makes them: `domain_Type_Attribute`, and what else identifies a bean as labels.

use exposition::{Kind, Page};

use crate::metrics::{Distribution, Meter};

/// What identifies a bean beside its domain and type, in Kafka's order.
type Labels<'a> = &'a [(&'a str, &'a str)];

/// A page of beans. The first argument of its methods is the domain and type of a bean, joined: its kind.
pub(super) struct Beans {
    page: Page,
    now_ms: i64,
}

/// Percentiles that Kafka shows, with their names.
const QUANTILES: [(&str, f64); 6] = [
    ("50thPercentile", 0.5),
    ("75thPercentile", 0.75),
    ("95thPercentile", 0.95),
    ("98thPercentile", 0.98),
    ("99thPercentile", 0.99),
    ("999thPercentile", 0.999),
];

impl Beans {
    /// An empty page of `now_ms` after the broker's start.
    pub(super) fn new(now_ms: i64) -> Self {
        Self {
            page: Page::default(),
            now_ms,
        }
    }

    /// One attribute.
    pub(super) fn attribute(&mut self, kind: &str, labels: Labels<'_>, attribute: &str, value: f64) {
        let name = format!("{}_{attribute}", kind);
        self.page
            .family(&name, Kind::Untyped, "An attribute of beans of Apache Kafka")
            .sample(labels, value);
    }

    /// A gauge: its value.
    pub(super) fn gauge(&mut self, kind: &str, labels: Labels<'_>, value: f64) {
        self.attribute(kind, labels, "Value", value);
    }

    /// A gauge that has no other label than its name.
    pub(super) fn plain(&mut self, kind: &str, name: &str, value: f64) {
        self.gauge(kind, &[("name", name)], value);
    }

    /// A meter: its count and rates.
    pub(super) fn meter(&mut self, kind: &str, labels: Labels<'_>, meter: &Meter) {
        let rates = meter.rates(self.now_ms);
        self.attribute(kind, labels, "Count", rates.count as f64);
        self.rates(kind, labels, meter);
    }

    /// The rates of a meter whose count stands elsewhere.
    pub(super) fn rates(&mut self, kind: &str, labels: Labels<'_>, meter: &Meter) {
        let rates = meter.rates(self.now_ms);
        self.attribute(kind, labels, "MeanRate", rates.mean);
        self.attribute(kind, labels, "OneMinuteRate", rates.one_minute);
        self.attribute(kind, labels, "FiveMinuteRate", rates.five_minutes);
        self.attribute(kind, labels, "FifteenMinuteRate", rates.fifteen_minutes);
    }

    /// A histogram: count, mean, deviation, extremes and percentiles; `unit` is what one is in the unit shown.
    pub(super) fn distribution(&mut self, kind: &str, labels: Labels<'_>, values: &Distribution, unit: f64) {
        let (min, max) = values.extremes();
        self.attribute(kind, labels, "Count", values.count() as f64);
        self.attribute(kind, labels, "Mean", values.mean() * unit);
        self.attribute(kind, labels, "StdDev", values.deviation() * unit);
        self.attribute(kind, labels, "Min", min as f64 * unit);
        self.attribute(kind, labels, "Max", max as f64 * unit);
        for ((name, _), value) in QUANTILES.iter().zip(values.quantiles(QUANTILES.map(|(_, part)| part))) {
            self.attribute(kind, labels, name, value as f64 * unit);
        }
    }

    /// A metric that is no bean's attribute: those of Kafka's own metrics library, and of the process.
    pub(super) fn other(&mut self, name: &str, kind: Kind, help: &str, labels: &[(&str, &str)], value: f64) {
        self.page.family(name, kind, help).sample(labels, value);
    }

    /// The page.
    pub(super) fn text(&self) -> String {
        self.page.text()
    }
}
