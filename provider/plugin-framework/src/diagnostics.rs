//! Errors and warnings as a person sees them, each with the path of the attribute it is about.

use tfplugin_proto::tfplugin6 as proto;

use crate::value::{Path, Step};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Nothing goes on.
    Error,
    /// It goes on, and a person should know.
    Warning,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// One line: what is wrong.
    pub summary: String,
    /// What to do about it.
    pub detail: String,
    /// Where in the configuration; the root when it is about the whole resource.
    pub path: Path,
}

/// Messages in the order in which they came up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "diagnostics have to reach the person"]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Nothing to say.
    pub fn none() -> Self {
        Self::default()
    }

    /// One error about the whole resource.
    pub fn from_error(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        let mut diagnostics = Self::none();
        diagnostics.error(summary, detail);
        diagnostics
    }

    /// One error about an attribute.
    pub fn from_attribute_error(path: Path, summary: impl Into<String>, detail: impl Into<String>) -> Self {
        let mut diagnostics = Self::none();
        diagnostics.attribute_error(path, summary, detail);
        diagnostics
    }

    /// Adds an error about the whole resource.
    pub fn error(&mut self, summary: impl Into<String>, detail: impl Into<String>) {
        self.push(Severity::Error, Path::root(), summary.into(), detail.into());
    }

    /// Adds an error about an attribute.
    pub fn attribute_error(&mut self, path: Path, summary: impl Into<String>, detail: impl Into<String>) {
        self.push(Severity::Error, path, summary.into(), detail.into());
    }

    /// Adds a warning about the whole resource.
    pub fn warning(&mut self, summary: impl Into<String>, detail: impl Into<String>) {
        self.push(Severity::Warning, Path::root(), summary.into(), detail.into());
    }

    /// Adds a warning about an attribute.
    pub fn attribute_warning(&mut self, path: Path, summary: impl Into<String>, detail: impl Into<String>) {
        self.push(Severity::Warning, path, summary.into(), detail.into());
    }

    /// Adds all of another list.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// There is an error among them.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|it| it.severity == Severity::Error)
    }

    /// There is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The messages.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter()
    }

    fn push(&mut self, severity: Severity, path: Path, summary: String, detail: String) {
        self.0.push(Diagnostic {
            severity,
            summary,
            detail,
            path,
        });
    }

    pub(crate) fn into_proto(self) -> Vec<proto::Diagnostic> {
        self.0.into_iter().map(Diagnostic::into_proto).collect()
    }
}

impl Diagnostic {
    fn into_proto(self) -> proto::Diagnostic {
        let severity = match self.severity {
            Severity::Error => proto::diagnostic::Severity::Error,
            Severity::Warning => proto::diagnostic::Severity::Warning,
        };
        let attribute = (!self.path.steps().is_empty()).then(|| path_to_proto(&self.path));
        proto::Diagnostic {
            severity: severity.into(),
            summary: self.summary,
            detail: self.detail,
            attribute,
        }
    }
}

pub(crate) fn path_to_proto(path: &Path) -> proto::AttributePath {
    use proto::attribute_path::{Step as ProtoStep, step::Selector};
    let steps = path.steps().iter().map(|step| {
        let selector = match step {
            Step::Attribute(name) => Selector::AttributeName(name.clone()),
            Step::Key(key) => Selector::ElementKeyString(key.clone()),
            Step::Index(index) => Selector::ElementKeyInt(i64::try_from(*index).unwrap_or(i64::MAX)),
        };
        ProtoStep {
            selector: Some(selector),
        }
    });
    proto::AttributePath { steps: steps.collect() }
}
