//! Which logger has which level. Loggers are the modules that log and those around them, with dots in their names (`kafka_log.log`),
//! because Kafka's tools take no colons; one without a level of its own has that of
//! the next one around it that has one, and at last that of the root.
//!
//! As in Kafka 4 (`LoggingController`, log4j 2), a level that is set or taken away holds for all modules inside, too: what they had
//! of their own is forgotten.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use super::LogLevel;

/// Kafka's name of the logger around all others.
pub const ROOT_LOGGER: &str = "root";

/// What stands between a logger and one inside of it, and between a module and one inside of it.
const SEPARATOR: &str = ".";
const MODULE_SEPARATOR: &str = "::";

/// Levels of all loggers at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Levels {
    root: LogLevel,
    /// Of loggers that have one of their own.
    own: BTreeMap<String, LogLevel>,
    names: BTreeSet<String>,
    /// What else the filter says, of spans and fields.
    rest: Vec<String>,
}

impl Levels {
    /// What a filter of `tracing` says of the loggers of these modules and of those that it names itself. What cannot be read
    /// in it is left out, as `tracing` does.
    pub fn read<'a>(filter: &str, names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut levels = Self {
            root: LogLevel::Error,
            own: BTreeMap::new(),
            names: names.into_iter().map(of_module).collect(),
            rest: Vec::new(),
        };
        for directive in filter.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            if directive.contains(['[', '{']) {
                levels.rest.push(directive.to_owned());
            } else if let Some((name, level)) = directive.split_once('=') {
                if let Some(level) = LogLevel::of_filter(level) {
                    levels.own.insert(of_module(name), level);
                }
            } else if let Some(level) = LogLevel::of_filter(directive) {
                levels.root = level;
            } else {
                levels.own.insert(of_module(directive), LogLevel::Trace);
            }
        }
        levels.names.extend(levels.own.keys().cloned());
        levels
    }

    /// All loggers with the levels that hold for them.
    pub fn all(&self) -> BTreeMap<&str, LogLevel> {
        let root = std::iter::once((ROOT_LOGGER, self.root));
        let others = self.names.iter().map(|name| (name.as_str(), self.level(name)));
        root.chain(others).collect()
    }

    /// There is a logger with this name.
    pub fn has(&self, name: &str) -> bool {
        name == ROOT_LOGGER || self.names.contains(name)
    }

    /// Sets the level of a logger and of all inside.
    pub fn set(&mut self, name: &str, level: LogLevel) {
        self.unset(name);
        if name == ROOT_LOGGER {
            self.root = level;
        } else {
            self.own.insert(name.to_owned(), level);
        }
    }

    /// The logger and all inside have the level of those around it. The root keeps its own.
    pub fn unset(&mut self, name: &str) {
        self.own
            .retain(|own, _| name != ROOT_LOGGER && own != name && !is_inside(own, name));
    }

    /// The filter of `tracing` that does as the levels say.
    pub fn filter(&self) -> String {
        let mut filter = self.root.in_filter().to_owned();
        for (name, level) in &self.own {
            let module = name.replace(SEPARATOR, MODULE_SEPARATOR);
            let _ = write!(filter, ",{module}={}", level.in_filter());
        }
        for directive in &self.rest {
            let _ = write!(filter, ",{directive}");
        }
        filter
    }

    fn level(&self, name: &str) -> LogLevel {
        let around = std::iter::successors(Some(name), |inner| inner.rsplit_once(SEPARATOR).map(|(outer, _)| outer));
        let mut own = around.filter_map(|name| self.own.get(name));
        own.next().copied().unwrap_or(self.root)
    }
}

/// The logger of a module.
fn of_module(module: &str) -> String {
    module.replace(MODULE_SEPARATOR, SEPARATOR)
}

fn is_inside(name: &str, outer: &str) -> bool {
    name.strip_prefix(outer).is_some_and(|rest| rest.starts_with(SEPARATOR))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 5] = [
        "broker",
        "broker::groups",
        "broker::groups::shard",
        "broker::run",
        "log",
    ];

    fn level(levels: &Levels, name: &str) -> &'static str {
        levels.all()[name].name()
    }

    #[test]
    fn a_filter_says_who_has_which_level() {
        let levels = Levels::read(
            " warn, broker::groups=DEBUG,other,log=0,bad=loud,[span{x=1}]=trace,,",
            NAMES,
        );
        let all: Vec<(&str, &str)> = levels
            .all()
            .into_iter()
            .map(|(name, level)| (name, level.name()))
            .collect();
        let expected = [
            ("broker", "WARN"),
            ("broker.groups", "DEBUG"),
            ("broker.groups.shard", "DEBUG"),
            ("broker.run", "WARN"),
            ("log", "OFF"),
            ("other", "TRACE"),
            ("root", "WARN"),
        ];
        assert_eq!(all, expected);
        assert_eq!(
            levels.filter(),
            "warn,broker::groups=debug,log=off,other=trace,[span{x=1}]=trace"
        );
        assert_eq!(Levels::read(&levels.filter(), NAMES), levels);
        assert_eq!(level(&Levels::read("", NAMES), "root"), "ERROR");
    }

    #[test]
    fn a_level_holds_for_all_inside() {
        let mut levels = Levels::read("info,broker::groups::shard=trace", NAMES);
        levels.set("broker", LogLevel::Debug);
        assert_eq!(level(&levels, "broker.groups.shard"), "DEBUG");
        levels.set("broker.groups", LogLevel::Fatal);
        assert_eq!(level(&levels, "broker.groups.shard"), "FATAL");
        assert_eq!(level(&levels, "broker.run"), "DEBUG");
        assert_eq!(levels.filter(), "info,broker=debug,broker::groups=off");
        levels.unset("broker.groups");
        assert_eq!(level(&levels, "broker.groups"), "DEBUG");
        levels.set("broker.groups", LogLevel::Trace);
        levels.unset("broker");
        assert_eq!(level(&levels, "broker.groups"), "INFO", "what was inside went, too");
        levels.set("log", LogLevel::Trace);
        levels.set(ROOT_LOGGER, LogLevel::Warn);
        assert!(levels.all().values().all(|level| *level == LogLevel::Warn));
        assert_eq!(levels.filter(), "warn");
    }

    #[test]
    fn neighbours_whose_names_begin_alike_are_left_alone() {
        let mut levels = Levels::read("info,broker_tools=debug", NAMES);
        levels.set("broker", LogLevel::Error);
        assert_eq!(level(&levels, "broker_tools"), "DEBUG");
        assert!(levels.has("broker_tools") && !levels.has("brok"));
    }

    #[test]
    fn kafka_sets_levels_in_upper_case_only() {
        assert_eq!(LogLevel::settable("DEBUG"), Some(LogLevel::Debug));
        for wrong in ["debug", "OFF", "ALL", ""] {
            assert_eq!(LogLevel::settable(wrong), None, "{wrong}");
        }
    }
}
