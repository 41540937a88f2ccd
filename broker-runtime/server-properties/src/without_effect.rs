//! Properties that brokers accept, because Kafka has them, and do not act on: what they tune is not there, or tunes itself.

use std::{collections::BTreeSet, sync::LazyLock};

static NAMES: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| {
    let lines = include_str!("without_effect.txt").lines();
    lines.filter(|line| !line.starts_with('#')).collect()
});

/// Broker and topic properties without an effect in the embedded engine, by name.
pub fn without_effect() -> &'static BTreeSet<&'static str> {
    &NAMES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{definition, topic_definition};

    #[test]
    fn each_is_one_that_a_person_may_set() {
        for name in without_effect() {
            let known = definition(name).or_else(|| topic_definition(name)).expect(name);
            assert!(known.may_be_configured(), "{name}");
        }
    }
}
