//! How long an operation may take: durations as people write them in a `timeouts` block.

use std::time::Duration;

use plugin_framework::{
    model::{Field, Model},
    value::Value,
};

/// Default of every timeout. Things take seconds here; this is for a machine that is very busy.
pub(crate) const DEFAULT: Duration = Duration::from_secs(10 * 60);

/// How long to wait for the runtime, such as `"90s"` or `"10m"`. Default: `"10m"`.
#[derive(Clone, Debug, Default, PartialEq, Model)]
pub(crate) struct Timeouts {
    /// For a new cluster.
    #[attribute(optional, check = check)]
    create: Field<String>,
    /// For a change.
    #[attribute(optional, check = check)]
    update: Field<String>,
    /// For the removal.
    #[attribute(optional, check = check)]
    delete: Field<String>,
}

impl Timeouts {
    /// How long a creation may take.
    pub(crate) fn create(&self) -> Duration {
        limit(self.create.as_str())
    }

    /// How long a change may take.
    pub(crate) fn update(&self) -> Duration {
        limit(self.update.as_str())
    }

    /// How long a removal may take.
    pub(crate) fn delete(&self) -> Duration {
        limit(self.delete.as_str())
    }
}

/// What is wrong with a duration.
pub(crate) fn check(value: &Value) -> Vec<String> {
    let parsed = value.as_str().map(parse);
    parsed.and_then(Result::err).into_iter().collect()
}

/// A duration whose syntax was checked while planning, or the default.
pub(crate) fn limit(text: Option<&str>) -> Duration {
    text.and_then(|text| parse(text).ok()).unwrap_or(DEFAULT)
}

/// Reads a duration in the syntax of Go, which providers share: `90s`, `1h30m`, `1.5m`.
fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a duration; write one such as \"90s\", \"10m\" or \"1h30m\"");
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let number_length = rest
            .find(|character: char| !character.is_ascii_digit() && character != '.')
            .ok_or_else(wrong)?;
        let (number, tail) = rest.split_at(number_length);
        let unit_length = tail
            .find(|character: char| character.is_ascii_digit() || character == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_length);
        let seconds = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(wrong()),
        };
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let part = Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong())?;
        total = total.checked_add(part).ok_or_else(wrong)?;
        rest = tail;
    }
    if total.is_zero() {
        return Err(format!("{text:?} leaves no time at all"));
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_gos() {
        assert_eq!(parse("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
        for wrong in [
            "",
            "10",
            "m",
            "10 minutes",
            "-5s",
            "0s",
            "1..2s",
            "99999999999999999999h",
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
