//! Rows of the table, and printing.
#![expect(clippy::print_stdout, reason = "the table goes to standard output")]

use anyhow::Error;

/// The table.
#[derive(Default)]
pub struct Report {
    rows: Vec<Vec<String>>,
    failures: Vec<String>,
}

/// Median, smallest and largest of some measurements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The smallest.
    pub smallest: f64,
    /// The largest.
    pub largest: f64,
}

/// A ratio that we set ourselves as a goal: ours divided by theirs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// Of what should be small, such as a time.
    AtMost(f64),
    /// Of what should be large, such as a throughput.
    AtLeast(f64),
}

impl Goal {
    fn verdict(self, value: f64) -> &'static str {
        let met = match self {
            Self::AtMost(goal) => value <= goal,
            Self::AtLeast(goal) => value >= goal,
        };
        if met { "met" } else { "missed" }
    }

    fn text(self) -> String {
        match self {
            Self::AtMost(goal) => format!("≤ {goal}"),
            Self::AtLeast(goal) => format!("≥ {goal}"),
        }
    }
}

impl Spread {
    /// Of at least one value; zeros without any.
    pub fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
        Self {
            median: at(sorted.len() / 2),
            smallest: at(0),
            largest: at(sorted.len().saturating_sub(1)),
        }
    }

    fn text(self) -> String {
        format!(
            "{} [{}–{}]",
            number(self.median),
            number(self.smallest),
            number(self.largest)
        )
    }
}

fn number(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// Prints a line.
pub fn say(line: &str) {
    println!("{line}");
}

impl Report {
    /// We against the peer of the case.
    pub fn compare(&mut self, what: &str, unit: &str, ours: Spread, theirs: Spread) {
        let ratio = ours.median / theirs.median;
        self.push(what, unit, &ours.text(), &theirs.text(), &format!("× {ratio:.2}"));
    }

    /// The same with the ratio that we set ourselves as a goal, if there is one.
    pub fn compare_with_goal(&mut self, what: &str, unit: &str, ours: Spread, theirs: Spread, goal: Option<Goal>) {
        let ratio = ours.median / theirs.median;
        let verdict = goal.map_or_else(String::new, |goal| {
            format!(", {}: {}", goal.verdict(ratio), goal.text())
        });
        self.push(
            what,
            unit,
            &ours.text(),
            &theirs.text(),
            &format!("× {ratio:.2}{verdict}"),
        );
    }

    /// We against the peer of the case, with the limit that we set ourselves, in the unit of the row.
    pub fn compare_with_limit(&mut self, what: &str, unit: &str, ours: Spread, theirs: Spread, limit: f64) {
        let (ratio, verdict) = (ours.median / theirs.median, Goal::AtMost(limit).verdict(ours.median));
        self.push(
            what,
            unit,
            &ours.text(),
            &theirs.text(),
            &format!("× {ratio:.2}, {verdict}: {limit} {unit}"),
        );
    }

    /// We alone, with the limit we set ourselves.
    pub fn limit(&mut self, what: &str, unit: &str, ours: Spread, limit: f64) {
        let verdict = Goal::AtMost(limit).verdict(ours.median);
        self.push(what, unit, &ours.text(), &format!("limit {limit}"), verdict);
    }

    /// What nobody is compared with.
    pub fn alone(&mut self, what: &str, unit: &str, measured: Spread) {
        self.push(what, unit, &measured.text(), "", "");
    }

    /// A case that could not be measured.
    pub fn failed(&mut self, what: &str, error: &Error) {
        self.failures.push(format!("{what}: {error:?}"));
        self.push(what, "", "not measured", "", "");
    }

    fn push(&mut self, what: &str, unit: &str, ours: &str, theirs: &str, ratio: &str) {
        say(&format!("  {what}: {ours} {unit}; {theirs}; {ratio}"));
        self.rows
            .push([what, unit, ours, theirs, ratio].map(str::to_owned).to_vec());
    }

    /// Prints the table: median and, in brackets, the smallest and the largest.
    pub fn print(&self) {
        say("\n| what | unit | OpenMSK | peer, or limit | ratio |\n|---|---|---|---|---|");
        for row in &self.rows {
            say(&format!("| {} |", row.join(" | ")));
        }
        for failure in &self.failures {
            say(&format!("\nnot measured: {failure}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Goal, Spread};

    #[test]
    fn median_of_an_odd_number_is_the_middle_one() {
        assert_eq!(
            Spread::of(&[3.0, 1.0, 2.0]),
            Spread {
                median: 2.0,
                smallest: 1.0,
                largest: 3.0
            }
        );
    }

    #[test]
    fn goal_is_a_border_that_may_be_touched() {
        for (goal, value, verdict) in [
            (Goal::AtMost(2.0), 2.0, "met"),
            (Goal::AtMost(2.0), 2.1, "missed"),
            (Goal::AtLeast(2.0), 2.0, "met"),
            (Goal::AtLeast(2.0), 1.9, "missed"),
            // Nothing was measured.
            (Goal::AtLeast(2.0), f64::NAN, "missed"),
            (Goal::AtMost(2.0), f64::NAN, "missed"),
        ] {
            assert_eq!(goal.verdict(value), verdict, "{goal:?}, {value}");
        }
    }
}
