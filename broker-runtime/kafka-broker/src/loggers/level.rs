//! Levels of loggers by their names in Kafka (`LogLevelConfig`).

/// From which level on a logger's lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Nothing. It cannot be set over Kafka's protocol, only where the process starts.
    Off,
    /// Nothing either: no line here has this level, as the process ends instead.
    Fatal,
    /// Errors.
    Error,
    /// And warnings.
    Warn,
    /// And changes of state.
    Info,
    /// And details.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// Those that may be set, in the order in which Kafka lists them.
    pub const SETTABLE: [Self; 6] = [
        Self::Debug,
        Self::Error,
        Self::Fatal,
        Self::Info,
        Self::Trace,
        Self::Warn,
    ];

    /// Kafka's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "OFF",
            Self::Fatal => "FATAL",
            Self::Error => "ERROR",
            Self::Warn => "WARN",
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
            Self::Trace => "TRACE",
        }
    }

    /// The level that may be set under this name. As in Kafka, only upper case will do.
    pub fn settable(name: &str) -> Option<Self> {
        Self::SETTABLE.into_iter().find(|level| level.name() == name)
    }

    /// The level as it stands in a filter of `tracing`, in letters of any case or as a number.
    pub(super) fn of_filter(text: &str) -> Option<Self> {
        let levels = [
            ("off", Self::Off),
            ("error", Self::Error),
            ("warn", Self::Warn),
            ("info", Self::Info),
            ("debug", Self::Debug),
            ("trace", Self::Trace),
        ];
        let numbered = text.parse().ok().and_then(|number: usize| levels.get(number));
        let named = levels.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        numbered.or(named).map(|(_, level)| *level)
    }

    /// The same for `tracing`.
    pub(super) fn in_filter(self) -> &'static str {
        match self {
            Self::Off | Self::Fatal => "off",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}
