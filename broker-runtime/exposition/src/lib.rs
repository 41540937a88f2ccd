//! Pages of metrics in Prometheus' exposition formats: the plain text one, version 0.0.4, and OpenMetrics 1.0. Names are
//! the caller's; both formats want all samples of a family in one place, so a page puts them there, in whatever order
//! they come.
//!
//! Story: somebody scrapes → `control-plane/src/http/metrics.rs` or `kafka-broker/src/exporters` fill a **`Page`** → text.

use std::{collections::HashMap, fmt::Write as _};

/// `Content-Type` of [`Page::text`].
pub const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// `Content-Type` of [`Page::open_metrics`].
pub const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What a family of metrics is. The words are the same in both formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Buckets, a sum and a count.
    Histogram,
    /// Not said.
    Untyped,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Untyped => "untyped",
        }
    }
}

/// A page of metrics.
#[derive(Debug, Default)]
pub struct Page {
    families: Vec<Family>,
    by_name: HashMap<String, usize>,
}

/// Metrics of one name, with different labels.
#[derive(Debug)]
pub struct Family {
    name: String,
    kind: Kind,
    help: String,
    samples: String,
}

impl Page {
    /// The family of this name; it is there from now on.
    pub fn family(&mut self, name: &str, kind: Kind, help: &str) -> &mut Family {
        let index = *self.by_name.entry(name.to_owned()).or_insert_with(|| {
            self.families.push(Family {
                name: name.to_owned(),
                kind,
                help: help.to_owned(),
                samples: String::new(),
            });
            self.families.len() - 1
        });
        &mut self.families[index]
    }

    /// The page in the plain text format.
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(self.families.iter().map(|family| family.samples.len() + 200).sum());
        for family in self.families.iter().filter(|family| !family.samples.is_empty()) {
            let Family {
                name,
                kind,
                help,
                samples,
            } = family;
            // Writing to text does not fail.
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {}\n{samples}", kind.as_str());
        }
        text
    }

    /// The page in the format of OpenMetrics.
    pub fn open_metrics(&self) -> String {
        self.text() + "# EOF\n"
    }
}

impl Family {
    /// Adds a sample under the family's name.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: f64) {
        self.sample_of("", labels, value);
    }

    /// Adds a sample under the family's name with `suffix`, such as `_total` in OpenMetrics.
    pub fn sample_of(&mut self, suffix: &str, labels: &[(&str, &str)], value: f64) {
        let samples = &mut self.samples;
        samples.push_str(&self.name);
        samples.push_str(suffix);
        for (index, (name, value)) in labels.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            let _ = write!(samples, "{before}{name}=\"{}\"", Escaped(value));
        }
        if !labels.is_empty() {
            samples.push('}');
        }
        let _ = writeln!(samples, " {value}");
    }
}

/// A label's value: three characters are written as two.
struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut rest = self.0;
        while let Some(index) = rest.find(['\\', '"', '\n']) {
            formatter.write_str(&rest[..index])?;
            formatter.write_str(match rest.as_bytes()[index] {
                b'\n' => "\\n",
                b'"' => "\\\"",
                _ => "\\\\",
            })?;
            rest = &rest[index + 1..];
        }
        formatter.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_a_family_stand_together() {
        let mut page = Page::default();
        page.family("a", Kind::Gauge, "What it is")
            .sample(&[("b", "x\"y\\z\n"), ("c", "1")], 1.5);
        page.family("d", Kind::Counter, "Another").sample_of("_total", &[], 3.0);
        page.family("a", Kind::Gauge, "What it is").sample(&[], 2.0);
        page.family("empty", Kind::Gauge, "Nothing");
        assert_eq!(
            page.text(),
            "# HELP a What it is\n# TYPE a gauge\na{b=\"x\\\"y\\\\z\\n\",c=\"1\"} 1.5\na 2\n\
             # HELP d Another\n# TYPE d counter\nd_total 3\n"
        );
        assert!(page.open_metrics().ends_with("d_total 3\n# EOF\n"));
    }
}
