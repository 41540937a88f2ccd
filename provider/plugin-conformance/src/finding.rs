//! What core would refuse.

use std::fmt;

use plugin_framework::value::Path;

/// A rule of core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A valid configuration is not refused.
    ValidIsAccepted,
    /// A plan keeps what is configured, or the prior value where the two mean the same.
    PlanKeepsConfiguration,
    /// A plan leaves null what is neither configured nor computed.
    PlanAddsOnlyComputed,
    /// A plan and a state never hold a write-only value.
    WriteOnlyIsNull,
    /// A plan has as many blocks as the configuration.
    PlanKeepsBlocks,
    /// A plan is for an object exactly where the configuration is.
    PlanIsForAnObject,
    /// The second plan, at apply, does not take back what the first has said.
    PlanIsKept,
    /// The state after an apply is what was planned, where that was known.
    ApplyKeepsPlan,
    /// A state is wholly known.
    StateIsKnown,
    /// A successful apply has a state, and a successful destroy has none.
    ApplyIsDone,
    /// Reading right after an apply finds what the apply has answered.
    ReadFindsState,
    /// Planning the same configuration again changes nothing.
    SecondPlanIsEmpty,
    /// The stored form of a state comes back as it was.
    StateIsStored,
    /// An import and a read lead to the state that was there.
    ImportFindsState,
    /// An identity is wholly known, of every state, and never changes.
    IdentityStays,
    /// What was destroyed is not found any more.
    DestroyedIsGone,
    /// A call is answered, with diagnostics at worst.
    CallIsAnswered,
}

/// An answer that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which.
    pub rule: Rule,
    /// When: the step of the life.
    pub step: String,
    /// Where in the resource; the root for all of it.
    pub path: Path,
    /// What.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, step, path, what } = self;
        write!(formatter, "{step}: {path}: {what} ({rule:?})")
    }
}

/// Collects findings of one step.
pub(crate) struct Findings<'a> {
    pub(crate) step: String,
    pub(crate) all: &'a mut Vec<Finding>,
}

impl Findings<'_> {
    pub(crate) fn add(&mut self, rule: Rule, path: &Path, what: impl Into<String>) {
        self.all.push(Finding {
            rule,
            step: self.step.clone(),
            path: path.clone(),
            what: what.into(),
        });
    }
}
